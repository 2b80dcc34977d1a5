import { classCounts, fingerprint, type Dataset, type Split } from '../data/dataset.js'
import { LrpError } from '../core/errors.js'
import { optionError } from '../core/options.js'
import { createExperiment, Experiment } from '../experiment/experiment.js'
import { native } from '../native/addon.js'
import { versions } from '../native/versions.js'
import type { TrainOptions } from './options.js'
import type { Start } from './prepare.js'
import { recordedCommand, type TrainSettings } from './settings.js'

/** Makes the folder of a run, with everything in it that resuming needs. */
export async function beginExperiment(
  { parts, dataset }: Start,
  settings: TrainSettings,
  options: TrainOptions
): Promise<Experiment> {
  const plain = settings.data.replace(/[^\w-]+/g, '-').replace(/^-+|-+$/g, '')
  const name = options.experimentName ?? `${parts.name}-${plain}`
  const asked = { command: recordedCommand(settings), network: parts.name, seed: settings.seed }
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

/** A stopped run continues in its own folder, by the command that began it. @throws LrpError INVALID_ARGUMENT */
export function checkContinues({ name, manifest }: Experiment, command: string, options: TrainOptions): void {
  if (options.experimentName !== undefined && options.experimentName !== name)
    throw optionError('experimentName', ` cannot be combined with --resume: ${name} continues in its own folder`)
  const began = String(manifest.command.name)
  if (began === command) return
  throw new LrpError(
    'INVALID_ARGUMENT',
    `${name} was started by ${began}: resume it with "npx lrp-native ${began} --resume"`
  )
}

/** @throws LrpError INVALID_ARGUMENT where a data set is not the one of an experiment */
export function checkSame(experiment: Experiment, dataset: Dataset): void {
  const known = (experiment.manifest.data as { fingerprint?: string } | undefined)?.fingerprint
  if (known === fingerprint(dataset)) return
  throw new LrpError(
    'INVALID_ARGUMENT',
    `${experiment.name} cannot be resumed: the data set differs from the stopped run's data set`
  )
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
