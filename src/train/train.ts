import { existsSync } from 'node:fs'
import { classCounts, fingerprint, type Dataset } from '../data/dataset.js'
import { datasetName, openDataset, type DataOptions } from '../data/open.js'
import { LrpError } from '../errors.js'
import { createExperiment, openExperiment, type Experiment } from '../experiment/experiment.js'
import { buildArchitecture } from '../model/architectures/index.js'
import { initialise } from '../model/builder.js'
import type { ModelParts } from '../model/graph.js'
import { loadModelParts } from '../model/load.js'
import { Model } from '../model/model.js'
import { plainPreprocessing } from '../model/preprocessing.js'
import { saveParts } from '../model/save.js'
import { native } from '../native.js'
import { writeFilters } from '../plot/filters.js'
import { writeTrainingCharts } from '../plot/training-charts.js'
import { versions } from '../versions.js'
import { Bookkeeper } from './bookkeeper.js'
import { readCheckpoint, removeLeftovers } from './checkpoint.js'
import { fitNormalisation } from './fit-normalisation.js'
import type { BatchEvent, EpochEvent, NativeTrainResult, Snapshot } from './native.js'
import { runTraining } from './run.js'
import { checkSettings, type GivenSettings, type TrainSettings } from './settings.js'

export { LOSSES, OPTIMIZERS, PRECISIONS, SCHEDULERS } from './settings.js'

/** Everything of `settingsSchema` (settings.ts), and where and how the run happens. */
export interface TrainOptions extends Omit<GivenSettings, 'data'> {
  /** Name of a data set (`digits` by default) or an opened one. */
  data?: string | Dataset
  /** Image folders: a broken image is an error instead of being left out. */
  strict?: boolean
  device?: string
  /** Folder name below the experiments root; `<model>-<data set>` by default. */
  experimentName?: string
  experimentsRoot?: string
  /** Stopped experiment to go on with, in its own folder and with its own settings; `epochs` may be raised. */
  resume?: string
  onProgress?: (event: BatchEvent | EpochEvent) => void
  signal?: AbortSignal
}

export interface TrainResult {
  experiment: Experiment
  /** With the weights of the best epoch. */
  model: Model
  history: EpochEvent[]
  /** Epoch with the highest validation accuracy, of those the one with the lowest loss; the last where nothing validates. */
  bestEpoch: number
  /** False when it was stopped; `resume` goes on. */
  completed: boolean
  reason: NativeTrainResult['reason']
}

/**
 * Trains a classifier and writes its experiment folder: settings, best weights, last checkpoint, history and charts.
 * The same seed on the same machine gives bit-identical weights. An abort ends it after the batch at hand; what is done
 * is saved.
 * @throws LrpError INVALID_ARGUMENT, NOT_FOUND, INVALID_FILE, IO, NUMERIC (a loss that is not finite)
 */
export async function train(options: TrainOptions = {}): Promise<TrainResult> {
  if (options.resume !== undefined) return resume(options, options.resume)
  const given = typeof options.data === 'object' ? options.data : undefined
  const settings = checkSettings({ ...options, data: given?.name ?? datasetName(options as DataOptions) }, 'train')
  const dataset = given ?? (await openDataset({ ...settings, strict: options.strict }))
  return trainParts(await startingParts(settings, dataset, options.experimentsRoot), dataset, settings, options)
}

/** Trains a model whose starting weights are given: what `train` and `finetune` share. */
export async function trainParts(
  parts: ModelParts,
  dataset: Dataset,
  settings: TrainSettings,
  options: TrainOptions,
  command = 'train'
): Promise<TrainResult> {
  checkClasses(dataset)
  const model = await Model.create(parts, options.device)
  const about = {
    command: { name: command, ...settings },
    versions: versions(),
    seed: settings.seed,
    data: describe(dataset)
  }
  const name =
    options.experimentName ?? `${settings.model}-${settings.data.replace(/[^\w-]+/g, '-').replace(/^-+|-+$/g, '')}`
  const experiment = await createExperiment(name, about, options.experimentsRoot)
  return runAndSave({ experiment, model, dataset, settings, options, history: [] })
}

async function resume(options: TrainOptions, name: string): Promise<TrainResult> {
  const experiment = await openExperiment(name, options.experimentsRoot)
  const checkpoint = await readCheckpoint(experiment)
  const longer = options.epochs === undefined ? {} : { epochs: options.epochs }
  const settings = checkSettings({ ...experiment.manifest.command, ...longer }, 'experiment.json')
  const dataset =
    typeof options.data === 'object' ? options.data : await openDataset({ ...settings, strict: options.strict })
  const kept = (experiment.manifest.data as { fingerprint?: string } | undefined)?.fingerprint
  if (kept !== fingerprint(dataset)) {
    throw new LrpError('INVALID_ARGUMENT', `the data set is not the one that ${experiment.name} was trained on`)
  }
  await removeLeftovers(experiment)
  const { weights, ...state } = checkpoint.snapshot
  const saved = await loadModelParts(experiment.folder)
  const model = await Model.create({ ...saved, tensors: new Map(Object.entries(weights)) }, options.device)
  return runAndSave({ experiment, model, dataset, settings, options, history: checkpoint.history, state })
}

