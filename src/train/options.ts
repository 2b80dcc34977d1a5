import { z } from 'zod'
import { DATA_TASKS } from '../core/graph.js'
import { callback, mayChange, option, programOnly } from '../core/option.js'
import { datasetOption, dataOptions, excludeOption, TASK_HELP } from '../data/options.js'
import type { Dataset } from '../data/dataset.js'
import type { ProcessGroup } from '../distributed/process-group.js'
import type { Experiment } from '../experiment/experiment.js'
import { ACTIVATIONS } from '../model/architectures/mlp.js'
import { layersSchema } from '../model/layers.js'
import { loadOptions } from '../model/options.js'
import type { BatchEvent, EpochEvent } from '../native/train-types.js'
import { augmentSchema, augmentText, parseAugment, type Augmentation } from './augment.js'
import { groupsSchema, pattern, readGroups } from './groups.js'

/** Losses that `train` knows. */
export const LOSSES = ['cross-entropy', 'nll', 'binary-cross-entropy', 'mse', 'mae', 'huber'] as const
/** Losses that know classes, and their weights. */
export const FOR_CLASSES: readonly string[] = ['cross-entropy', 'nll']
/** Optimizers that `train` knows. */
export const OPTIMIZERS = ['sgd', 'adam', 'adamw', 'rmsprop', 'adagrad'] as const
export const SCHEDULERS = ['constant', 'step', 'cosine', 'one-cycle', 'plateau'] as const
export const PRECISIONS = ['fp32', 'bf16', 'fp16'] as const
/** What `finetune` trains: the last layer alone, or every weight. */
export const FINETUNE_MODES = ['last-layer', 'whole'] as const

const { validSplit, testSplit, splitSeed, imageSize, channels, cache, decode } = dataOptions.shape
const { architecture, inputShape } = loadOptions.shape

/** What a run needs to be repeated or continued; written into experiment.json. */
export const trainSettings = z.object({
  task: option(z.enum(DATA_TASKS).default('classification'), { help: TASK_HELP, group: 'network' }),
  data: option(z.string().default('digits'), { help: 'data set by name', group: 'images', unit: 'name' }),
  dataPath: mayChange(dataOptions.shape.dataPath),
  validSplit,
  testSplit,
  splitSeed,
  imageSize,
  channels,
  cache,
  decode,
  model: option(z.union([z.string(), layersSchema]).default('mlp'), {
    help: 'name of a network (lrp-native models lists them), or a JSON file with its layers',
    group: 'network',
    unit: 'name'
  }),
  preprocess: option(z.string(), {
    help: 'how images are resized, cropped, normalised: imagenet, cifar, or a JSON file (docs/data.md)',
    group: 'images',
    unit: 'name',
    default: 'values from 0 to 1'
  }),
  normalise: option(z.enum(['none', 'fit']).default('none'), {
    help: 'none: values as defined by --preprocess; fit: normalise with the mean and deviation of the training images, per channel',
    group: 'images',
    unit: 'how'
  }),
  hiddenSize: option(z.array(z.int().min(1)).min(1).default([128, 64]), {
    help: 'number of units of each hidden layer',
    group: 'network',
    unit: 'units',
    only: { model: ['mlp'] }
  }),
  activation: option(z.enum(Object.keys(ACTIVATIONS)).default('relu'), {
    help: 'activation function',
    group: 'network',
    only: { model: ['mlp', 'lenet'] }
  }),
  loss: option(z.enum(LOSSES), {
    help: 'loss function',
    group: 'loss',
    default: 'cross-entropy; binary-cross-entropy for binary and multilabel; mse for regression'
  }),
  labelSmoothing: option(z.number().min(0).lt(1).default(0), {
    help: 'share of the target that the other classes get',
    group: 'loss',
    unit: 'share',
    only: { loss: ['cross-entropy'] }
  }),
  classWeights: option(z.union([z.literal('balanced'), z.array(z.number().min(0))]), {
    help: 'balanced (inversely proportional to the number of images of a class), or one number per class, separated by commas',
    group: 'loss',
    unit: 'weights',
    commas: true,
    only: { loss: FOR_CLASSES }
  }),
  balancedSampling: option(z.boolean().default(false), {
    help: 'draw every class equally often, instead of each image once per epoch',
    group: 'loss'
  }),
  optimizer: option(z.enum(OPTIMIZERS).default('adam'), { help: 'optimiser', group: 'optimiser' }),
  learningRate: option(z.number().positive().default(2e-3), {
    help: 'step size; for one-cycle, the largest step size',
    group: 'schedule'
  }),
  momentum: option(z.number().min(0).lt(1).default(0), {
    help: 'momentum of the optimiser',
    group: 'optimiser',
    only: { optimizer: ['sgd', 'rmsprop'] }
  }),
  nesterov: option(z.boolean().default(false), {
    help: 'use Nesterov momentum',
    group: 'optimiser',
    only: { optimizer: ['sgd'] }
  }),
  weightDecay: option(z.number().min(0).default(0), {
    help: 'weight decay (L2 penalty; decoupled for adamw)',
    group: 'optimiser'
  }),
  freeze: option(z.array(pattern), {
    help: 'tensors to freeze: regular expressions for their names, applied before groups',
    group: 'optimiser',
    unit: 'patterns',
    commas: false
  }),
  groups: option(z.union([groupsSchema, z.string().transform(readGroups).pipe(groupsSchema)]), {
    help: 'JSON file with learning rates by tensor names: [{"match": "^features", "learningRate": 1e-4, "weightDecay": 0}]',
    group: 'optimiser',
    unit: 'file'
  }),
  scheduler: option(z.enum(SCHEDULERS).default('one-cycle'), {
    help: 'how the learning rate changes',
    group: 'schedule'
  }),
  warmupEpochs: option(z.number().min(0).default(0), {
    help: 'number of warm-up epochs, over which the rate rises',
    group: 'schedule',
    unit: 'epochs'
  }),
  schedulerStep: option(z.number().positive().default(10), {
    help: 'step: epochs between two reductions of the rate',
    group: 'schedule',
    unit: 'epochs',
    only: { scheduler: ['step'] }
  }),
  schedulerGamma: option(z.number().positive().max(1).default(0.1), {
    help: 'step, plateau: factor of a reduction',
    group: 'schedule',
    unit: 'factor',
    only: { scheduler: ['step', 'plateau'] }
  }),
  schedulerPatience: option(z.int().min(0).default(10), {
    help: 'plateau: epochs without improvement before a reduction',
    group: 'schedule',
    unit: 'epochs',
    only: { scheduler: ['plateau'] }
  }),
  gradientClip: option(z.number().min(0).default(0), {
    help: 'clip gradients whose total norm is larger than this; 0 disables clipping',
    group: 'optimiser',
    unit: 'norm'
  }),
  accumulate: option(z.int().min(1).default(1), {
    help: 'number of batches per step of the optimiser',
    group: 'optimiser',
    unit: 'batches'
  }),
  earlyStopping: option(z.int().min(0).default(0), {
    help: 'stop after this many epochs without improvement; 0 disables early stopping',
    group: 'schedule',
    unit: 'epochs'
  }),
  precision: option(z.enum(PRECISIONS).default('fp32'), {
    help: 'type of the computation; fp16 needs CUDA',
    group: 'machine'
  }),
  exclude: excludeOption,
  augment: option(z.union([augmentSchema, z.string().transform(parseAugment)]), {
    help: 'random changes of training images, separated by commas without spaces: random-crop, crop=4, flip, vertical-flip, rotation=10, translate=0.1, zoom=0.1, shear=5, brightness=0.2, contrast=0.2, saturation=0.2, hue=0.05, erasing=0.25, insert=PATCH.png',
    group: 'images',
    unit: 'list',
    write: (augment: Augmentation) => [augmentText(augment)]
  }),
  batchSize: option(z.int().min(1).default(32), {
    help: 'number of images per step',
    group: 'schedule',
    unit: 'images'
  }),
  epochs: option(z.int().min(1).default(20), {
    help: 'number of passes over the training images',
    group: 'schedule',
    unit: 'epochs',
    resume: false
  }),
  seed: option(z.int().min(0).default(0), { help: 'seed of all random numbers', group: 'machine' }),
  threads: option(z.int().min(1).max(1024), {
    help: 'number of threads per operation',
    group: 'machine',
    default: 'one per core',
    resume: false
  }),
  from: option(z.string(), {
    help: 'experiment or model that provides the initial weights',
    group: 'model',
    unit: 'model'
  }),
  architecture,
  inputShape,
  mode: option(z.enum(FINETUNE_MODES), {
    help: 'last-layer: the other layers are frozen, and their outputs are computed once; whole: every weight is trained',
    group: 'network',
    unit: 'mode',
    default: 'last-layer'
  }),
  newHead: option(z.boolean(), {
    help: 'replace the last layer even if the classes, or the number of values, are the same',
    group: 'network'
  }),
  tensorboard: option(z.boolean().default(false), {
    help: 'also write an event file for TensorBoard',
    group: 'output',
    resume: false
  }),
  checkpointSeconds: option(z.number().min(0).default(5), {
    help: 'minimum time between two checkpoints; the last is always written',
    group: 'output',
    unit: 'seconds',
    flag: false,
    resume: false
  })
})

