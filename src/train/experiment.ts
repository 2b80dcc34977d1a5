import { existsSync } from 'node:fs'
import { resolve } from 'node:path'
import { classCounts, fingerprint, type Dataset, type Split } from '../data/dataset.js'
import { LrpError } from '../core/errors.js'
import { createExperiment, Experiment } from '../experiment/experiment.js'
import { native } from '../native/addon.js'
import { versions } from '../native/versions.js'
import type { TrainOptions } from './options.js'
import type { Plan, Start } from './prepare.js'
import type { TrainSettings } from './settings.js'

/** Makes the folder of a run, with everything in it that resuming needs. */
export async function beginExperiment(
  { parts, dataset }: Start,
  settings: TrainSettings,
  plan: Plan,
  options: TrainOptions
): Promise<Experiment> {
  const plain = settings.data.replace(/[^\w-]+/g, '-').replace(/^-+|-+$/g, '')
  const name = options.experimentName ?? `${parts.name}-${plain}`
  const asked = { command: { ...withWholePaths(settings), ...plan }, seed: settings.seed }
  const manifest = { ...asked, versions: versions(), data: describe(dataset) }
  const { group, experimentsRoot } = options
  const create = () => createExperiment(name, manifest, experimentsRoot, options.experimentName !== undefined)
  if (!group) return create()
  let own: Experiment | undefined
  const { folder, manifest: kept } = await group.fromFirst(async () => {
    own = await create()
    return { folder: own.folder, manifest: own.manifest }
  })
  return own ?? new Experiment(folder, kept)
}

/** Settings that may name a file or folder. */
const PATHS = ['dataPath', 'from', 'preprocess', 'exclude'] as const

/** Settings whose paths are absolute, so that a run can be resumed from another folder; names stay as they are. */
export function withWholePaths<T extends Partial<Pick<TrainSettings, (typeof PATHS)[number]>>>(settings: T): T {
  const whole = PATHS.flatMap((name) => {
    const path = settings[name]
    return path !== undefined && (name === 'dataPath' || existsSync(path)) ? [[name, resolve(path)] as const] : []
  })
  return { ...settings, ...Object.fromEntries(whole) }
}

/** @throws LrpError INVALID_ARGUMENT where a data set is not the one of an experiment */
export function checkSame(experiment: Experiment, dataset: Dataset): void {
  const known = (experiment.manifest.data as { fingerprint?: string } | undefined)?.fingerprint
  if (known === fingerprint(dataset)) return
  throw new LrpError('INVALID_ARGUMENT', `the data set is not the one that ${experiment.name} was trained on`)
}

function describe(dataset: Dataset): Record<string, unknown> {
  const { name, task, classes, imageShape, storedShape, splits, skipped, missing } = dataset
  const ofSplits = <T>(value: (split: Split) => T): Record<string, T> =>
    Object.fromEntries(Object.entries(splits).map(([split, images]) => [split, value(images)]))
  return {
    name,
    task,
    classes,
    imageShape,
    storedShape,
    counts: ofSplits(({ labels }) => labels.length),
    ...(task !== 'regression' && { perClass: ofSplits((split) => classCounts(split, classes.length)) }),
    skipped,
    missing,
    fingerprint: fingerprint(dataset),
    threads: native().info().threads
  }
}
