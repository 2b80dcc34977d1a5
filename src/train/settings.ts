import { z } from 'zod'
import { CACHES } from '../data/options.js'
import { TASKS } from '../core/graph.js'
import { ARCHITECTURES } from '../model/architectures/index.js'
import { ACTIVATIONS } from '../model/architectures/mlp.js'
import { layersSchema } from '../model/layers.js'
import { LrpError } from '../core/errors.js'
import { checkContent, checkOptions } from '../core/options.js'
import { unknownName } from '../core/suggest.js'
import { augmentSchema, parseAugment } from './augment.js'

export const LOSSES = ['cross-entropy', 'nll', 'mse', 'mae', 'huber'] as const
/** Losses that know classes, and their weights. */
export const FOR_CLASSES = ['cross-entropy', 'nll']
export const OPTIMIZERS = ['sgd', 'adam', 'adamw', 'rmsprop', 'adagrad'] as const
export const SCHEDULERS = ['constant', 'step', 'cosine', 'one-cycle', 'plateau'] as const
export const PRECISIONS = ['fp32', 'bf16', 'fp16'] as const

const pattern = z.string().refine(isRegularExpression, 'is not a regular expression')

const groupSchema = z.strictObject({
  /** Regular expression over tensor names; the first group that matches a tensor takes it. */
  match: pattern,
  learningRate: z.number().positive().optional(),
  weightDecay: z.number().min(0).optional(),
  /** These tensors stay as they are. */
  frozen: z.boolean().optional()
})

/** What a run needs to be repeated or gone on with; written into experiment.json. */
export const settingsSchema = z.object({
  /** What labels are: classes, or values to be predicted. */
  task: z.enum(TASKS).default('classification'),
  data: z.string().default('digits'),
  dataPath: z.string().optional(),
  validSplit: z.number().min(0).lt(1).optional(),
  testSplit: z.number().min(0).lt(1).optional(),
  imageSize: z.tuple([z.int().positive(), z.int().positive()]).optional(),
  channels: z.union([z.literal(1), z.literal(3)]).optional(),
  /** Images of files: kept in memory, or read whenever they are needed. */
  cache: z.enum(CACHES).optional(),
  /** A name, a JSON file with a list of layers, or such a list. */
  model: z.union([z.string(), layersSchema]).default('mlp'),
  /** How images become the network's input: `imagenet`, `cifar` or a JSON file; by default values from 0 to 1. */
  preprocess: z.string().optional(),
  /**
   * `none`: values run from 0 to 1, a black pixel is 0 and can get no relevance. `fit`: mean 0 and deviation 1 per
   * channel over the training images.
   */
  normalise: z.enum(['none', 'fit']).default('none'),
  hiddenSize: z.array(z.int().positive()).min(1).default([128, 64]),
  activation: z.string().default('relu'),
  /** cross-entropy for classification, mse for regression. */
  loss: z.string().optional(),
  labelSmoothing: z.number().min(0).lt(1).default(0),
  /** One weight per class, or `balanced`: inversely proportional to the class's images. */
  classWeights: z.union([z.literal('balanced'), z.array(z.number().min(0))]).optional(),
  /** Each class drawn equally often instead of each image once an epoch. */
  balancedSampling: z.boolean().default(false),
  optimizer: z.string().default('adam'),
  learningRate: z.number().positive().default(2e-3),
  momentum: z.number().min(0).lt(1).default(0),
  nesterov: z.boolean().default(false),
  weightDecay: z.number().min(0).default(0),
  /** Tensors that stay as they are: regular expressions over their names. They come before `groups`. */
  freeze: z.array(pattern).optional(),
  groups: z.array(groupSchema).optional(),
  scheduler: z.string().default('one-cycle'),
  warmupEpochs: z.number().min(0).default(0),
  /** step: epochs between two falls of the rate. */
  schedulerStep: z.number().positive().default(10),
  /** step, plateau: factor of a fall. */
  schedulerGamma: z.number().positive().max(1).default(0.1),
  /** plateau: epochs without improvement before a fall. */
  schedulerPatience: z.int().min(0).default(10),
  gradientClip: z.number().min(0).default(0),
  accumulate: z.int().positive().default(1),
  /** Epochs without a better validation result before training ends; 0: never. */
  earlyStopping: z.int().min(0).default(0),
  precision: z.string().default('fp32'),
  /** CSV file with a column `path`: these images are left out, such as those an audit has flagged. */
  exclude: z.string().optional(),
  augment: z.union([augmentSchema, z.string().transform(parseAugment)]).optional(),
  batchSize: z.int().positive().default(32),
  epochs: z.int().positive().default(20),
  seed: z.int().min(0).default(0),
  threads: z.int().min(1).max(1024).optional(),
  from: z.string().optional(),
  /** Also writes TensorBoard's event file. */
  tensorboard: z.boolean().default(false),
  /** Least time between two checkpoints; the last is always written. */
  checkpointSeconds: z.number().min(0).default(5)
})

export type TrainSettings = z.output<typeof settingsSchema> & { loss: string }
/** The same as a caller gives them: all optional. */
export type GivenSettings = z.input<typeof settingsSchema>

export const SETTINGS_NAMES = Object.fromEntries(
  Object.keys(settingsSchema.shape).map((name) => [name, true])
) as Record<keyof GivenSettings, true>

/**
 * Settings that are whole: options, or what stands in a file.
 * @throws LrpError INVALID_ARGUMENT naming the option, with the nearest name for an unknown one
 */
export function checkSettings(options: unknown, file?: string): TrainSettings {
  const given = file === undefined ? checkOptions(settingsSchema, options) : checkContent(settingsSchema, options, file)
  const regression = given.task === 'regression'
  const settings = { ...given, loss: given.loss ?? (regression ? 'mse' : 'cross-entropy') }
  const { model, activation, loss, optimizer, scheduler, precision } = settings
  if (typeof model === 'string' && !model.endsWith('.json')) checkName('model', model, Object.keys(ARCHITECTURES))
  checkName('activation', activation, Object.keys(ACTIVATIONS))
  checkName('loss', loss, LOSSES)
  checkName('optimizer', optimizer, OPTIMIZERS)
  checkName('scheduler', scheduler, SCHEDULERS)
  checkName('precision', precision, PRECISIONS)
  if (regression && (FOR_CLASSES.includes(loss) || settings.classWeights || settings.balancedSampling))
    throw new LrpError('INVALID_ARGUMENT', 'regression goes with the losses mse, mae and huber, without class weights')
  return settings
}

function checkName(what: string, name: string, names: readonly string[]): void {
  if (!names.includes(name)) throw unknownName(what, name, names)
}

function isRegularExpression(text: string): boolean {
  try {
    new RegExp(text)
    return true
  } catch {
    return false
  }
}
