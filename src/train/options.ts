import * as z from 'zod'
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

/** Losses that `train` supports. */
export const LOSSES = ['cross-entropy', 'nll', 'binary-cross-entropy', 'mse', 'mae', 'huber'] as const
/** Losses that know classes, and their weights. */
export const FOR_CLASSES: readonly string[] = ['cross-entropy', 'nll']
/** Optimisers that `train` supports. */
export const OPTIMIZERS = ['sgd', 'adam', 'adamw', 'rmsprop', 'adagrad'] as const
export const SCHEDULERS = ['constant', 'step', 'cosine', 'one-cycle', 'plateau'] as const
export const PRECISIONS = ['fp32', 'bf16', 'fp16'] as const
/** Modes of `finetune`: train only the last layer, or every weight. */
export const FINETUNE_MODES = ['last-layer', 'whole'] as const

const { validSplit, testSplit, splitSeed, imageSize, channels, cache, decode } = dataOptions.shape
const { architecture, inputShape } = loadOptions.shape

/** What a run needs to be repeated or continued; written into experiment.json. */
export const trainSettings = z.object({
  task: option(z.enum(DATA_TASKS).default('classification'), { help: TASK_HELP, group: 'network' }),
  data: option(z.string().default('digits'), { help: 'name of the data set', group: 'images', unit: 'name' }),
  dataPath: mayChange(dataOptions.shape.dataPath),
  validSplit,
  testSplit,
  splitSeed,
  imageSize,
  channels,
  cache,
  decode,
  model: option(z.union([z.string(), layersSchema]).default('mlp'), {
    help: "name of a network, or a JSON file that lists its layers; 'lrp-native models' lists all names",
    group: 'network',
    unit: 'name'
  }),
  preprocess: option(z.string(), {
    help: 'resizing, cropping and normalisation of the images: imagenet, cifar, or a JSON file (docs/data.md)',
    group: 'images',
    unit: 'name',
    default: 'the values are only scaled to the range from 0 to 1'
  }),
  normalise: option(z.enum(['none', 'fit']).default('none'), {
    help: "additional normalisation of the values: none, or fit (with each channel's mean and standard deviation over the training images)",
    group: 'images'
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
    default: 'cross-entropy for classification, binary-cross-entropy for binary and multilabel, mse for regression'
  }),
  labelSmoothing: option(z.number().min(0).lt(1).default(0), {
    help: 'share of the target probability to spread over all classes',
    group: 'loss',
    unit: 'share',
    only: { loss: ['cross-entropy'] }
  }),
  classWeights: option(z.union([z.literal('balanced'), z.array(z.number().min(0))]), {
    help: "weights of the classes in the loss: balanced (inversely proportional to each class's number of images), or one number for each class, separated by commas",
    group: 'loss',
    unit: 'weights',
    commas: true,
    only: { loss: FOR_CLASSES }
  }),
  balancedSampling: option(z.boolean().default(false), {
    help: 'draw every class equally often, instead of drawing each image once per epoch',
    group: 'loss'
  }),
  optimizer: option(z.enum(OPTIMIZERS).default('adam'), {
    help: 'optimiser that updates the weights',
    group: 'optimiser'
  }),
  learningRate: option(z.number().positive().default(2e-3), {
    help: 'learning rate; with --scheduler one-cycle, the maximum learning rate',
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
    help: 'strength of the weight decay, which is decoupled for adamw and an L2 penalty for the other optimisers',
    group: 'optimiser'
  }),
  freeze: option(z.array(pattern), {
    help: 'regular expressions that match the names of the tensors to freeze; they take precedence over --groups',
    group: 'optimiser',
    unit: 'patterns',
    commas: false
  }),
  groups: option(z.union([groupsSchema, z.string().transform(readGroups).pipe(groupsSchema)]), {
    help: 'JSON file that sets learning rates for groups of tensors by name, such as [{"match": "^features", "learningRate": 1e-4, "weightDecay": 0}]',
    group: 'optimiser',
    unit: 'file'
  }),
  scheduler: option(z.enum(SCHEDULERS).default('one-cycle'), {
    help: 'schedule of the learning rate',
    group: 'schedule'
  }),
  warmupEpochs: option(z.number().min(0).default(0), {
    help: 'number of warm-up epochs, during which the learning rate rises',
    group: 'schedule',
    unit: 'epochs'
  }),
  schedulerStep: option(z.number().positive().default(10), {
    help: 'with --scheduler step: number of epochs between two reductions of the learning rate',
    group: 'schedule',
    unit: 'epochs',
    only: { scheduler: ['step'] }
  }),
  schedulerGamma: option(z.number().positive().max(1).default(0.1), {
    help: 'with --scheduler step or plateau: factor that multiplies the learning rate at each reduction',
    group: 'schedule',
    unit: 'factor',
    only: { scheduler: ['step', 'plateau'] }
  }),
  schedulerPatience: option(z.int().min(0).default(10), {
    help: 'with --scheduler plateau: number of epochs without improvement before the learning rate is reduced',
    group: 'schedule',
    unit: 'epochs',
    only: { scheduler: ['plateau'] }
  }),
  gradientClip: option(z.number().min(0).default(0), {
    help: 'maximum total norm of the gradients; larger gradients are scaled down to this norm; 0 disables clipping',
    group: 'optimiser',
    unit: 'norm'
  }),
  accumulate: option(z.int().min(1).default(1), {
    help: 'number of batches whose gradients are accumulated before each step of the optimiser',
    group: 'optimiser',
    unit: 'batches'
  }),
  earlyStopping: option(z.int().min(0).default(0), {
    help: 'number of epochs without improvement before training stops; 0 disables early stopping',
    group: 'schedule',
    unit: 'epochs'
  }),
  precision: option(z.enum(PRECISIONS).default('fp32'), {
    help: 'numeric type of the computation: fp32, bf16 or fp16 (CUDA only)',
    group: 'machine'
  }),
  exclude: excludeOption,
  augment: option(z.union([augmentSchema, z.string().transform(parseAugment)]), {
    help: 'random changes to the training images, such as flip,rotation=10; the available changes, each with an example value if it takes one, are random-crop, crop=4, flip, vertical-flip, rotation=10, translate=0.1, zoom=0.1, shear=5, brightness=0.2, contrast=0.2, saturation=0.2, hue=0.05, erasing=0.25, insert=PATCH.png',
    group: 'images',
    unit: 'list',
    write: (augment: Augmentation) => [augmentText(augment)]
  }),
  batchSize: option(z.int().min(1).default(32), {
    help: 'number of images in a batch',
    group: 'schedule',
    unit: 'images'
  }),
  epochs: option(z.int().min(1).default(20), {
    help: 'number of passes over the training images',
    group: 'schedule',
    unit: 'epochs',
    resume: false
  }),
  seed: option(z.int().min(0).default(0), { help: 'seed for all random numbers', group: 'machine' }),
  threads: option(z.int().min(1).max(1024), {
    help: 'number of CPU threads that compute',
    group: 'machine',
    default: 'one for each core',
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
    help: 'layers to train: last-layer (computes the outputs of all other layers only once) or whole (all layers)',
    group: 'network',
    unit: 'mode',
    default: 'last-layer'
  }),
  newHead: option(z.boolean(), {
    help: 'replace the last layer even if the data set has the same classes, or the same number of values, as the model',
    group: 'network'
  }),
  tensorboard: option(z.boolean().default(false), {
    help: 'also write an event file for TensorBoard',
    group: 'output',
    resume: false
  }),
  checkpointSeconds: option(z.number().min(0).default(5), {
    help: 'minimum time between two checkpoints; the final checkpoint is always written',
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
    help: 'name of the experiment and of its folder; if the folder exists, the name gets a suffix _1, _2, ...; if the name contains "dev", the folder is replaced instead',
    group: 'output',
    unit: 'name',
    default: '<model>-<data set>'
  }),
  experimentsRoot: mayChange(loadOptions.shape.experimentsRoot),
  resume: option(z.string(), {
    help: 'name of the stopped experiment that you want to continue; the run keeps its folder and its settings, but you can increase --epochs',
    group: 'output',
    unit: 'experiment',
    resume: false
  }),
  untilEpoch: option(z.int().min(1), {
    help: "epoch after which the run stops; option 'resume' continues the run",
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
    'the result of joinProcessGroup',
    'process group that shares every batch; only rank 0 writes the experiment'
  ),
  onProgress: callback<(event: BatchEvent | EpochEvent) => void>('called after every batch and every epoch'),
  onData: callback<(dataset: Dataset) => void>('called once before training with the opened data set'),
  onExperiment: callback<(experiment: Experiment) => void>(
    'called once before training with the experiment of the run'
  ),
  onFeatures: callback<(done: number, total: number) => void>(
    'called before the first epoch with the number of images that have passed through the frozen layers, and the total number of images'
  ),
  onDownload: dataOptions.shape.onDownload,
  signal: dataOptions.shape.signal
})

/** Options of `train` (docs/options.md). */
export type TrainOptions = z.input<typeof trainOptions>
