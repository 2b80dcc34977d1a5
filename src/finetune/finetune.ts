import type { Dataset } from '../data/dataset.js'
import { LrpError } from '../core/errors.js'
import { testClassifier, type ClassificationResult } from '../scores/test-classifier.js'
import { testRegression, type RegressionResult } from '../scores/test-regression.js'
import type { Experiment } from '../experiment/experiment.js'
import type { ModelParts } from '../core/graph.js'
import type { LoadOptions } from '../model/load.js'
import { Model } from '../model/model.js'
import { hasCheckpoint } from '../train/checkpoint.js'
import { checkEffects } from '../train/effects.js'
import { runJob, type Job, type TrainResult } from '../train/job.js'
import { nativeOptions } from '../train/native-options.js'
import { checkNames } from '../core/options.js'
import type { TrainSettings } from '../train/settings.js'
import {
  beginExperiment,
  checkClasses,
  checkImages,
  checkSame,
  ending,
  loadStart,
  openStopped,
  openTrainData,
  reopen,
  settingsOf,
  storedSettings,
  TRAIN_NAMES,
  wholeModel,
  withExperiment,
  type TrainOptions
} from '../train/train.js'
import { featuresOf } from './features.js'
import { checkValueHead, findHead, hasOutputs, headGraph, tensorsOf, withNewHead, type Head } from './head.js'

export const FINETUNE_MODES = ['last-layer', 'whole'] as const
export type FinetuneMode = (typeof FINETUNE_MODES)[number]

export interface FinetuneOptions extends Omit<
  TrainOptions,
  'from' | 'model' | 'hiddenSize' | 'activation' | 'normalise' | 'load'
> {
  /** Experiment or model file to start from. */
  model?: string
  /** How the model is loaded. */
  load?: Omit<LoadOptions, 'experimentsRoot'>
  /** `last-layer` (default): the rest stays as it is and its outputs are computed once; `whole`: every weight is trained. */
  mode?: FinetuneMode
  /** A new last layer even where the classes are the model's own, or the values as many. Others always get one. */
  newHead?: boolean
  /** Images that pass through the frozen layers so far, before the epochs begin. */
  onFeatures?: (done: number, total: number) => void
}

/** A model that is there has its layers and its normalisation. */
const { from: _from, hiddenSize: _size, activation: _activation, normalise: _normalise, ...KEPT } = TRAIN_NAMES
const NAMES: Record<keyof FinetuneOptions, true> = { ...KEPT, mode: true, newHead: true, onFeatures: true }

export interface FinetuneResult extends TrainResult {
  /** The best model's scores on the test split, per class too; undefined where that is empty or the run was stopped. */
  test: ClassificationResult | undefined
  /** The same of a regression, which has no `test`. */
  testRegression: RegressionResult | undefined
}

/** Images per pass of the test, where the batches of training are larger. */
const MOST_TESTED = 256

/**
 * Trains a model on: its last layer only (feature extraction), or all of it, for the model's own task unless another is
 * given. The best model is saved as an experiment, whose test/ holds its scores. Random changes of the images need the
 * frozen layers' outputs anew in every epoch.
 * @throws LrpError as `train`; UNSUPPORTED when the network does not end in a linear layer
 */
export async function finetune(options: FinetuneOptions): Promise<FinetuneResult> {
  checkNames(options, NAMES)
  const { resume } = options
  const prepared = resume === undefined ? await begin(options) : await continued(options, resume)
  const result = await runJob(prepared.job)
  const { model, completed } = result
  const scored = completed && prepared.dataset.splits.test.labels.length > 0 ? model.task : undefined
  const output = result.experiment.path('test')
  const batchSize = Math.min(MOST_TESTED, prepared.job.options.batchSize)
  const asked = { data: prepared.dataset, output, batchSize, group: options.group, signal: options.signal }
  return {
    ...result,
    test: scored === 'classification' ? await testClassifier(model, asked) : undefined,
    testRegression: scored === 'regression' ? await testRegression(model, asked) : undefined
  }
}

interface Prepared {
  job: Job
  dataset: Dataset
}

async function begin(options: FinetuneOptions): Promise<Prepared> {
  const { mode = 'last-layer' } = options
  if (!FINETUNE_MODES.includes(mode))
    throw new LrpError('INVALID_ARGUMENT', `there is no mode '${String(mode)}': last-layer, whole`)
  if (options.model === undefined) throw new LrpError('INVALID_ARGUMENT', "finetune needs 'model': what to start from")
  const defaults = { epochs: 10, learningRate: mode === 'whole' ? 5e-4 : 2e-3 }
  const { model: from, ...rest } = options
  const loaded = await loadStart(from, options)
  const { task = loaded.task } = options
  const settings = settingsOf({ ...defaults, ...rest, task, from })
  checkEffects(options, settings)
  const started = await start(loaded, settings, options, options.newHead ?? false)
  const { parts, dataset } = started
  checkClasses(dataset)
  const cached = mode === 'last-layer' && settings.augment === undefined
  const more = { mode, cached, newHead: options.newHead ?? false, load: options.load ?? {} }
  const begin = () => beginExperiment('finetune', parts, dataset, settings, options, more)
  return { job: await withExperiment(await firstJob(started, mode, settings, options), begin), dataset }
}