interface Run {
  experiment: Experiment
  model: Model
  dataset: Dataset
  settings: TrainSettings
  options: TrainOptions
  history: EpochEvent[]
  state?: Omit<Snapshot, 'weights'>
}

async function runAndSave({
  experiment,
  model,
  dataset,
  settings,
  options,
  history,
  state
}: Run): Promise<TrainResult> {
  const { tensors, ...frame } = await model.toParts()
  if (!existsSync(experiment.path('model.json'))) await saveParts(experiment.folder, { ...frame, tensors })
  const failed = new AbortController()
  const signal = options.signal ? AbortSignal.any([options.signal, failed.signal]) : failed.signal
  const books = new Bookkeeper(experiment, frame, history, () => failed.abort())
  const callbacks = {
    onBatch: (event: BatchEvent) => options.onProgress?.(event),
    onEpoch: (event: EpochEvent, snapshot: Snapshot) => {
      books.epoch(event, snapshot)
      options.onProgress?.(event)
    }
  }
  try {
    const result = await runTraining(model, dataset, settings, callbacks, state, signal)
    books.checkpoint(result.snapshot)
    await books.settled()
    const { bestEpoch } = result.snapshot.position
    await finish(experiment, books.history, result)
    const best = await Model.load(experiment.folder, { device: options.device })
    if (books.history.length > 0) await writeFilters(best, experiment.path('charts', 'filters.png'))
    return {
      experiment,
      model: best,
      history: books.history,
      bestEpoch,
      completed: result.completed,
      reason: result.reason
    }
  } finally {
    await books.settled().catch(() => undefined)
    model.dispose()
  }
}

async function finish(
  experiment: Experiment,
  history: EpochEvent[],
  { completed, reason, snapshot }: NativeTrainResult
): Promise<void> {
  if (history.length > 0) await writeTrainingCharts(experiment, history)
  const { bestEpoch } = snapshot.position
  await experiment.record({
    results: { completed, reason, epochs: history.length, bestEpoch, ...history[bestEpoch - 1] }
  })
}

async function startingParts(settings: TrainSettings, dataset: Dataset, root?: string): Promise<ModelParts> {
  if (settings.from === undefined) {
    const { classes, imageShape } = dataset
    const architecture = buildArchitecture(settings.model, { ...settings, classes: classes.length, imageShape })
    const parts = await initialise(architecture, settings.seed, classes)
    if (settings.normalise === 'none') return parts
    return { ...parts, preprocessing: { ...parts.preprocessing!, ...fitNormalisation(dataset) } }
  }
  const parts = await loadModelParts(settings.from, { experimentsRoot: root })
  const wanted = parts.graph.inputShape.slice(1).join('x')
  if (wanted !== dataset.imageShape.join('x')) {
    throw new LrpError(
      'INVALID_ARGUMENT',
      `the model of '${settings.from}' takes images of ${wanted}, ${dataset.name} has ${dataset.imageShape.join('x')}`
    )
  }
  if (parts.classes && parts.classes.length !== dataset.classes.length) {
    throw new LrpError(
      'INVALID_ARGUMENT',
      `the model of '${settings.from}' has ${parts.classes.length} classes, ${dataset.name} has ${dataset.classes.length}`
    )
  }
  return { ...parts, preprocessing: parts.preprocessing ?? plainPreprocessing(dataset.imageShape) }
}

/** @throws LrpError INVALID_ARGUMENT for an empty training split, or a class that it has no image of */
function checkClasses(dataset: Dataset): void {
  const { train } = dataset.splits
  if (train.labels.length === 0) throw new LrpError('INVALID_ARGUMENT', `the train split of ${dataset.name} is empty`)
  const missing = classCounts(train, dataset.classes.length).indexOf(0)
  if (missing >= 0) {
    throw new LrpError(
      'INVALID_ARGUMENT',
      `the train split of ${dataset.name} has no image of class '${dataset.classes[missing]}'`
    )
  }
}

function describe(dataset: Dataset): Record<string, unknown> {
  const { name, classes, imageShape, splits, skipped } = dataset
  const counts = Object.fromEntries(Object.entries(splits).map(([split, { labels }]) => [split, labels.length]))
  return {
    name,
    classes,
    imageShape,
    counts,
    skipped: skipped.length,
    fingerprint: fingerprint(dataset),
    threads: native().info().threads
  }
}
