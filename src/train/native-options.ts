import { classCounts, type Dataset } from '../data/dataset.js'
import { LrpError } from '../core/errors.js'
import type { Graph, Preprocessing } from '../core/graph.js'
import { counted } from '../core/plural.js'
import type { Job } from './job.js'
import { checkAugmentation, nativeAugmentation } from './augment.js'
import type { NativeSchedule, NativeTrainOptions } from '../native/train-types.js'
import { FOR_CLASSES, type TrainSettings } from './settings.js'

/** What the addon needs for a run. @throws LrpError INVALID_ARGUMENT where settings, data set and model do not fit. */
export function nativeOptions(
  settings: TrainSettings,
  dataset: Dataset,
  graph: Graph,
  preprocessing: Preprocessing
): Job['options'] {
  const { loss, labelSmoothing, optimizer, learningRate, momentum, nesterov, weightDecay } = settings
  const { epochs, batchSize, accumulate, gradientClip, precision, seed, threads } = settings
  const { scale, mean, std, channelOrder } = preprocessing
  checkAugmentation(settings.augment, dataset)
  return {
    loss,
    labelSmoothing,
    classWeights: classWeights(settings, dataset),
    optimizer,
    learningRate,
    momentum,
    nesterov: nesterov && momentum > 0,
    weightDecay,
    groups: groupsOf(settings, graph),
    schedule: scheduleOf(settings, dataset.splits.train.labels.length),
    epochs,
    batchSize,
    accumulate,
    gradientClip,
    balanced: settings.balancedSampling,
    patience: settings.earlyStopping,
    precision,
    augment: nativeAugmentation(settings.augment),
    seed,
    threads,
    crop: dataset.storedShape && dataset.imageShape.slice(1),
    scale,
    normalise: { mean, std },
    bgr: channelOrder === 'bgr'
  }
}

/** Batches of an epoch; a last batch of one image is left out, because batch norms cannot take it. */
function batchesOf(images: number, batchSize: number): number {
  const batches = Math.ceil(images / batchSize)
  return batches > 1 && images % batchSize === 1 ? batches - 1 : batches
}

function scheduleOf(settings: TrainSettings, images: number): NativeSchedule {
  const stepsPerEpoch = Math.ceil(batchesOf(images, settings.batchSize) / settings.accumulate)
  return {
    name: settings.scheduler,
    warmupSteps: Math.round(settings.warmupEpochs * stepsPerEpoch),
    stepSize: Math.max(1, Math.round(settings.schedulerStep * stepsPerEpoch)),
    gamma: settings.schedulerGamma,
    patience: settings.schedulerPatience,
    totalSteps: settings.epochs * stepsPerEpoch
  }
}

function classWeights(
  { classWeights: given, loss }: TrainSettings,
  dataset: Dataset
): NativeTrainOptions['classWeights'] {
  if (given === undefined || !FOR_CLASSES.includes(loss)) return undefined
  const classes = dataset.classes.length
  if (given !== 'balanced' && given.length !== classes) {
    throw new LrpError(
      'INVALID_ARGUMENT',
      `${counted(given.length, 'class weight')} for ${counted(classes, 'class', 'classes')}: one for each is wanted`
    )
  }
  const counts = classCounts(dataset.splits.train, classes)
  const total = dataset.splits.train.labels.length
  const data = Float32Array.from(
    given === 'balanced' ? counts.map((count) => (count > 0 ? total / (classes * count) : 0)) : given
  )
  return { data, shape: [classes] }
}

/** Names of the tensors that training can change: weights and biases, each once. */
function trainableNames(graph: Graph): string[] {
  const names = graph.nodes.flatMap(({ parameters }) => [parameters.weight, parameters.bias])
  return [...new Set(names.filter((name) => name !== undefined))]
}

function groupsOf({ freeze = [], groups = [] }: TrainSettings, graph: Graph): NativeTrainOptions['groups'] {
  const all: typeof groups = [...freeze.map((match) => ({ match, frozen: true })), ...groups]
  if (all.length === 0) return undefined
  const rest = new Set(trainableNames(graph))
  const result: NonNullable<NativeTrainOptions['groups']> = []
  for (const { match, frozen, ...rates } of all) {
    const names = [...rest].filter((name) => new RegExp(match).test(name))
    if (names.length === 0) {
      const what = frozen ? `'${match}', which is to be frozen` : `the group '${match}'`
      throw new LrpError('INVALID_ARGUMENT', `no tensor that is left to train matches ${what}`)
    }
    for (const name of names) rest.delete(name)
    if (!frozen) result.push({ names, ...rates })
  }
  if (rest.size > 0) result.push({ names: [...rest] })
  if (result.length === 0) throw new LrpError('INVALID_ARGUMENT', 'every tensor is frozen: there is nothing to train')
  return result
}
