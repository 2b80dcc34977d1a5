import type { Dataset } from '../data/dataset.js'
import { LrpError } from '../core/errors.js'
import { toKebab } from '../core/flag-names.js'
import type { TrainSettings } from '../train/settings.js'
import type { TrainOptions } from '../train/options.js'
import { openTrainData } from '../train/prepare.js'
import type { Space } from './space.js'

/** Settings that decide how images are opened; the seed decides what is carved out. */
const HOW = ['validSplit', 'testSplit', 'imageSize', 'channels', 'cache', 'decode', 'preprocess'] as const

/** Trials of the same key train on the same data set. */
export function dataKey(settings: TrainSettings): string {
  return JSON.stringify([...HOW.map((name) => settings[name]), settings.seed, settings.augment?.randomCrop])
}

/** @throws LrpError INVALID_ARGUMENT where a data set is opened already, in one way for all trials */
export function checkOpened({ data }: TrainOptions, space: Space): void {
  const name = HOW.find((name) => name in space)
  if (typeof data !== 'object' || name === undefined) return
  throw new LrpError(
    'INVALID_ARGUMENT',
    `the setting '${toKebab(name)}' cannot be searched, because the data set ${data.name} is already open`
  )
}

interface Entry {
  dataset: Promise<Dataset>
  users: number
}

/**
 * The data sets of a search, each opened when a trial needs it. Those that no trial works on make room before another is
 * opened: as many are in memory as there are trials at the same time, at most.
 */
export class DataSets {
  private readonly opened = new Map<string, Entry>()

  constructor(private readonly options: TrainOptions) {}

  /** @throws LrpError as `openDataset`; INVALID_ARGUMENT where there are no validation images */
  async use<T>(settings: TrainSettings, work: (dataset: Dataset) => Promise<T>): Promise<T> {
    const key = dataKey(settings)
    const entry = this.opened.get(key) ?? this.open(key, settings)
    entry.users++
    try {
      return await work(await entry.dataset)
    } finally {
      entry.users--
    }
  }

  private open(key: string, settings: TrainSettings): Entry {
    for (const [other, { users }] of this.opened) if (users === 0) this.opened.delete(other)
    const entry = { dataset: openChecked(settings, this.options), users: 0 }
    this.opened.set(key, entry)
    return entry
  }
}

async function openChecked(settings: TrainSettings, options: TrainOptions): Promise<Dataset> {
  const { validSplit, testSplit } = settings // may be searched: then they are asked for
  const dataset = await openTrainData(settings, { ...options, validSplit, testSplit })
  if (dataset.splits.valid.labels.length > 0) return dataset
  throw new LrpError(
    'INVALID_ARGUMENT',
    `the data set ${dataset.name} has no validation images to compare the trials on: pass --valid-split`
  )
}
