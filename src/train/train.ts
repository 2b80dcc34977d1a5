import { classCounts, fingerprint, type Dataset, type Split } from '../data/dataset.js'
import type { DownloadProgress } from '../data/mnist.js'
import { datasetName, openWith, type DataOptions } from '../data/open.js'
import type { ProcessGroup } from '../distributed/process-group.js'
import { LrpError } from '../core/errors.js'
import { createExperiment, Experiment, openExperiment } from '../experiment/experiment.js'
import { chooseArchitecture } from '../model/architectures/choose.js'
import { initialise } from '../model/builder.js'
import type { ModelParts, Preprocessing } from '../core/graph.js'
import { loadModelParts, type LoadOptions } from '../model/load.js'
import { Model } from '../model/model.js'
import { choosePreprocessing, plainPreprocessing } from '../model/preprocessing.js'
import { native } from '../native/addon.js'
import { checkNames, optionError, withoutUndefined } from '../core/options.js'
import { counted } from '../core/plural.js'
import type { StateDict } from '../core/tensor.js'
import { versions } from '../native/versions.js'
import { hasCheckpoint, readCheckpoint, removeLeftovers } from './checkpoint.js'
import { checkEffects } from './effects.js'
import { fitNormalisation } from '../data/fit-normalisation.js'
import { runJob, type Job, type TrainResult } from './job.js'
import type { BatchEvent, EpochEvent } from '../native/train-types.js'
import { nativeOptions } from './native-options.js'
import { trainData } from './run.js'
import { checkSettings, SETTINGS_NAMES, settingsSchema, type GivenSettings, type TrainSettings } from './settings.js'

export type { TrainResult } from './job.js'
export { LOSSES, OPTIMIZERS, PRECISIONS, SCHEDULERS } from './settings.js'

/** Everything of `settingsSchema` (settings.ts), and where and how the run happens. */
export interface TrainOptions extends Omit<GivenSettings, 'data'> {
  /** Name of a data set (`digits` by default) or an opened one. */
  data?: string | Dataset
  /** Image folders: a broken image is an error instead of being left out. */
  strict?: boolean
  /** The architecture of `from`, where that is a file of weights alone. */
  load?: Pick<LoadOptions, 'architecture' | 'preprocess'>
  device?: string
  /** Folder name below the experiments root; `<model>-<data set>` by default. */
  experimentName?: string
  experimentsRoot?: string
  /** Stopped experiment to go on with, in its own folder and with its own settings; `epochs` may be raised. */
  resume?: string
  /** Ends after this epoch of `epochs`, as a stop would; `resume` goes on. */
  untilEpoch?: number
  /** Processes that share every batch (`joinProcessGroup`); rank 0 alone writes the experiment. */
  group?: ProcessGroup
  onProgress?: (event: BatchEvent | EpochEvent) => void
  /** The data set as it was opened, before anything is trained. */
  onData?: (dataset: Dataset) => void
  onDownload?: DownloadProgress
  signal?: AbortSignal
}

export const TRAIN_NAMES: Record<keyof TrainOptions, true> = {
  ...SETTINGS_NAMES,
  strict: true,
  load: true,
  device: true,
  experimentName: true,
  experimentsRoot: true,
  resume: true,
  untilEpoch: true,
  group: true,
  onProgress: true,
  onData: true,
  onDownload: true,
  signal: true
}

/**
 * Trains a classifier, or a regression, and writes its experiment folder: settings, best weights, last checkpoint, history and charts.
 * The same seed on the same machine gives bit-identical weights on the CPU. An abort ends it after the batch at hand; what is done
 * is saved.
 * @throws LrpError INVALID_ARGUMENT, NOT_FOUND, INVALID_FILE, IO, NUMERIC (a loss that is not finite)
 */
export async function train(options: TrainOptions = {}): Promise<TrainResult> {
  checkNames(options, TRAIN_NAMES)
  if (options.resume === undefined) checkEffects(options, settingsOf(options))
  return trainWith(options)
}

/** `train` with settings of which some may have no effect: those of a trial of a search. */
export async function trainWith(options: TrainOptions): Promise<TrainResult> {
  if (options.resume !== undefined) return resume(options, options.resume)
  const settings = settingsOf(options)
  const { parts, dataset } = await start(settings, options)
  const job = await wholeModel(parts, dataset, settings, options)
  const begin = () => beginExperiment('train', parts, dataset, settings, options, { load: options.load })
  return runJob(await withExperiment(job, begin))
}