/** The same as a caller gives them: all optional. */
export type GivenSettings = z.input<typeof trainSettings>

const { mode: _mode, newHead: _newHead, ...ofTrain } = trainSettings.shape

/** Options of `train`. */
export const trainOptions = z.strictObject({
  ...ofTrain,
  data: datasetOption,
  strict: mayChange(dataOptions.shape.strict),
  experimentName: option(z.string().min(1), {
    help: 'folder name; if it exists, _1, _2, ... is added; a name containing "dev" replaces the earlier experiment',
    group: 'output',
    unit: 'name',
    default: '<model>-<data set>'
  }),
  experimentsRoot: mayChange(loadOptions.shape.experimentsRoot),
  resume: option(z.string(), {
    help: 'stopped experiment to continue in its own folder, with its own settings; --epochs can be larger',
    group: 'output',
    unit: 'experiment',
    resume: false
  }),
  untilEpoch: option(z.int().min(1), {
    help: 'stop after this epoch; resume continues the run',
    group: 'schedule',
    flag: false,
    resume: false
  }),
  test: option(z.boolean().default(true), {
    help: 'score the best model on the test split at the end',
    group: 'output',
    flag: 'no-test',
    resume: false
  }),
  device: mayChange(loadOptions.shape.device),
  group: programOnly<ProcessGroup>(
    (value) => typeof (value as ProcessGroup | null)?.fromFirst === 'function',
    'what joinProcessGroup returns',
    'processes that share every batch (joinProcessGroup); only rank 0 writes the experiment'
  ),
  onProgress: callback<(event: BatchEvent | EpochEvent) => void>('called after every batch and every epoch'),
  onData: callback<(dataset: Dataset) => void>('called with the opened data set, before training'),
  onExperiment: callback<(experiment: Experiment) => void>('called with the experiment of the run, before training'),
  onFeatures: callback<(done: number, total: number) => void>(
    'called with the number of images that passed through the frozen layers, before the first epoch'
  ),
  onDownload: dataOptions.shape.onDownload,
  signal: dataOptions.shape.signal
})

/** Options of `train` (docs/options.md). */
export type TrainOptions = z.input<typeof trainOptions>