/** A run from its beginning. */
async function firstJob(
  { parts, dataset, head }: Start,
  mode: unknown,
  settings: TrainSettings,
  options: FinetuneOptions
): Promise<Omit<Job, 'experiment'>> {
  if (mode !== 'whole' && settings.augment === undefined) return headOnly(parts, head, dataset, settings, options)
  return wholeModel(parts, dataset, mode === 'whole' ? settings : withFrozenBody(settings, head), options)
}

async function continued(options: FinetuneOptions, name: string): Promise<Prepared> {
  const experiment = await openStopped(name, options)
  if (experiment.manifest.command.name !== 'finetune') {
    throw new LrpError(
      'INVALID_ARGUMENT',
      `${experiment.name} is no fine-tuning: go on with "lrp-native train --resume"`
    )
  }
  return hasCheckpoint(experiment) ? fromCheckpoint(experiment, options) : fromStart(experiment, options)
}

/** A run that was killed before its first checkpoint, in the folder that it has. */
async function fromStart(experiment: Experiment, options: FinetuneOptions): Promise<Prepared> {
  const settings = storedSettings(experiment, options)
  const { mode, newHead, load } = experiment.manifest.command
  const started = await restart(settings, { ...options, load: load as FinetuneOptions['load'] }, newHead === true)
  checkSame(experiment, started.dataset)
  const job = await firstJob(started, mode, settings, options)
  return { job: { experiment, ...job }, dataset: started.dataset }
}

async function fromCheckpoint(experiment: Experiment, options: FinetuneOptions): Promise<Prepared> {
  const { settings, dataset, parts, history, start: stopped, weights } = await reopen(experiment, options)
  const { mode, cached, newHead, load } = experiment.manifest.command
  if (cached !== true) {
    const head = findHead(parts.graph)
    const job = await wholeModel(parts, dataset, mode === 'whole' ? settings : withFrozenBody(settings, head), options)
    return { job: { experiment, history, start: stopped, ...job }, dataset }
  }
  const again = { ...options, load: load as FinetuneOptions['load'], data: dataset }
  const { parts: first, head } = await restart(settings, again, newHead === true)
  const job = await headOnly(first, head, dataset, settings, options, weights)
  return { job: { experiment, history, start: stopped, ...job }, dataset }
}

interface Start {
  parts: ModelParts
  dataset: Dataset
  head: Head
}

/** `start` with the settings of an experiment. */
async function restart(settings: TrainSettings, options: FinetuneOptions, newHead: boolean): Promise<Start> {
  const { from, preprocess } = settings
  return start(await loadStart(from!, { ...options, preprocess }), settings, options, newHead)
}

/** The model to start from, with the head for the classes or values of the data set. */
async function start(
  loaded: ModelParts,
  settings: TrainSettings,
  options: FinetuneOptions,
  newHead: boolean
): Promise<Start> {
  const dataset = await openTrainData(settings, options, loaded.preprocessing)
  checkImages(loaded, dataset)
  const head = findHead(loaded.graph)
  const { task, classes } = dataset
  if (task === 'regression') checkValueHead(loaded.graph)
  const keeps = !newHead && hasOutputs(loaded, head, dataset)
  const parts = keeps ? loaded : await withNewHead(loaded, head, classes.length, settings.seed)
  return { parts: { ...parts, task, classes }, dataset, head }
}

function withFrozenBody(settings: TrainSettings, head: Head): TrainSettings {
  const own = Object.values(head.node.parameters).map((name) => name.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'))
  return { ...settings, freeze: undefined, groups: [{ match: `^(?!(${own.join('|')})$)`, frozen: true }] }
}

/** A job in which the head alone is trained, on features that are computed here, once. */
async function headOnly(
  parts: ModelParts,
  head: Head,
  dataset: Dataset,
  settings: TrainSettings,
  options: FinetuneOptions,
  weights?: ModelParts['tensors']
): Promise<Omit<Job, 'experiment'>> {
  using body = await Model.create(parts, options.device)
  const { graph, preprocessing } = body
  const features = (split: 'train' | 'valid') =>
    featuresOf(body, dataset, split, head.features, settings.batchSize, options.signal, options.onFeatures)
  const [train, valid] = [(await features('train'))!, await features('valid')]
  body.dispose()
  const own = headGraph(graph, head, train.images.shape.slice(1))
  const native = nativeOptions(settings, dataset, own, preprocessing!)
  const model = await Model.create(
    { name: parts.name, graph: own, tensors: weights ?? tensorsOf(own, parts.tensors) },
    options.device
  )
  const frame = { name: parts.name, graph, preprocessing, task: body.task, classes: parts.classes }
  return {
    model,
    data: { train, valid },
    ...ending({ ...native, preprocessing: { scale: 1, mean: [], std: [], bgr: false } }, options),
    checkpointSeconds: settings.checkpointSeconds,
    tensorboard: settings.tensorboard,
    assemble: (trained) => ({ ...frame, tensors: new Map([...parts.tensors, ...trained]) }),
    device: options.device,
    group: options.group,
    onProgress: options.onProgress,
    signal: options.signal
  }
}