/** What a run begins with: the data set, and a fresh network for it or the one of `from`. */
async function start(settings: TrainSettings, options: TrainOptions): Promise<{ parts: ModelParts; dataset: Dataset }> {
  const { from, preprocess } = settings
  const loaded = from === undefined ? undefined : await loadStart(from, { ...options, preprocess })
  const dataset = await openTrainData(settings, options, loaded?.preprocessing)
  checkClasses(dataset)
  return { dataset, parts: loaded ? await fitted(loaded, dataset) : await freshParts(settings, dataset) }
}

/** The model that a run starts from. A file that does not say so gets images of its own size, with values from 0 to 1. */
export async function loadStart(
  from: string,
  { preprocess, load, experimentsRoot }: Pick<TrainOptions, 'preprocess' | 'load' | 'experimentsRoot'>
): Promise<ModelParts> {
  const parts = await loadModelParts(from, { preprocess, ...load, experimentsRoot })
  const imageShape = parts.graph.inputShape.slice(1).map(Number)
  return { ...parts, preprocessing: parts.preprocessing ?? plainPreprocessing(imageShape) }
}

async function resume(options: TrainOptions, name: string): Promise<TrainResult> {
  const experiment = await openStopped(name, options)
  if (experiment.manifest.command.name === 'finetune') {
    throw new LrpError(
      'INVALID_ARGUMENT',
      `${experiment.name} is a fine-tuning: go on with "lrp-native finetune --resume"`
    )
  }
  if (!hasCheckpoint(experiment)) {
    const settings = storedSettings(experiment, options)
    const load = experiment.manifest.command.load as TrainOptions['load']
    const { parts, dataset } = await start(settings, { ...options, load })
    checkSame(experiment, dataset)
    return runJob({ experiment, ...(await wholeModel(parts, dataset, settings, options)) })
  }
  const { settings, dataset, parts, history, start: from } = await reopen(experiment, options)
  return runJob({ experiment, history, start: from, ...(await wholeModel(parts, dataset, settings, options)) })
}

/** A stopped experiment, without what a kill left half written. */
export async function openStopped(name: string, options: TrainOptions): Promise<Experiment> {
  const experiment = await openExperiment(name, options.experimentsRoot)
  if (options.experimentName !== undefined && options.experimentName !== experiment.name)
    throw optionError('experimentName', `: ${experiment.name} goes on in its own folder, leave it out`)
  if (!options.group || options.group.rank === 0) await removeLeftovers(experiment)
  return experiment
}

/** What may be another when a run goes on: it changes no step that was taken. */
const MAY_CHANGE = ['epochs', 'dataPath', 'cache', 'threads', 'tensorboard', 'checkpointSeconds'] as const

/**
 * Settings of a stopped experiment, some of which may be others now.
 * @throws LrpError INVALID_ARGUMENT naming a given one that is another, but must not be
 */
export function storedSettings(experiment: Experiment, options: TrainOptions): TrainSettings {
  const { name, manifest } = experiment
  const data = typeof options.data === 'object' ? undefined : options.data
  const asked: Record<string, unknown> = withoutUndefined({ ...options, data })
  const changes = Object.fromEntries(MAY_CHANGE.filter((key) => key in asked).map((key) => [key, asked[key]]))
  const settings = checkSettings({ ...manifest.command, ...changes }, 'experiment.json')
  const known: Record<string, unknown> = settings
  const wanted: Record<string, unknown> = checkSettings({ ...settings, ...asked })
  const other = Object.keys(settingsSchema.shape).find(
    (key) => key in asked && JSON.stringify(wanted[key]) !== JSON.stringify(known[key])
  )
  if (other === undefined) return settings
  const was = JSON.stringify(known[other]) ?? 'not given'
  throw optionError(other, ` must stay ${was} where ${name} goes on: leave it out`)
}

/** @throws LrpError INVALID_ARGUMENT where a data set is not the one of an experiment */
export function checkSame(experiment: Experiment, dataset: Dataset): void {
  const known = (experiment.manifest.data as { fingerprint?: string } | undefined)?.fingerprint
  if (known === fingerprint(dataset)) return
  throw new LrpError('INVALID_ARGUMENT', `the data set is not the one that ${experiment.name} was trained on`)
}

/** A stopped experiment as it stood: its settings, data, and the model with the weights of its last checkpoint. */
export async function reopen(experiment: Experiment, options: TrainOptions): Promise<Reopened> {
  const checkpoint = await readCheckpoint(experiment)
  const settings = storedSettings(experiment, options)
  const saved = await loadModelParts(experiment.folder)
  const dataset = await openTrainData(settings, options, saved.preprocessing)
  checkSame(experiment, dataset)
  const { weights: kept, ...start } = checkpoint.snapshot
  const done = checkpoint.history.length
  if (settings.epochs < done)
    throw optionError('epochs', `: ${experiment.name} has ${counted(done, 'epoch')} behind it, ask for more`)
  const weights = new Map(Object.entries(kept))
  const parts = { ...saved, tensors: weights }
  return { settings, dataset, parts, weights, history: checkpoint.history, start }
}

interface Reopened extends Pick<Job, 'history' | 'start'> {
  settings: TrainSettings
  dataset: Dataset
  /** The model; where all of it was trained, with the weights of the last checkpoint. */
  parts: ModelParts
  /** Weights of the last checkpoint: those of what was trained. */
  weights: StateDict
}

/**
 * The settings that options mean; an opened data set has its own name and task.
 * @throws LrpError INVALID_ARGUMENT, also for another task than that of an opened data set
 */
export function settingsOf(options: TrainOptions): TrainSettings {
  const { data, task } = options
  if (typeof data === 'object' && task !== undefined && task !== (data.task ?? 'classification')) {
    const has = data.task ?? 'classification'
    throw new LrpError('INVALID_ARGUMENT', `the data set ${data.name} is for ${has}, not for ${task}`)
  }
  const own =
    typeof data === 'object' ? { data: data.name, task: data.task } : { data: datasetName(options as DataOptions) }
  return checkSettings({ ...options, ...own })
}

export async function openTrainData(
  settings: TrainSettings,
  options: TrainOptions,
  preprocessing?: Preprocessing
): Promise<Dataset> {
  const { data, strict, onDownload, onData } = options
  const randomCrop = settings.augment?.randomCrop
  const images = { preprocessing: preprocessing ?? (await givenPreprocessing(settings)), randomCrop }
  const how = { strict, ...images, onDownload }
  const dataset = typeof data === 'object' ? data : await openWith({ ...settings, ...how })
  if (randomCrop && !dataset.storedShape) {
    const how = "open it with the option 'randomCrop'"
    throw new LrpError('INVALID_ARGUMENT', `${dataset.name} keeps no larger images for random crops: ${how}`)
  }
  onData?.(dataset)
  return dataset
}

async function givenPreprocessing({ preprocess }: TrainSettings): Promise<Preprocessing | undefined> {
  return preprocess === undefined || preprocess === 'none' ? undefined : choosePreprocessing(preprocess, [])
}

/** A job with its experiment, whose folder is made once nothing stands in the run's way any more: not before. */
export async function withExperiment(job: Omit<Job, 'experiment'>, begin: () => Promise<Experiment>): Promise<Job> {
  try {
    checkPrecision(job)
    return { ...job, experiment: await begin() }
  } catch (error) {
    job.model.dispose()
    throw error
  }
}

/** @throws LrpError UNSUPPORTED */
function checkPrecision({ options, model }: Omit<Job, 'experiment'>): void {
  if (options.precision !== 'fp16' || model.device !== 'cpu') return
  throw new LrpError('UNSUPPORTED', 'precision fp16 needs a CUDA device; the CPU has bf16')
}

/** Makes the folder, with what was asked in it. */
export async function beginExperiment(
  command: string,
  parts: ModelParts,
  dataset: Dataset,
  settings: TrainSettings,
  options: TrainOptions,
  more: Record<string, unknown> = {}
): Promise<Experiment> {
  const plain = settings.data.replace(/[^\w-]+/g, '-').replace(/^-+|-+$/g, '')
  const name = options.experimentName ?? `${parts.name}-${plain}`
  const asked = { command: { name: command, ...settings, ...more }, seed: settings.seed }
  const manifest = { ...asked, versions: versions(), data: describe(dataset) }
  const create = () => createExperiment(name, manifest, options.experimentsRoot)
  if (!options.group) return create()
  const made = await options.group.fromFirst(async () => ({ ...(await create()) }))
  return new Experiment(made.folder, made.manifest)
}

/** The parts of a job in which all of a model is trained on images. */
export async function wholeModel(
  parts: ModelParts,
  dataset: Dataset,
  settings: TrainSettings,
  options: TrainOptions
): Promise<Omit<Job, 'experiment'>> {
  const all = nativeOptions(settings, dataset, parts.graph, parts.preprocessing!)
  const model = await Model.create(parts, options.device)
  const { name, graph, preprocessing, task, classes } = model
  const frame = { name, graph, preprocessing, task, classes }
  return {
    model,
    data: trainData(dataset),
    ...ending(all, options),
    checkpointSeconds: settings.checkpointSeconds,
    tensorboard: settings.tensorboard,
    assemble: (tensors) => ({ ...frame, tensors }),
    device: options.device,
    group: options.group,
    onProgress: options.onProgress,
    signal: options.signal
  }
}

/** Ends a run at `untilEpoch`. */
export function ending(all: Job['options'], { untilEpoch = Infinity }: TrainOptions): Pick<Job, 'options' | 'paused'> {
  return { options: { ...all, epochs: Math.min(all.epochs, untilEpoch) }, paused: untilEpoch < all.epochs }
}

/** A fresh network sees images as they were read, whatever its architecture's published weights want. */
async function freshParts(settings: TrainSettings, dataset: Dataset): Promise<ModelParts> {
  const { task, classes, imageShape } = dataset
  const architecture = await chooseArchitecture(settings.model, { ...settings, classes: classes.length, imageShape })
  const parts = { ...(await initialise(architecture, settings.seed, classes)), task }
  const preprocessing = (await givenPreprocessing(settings)) ?? plainPreprocessing(imageShape)
  const values = settings.normalise === 'fit' ? await fitNormalisation(dataset, preprocessing) : {}
  return { ...parts, preprocessing: { ...preprocessing, ...values } }
}

/** A loaded model, if it takes these images and has these classes. @throws LrpError INVALID_ARGUMENT */
async function fitted(parts: ModelParts, dataset: Dataset): Promise<ModelParts> {
  checkImages(parts, dataset)
  const { task, classes } = dataset
  const has = parts.classes?.length ?? (await outputsOf(parts))
  if (has !== classes.length) {
    throw new LrpError(
      'INVALID_ARGUMENT',
      task === 'regression'
        ? `the model has ${counted(has, 'output')}, ${dataset.name} has ${counted(classes.length, 'value')}`
        : `the model has ${counted(has, 'class', 'classes')}, ${dataset.name} has ${classes.length}: finetune gives it a new head`
    )
  }
  return { ...parts, ...(task === 'regression' && { task }), classes }
}

/** How many outputs a model has whose classes have no names. */
async function outputsOf(parts: ModelParts): Promise<number> {
  using model = await Model.create(parts, 'cpu')
  return model.outputs()
}

/** @throws LrpError INVALID_ARGUMENT */
export function checkImages(parts: ModelParts, dataset: Dataset): void {
  const wanted = parts.graph.inputShape.slice(1).join('x')
  if (wanted === dataset.imageShape.join('x')) return
  throw new LrpError(
    'INVALID_ARGUMENT',
    `the model takes images of ${wanted}, ${dataset.name} has ${dataset.imageShape.join('x')}`
  )
}

/** @throws LrpError INVALID_ARGUMENT for an empty training split, or a class that it has no image of */
export function checkClasses(dataset: Dataset): void {
  const { train } = dataset.splits
  if (train.labels.length === 0) throw new LrpError('INVALID_ARGUMENT', `the train split of ${dataset.name} is empty`)
  if (dataset.task === 'regression') return
  const missing = classCounts(train, dataset.classes.length).indexOf(0)
  if (missing >= 0) {
    throw new LrpError(
      'INVALID_ARGUMENT',
      `the train split of ${dataset.name} has no image of class '${dataset.classes[missing]}'`
    )
  }
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
