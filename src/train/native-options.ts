import { classCounts, storedShape, type Dataset } from '../data/dataset.js'
import { LrpError } from '../core/errors.js'
import type { Graph, Preprocessing } from '../core/graph.js'
import { counted } from '../core/plural.js'
import { checkAugmentation, nativeAugmentation } from './augment.js'
import type { NativeGroup, NativeLoss, NativeTrainOptions } from '../native/train-types.js'
import { FOR_CLASSES } from './options.js'
import type { TrainSettings } from './settings.js'

/** What the addon needs for a run. @throws LrpError INVALID_ARGUMENT where settings, data set and model do not fit. */
export async function nativeOptions(
  settings: TrainSettings,
  dataset: Dataset,
  graph: Graph,
  preprocessing: Preprocessing
): Promise<NativeTrainOptions> {
  const { optimizer, momentum, nesterov, epochs, batchSize, accumulate, gradientClip, precision, seed } = settings
  const { scale, mean, std, channelOrder } = preprocessing
  checkAugmentation(settings.augment, dataset)
  return {
    loss: {
      name: settings.loss,
      labelSmoothing: settings.labelSmoothing,
      classWeights: classWeights(settings, dataset),
      huberDelta: 1
    },
    optimizer: { name: optimizer, momentum, nesterov: nesterov && momentum > 0 },
    groups: groupsOf(settings, graph),
    schedule: {
      name: settings.scheduler,
      epochs,
      warmupEpochs: settings.warmupEpochs,
      stepEpochs: settings.schedulerStep,
      gamma: settings.schedulerGamma,
      patience: settings.schedulerPatience
    },
    preprocessing: {
      crop: dataset.storedShape && dataset.imageShape.slice(1),
      scale,
      mean,
      std,
      bgr: channelOrder === 'bgr'
    },
    augment: await nativeAugmentation(settings.augment, storedShape(dataset)),
    epochs,
    batchSize,
    fixedBatch: typeof graph.inputShape[0] === 'number',
    accumulate,
    gradientClip,
    balanced: settings.balancedSampling,
    patience: settings.earlyStopping,
    precision,
    seed,
    threads: settings.threads
  }
}

function classWeights({ classWeights: given, loss }: TrainSettings, dataset: Dataset): NativeLoss['classWeights'] {
  if (given === undefined || !FOR_CLASSES.includes(loss)) return undefined
  const classes = dataset.classes.length
  if (given !== 'balanced' && given.length !== classes) {
    throw new LrpError(
      'INVALID_ARGUMENT',
      `option 'classWeights' must have one number for each of the ${counted(classes, 'class', 'classes')}, not ${given.length}`
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
  const names = graph.nodes.flatMap(({ parameters }) => [parameters.bias, parameters.weight])
  return [...new Set(names.filter((name) => name !== undefined))]
}

function groupsOf(settings: TrainSettings, graph: Graph): NativeGroup[] {
  const { freeze = [], groups = [], learningRate, weightDecay } = settings
  const all: typeof groups = [...freeze.map((match) => ({ match, frozen: true })), ...groups]
  const rest = new Set(trainableNames(graph))
  const result: NativeGroup[] = []
  for (const { match, frozen, ...own } of all) {
    const names = [...rest].filter((name) => new RegExp(match).test(name))
    if (names.length === 0) {
      const what = frozen ? `the pattern '${match}' of freeze` : `the group '${match}'`
      throw new LrpError('INVALID_ARGUMENT', `${what} matches no tensor other than those that earlier patterns match`)
    }
    for (const name of names) rest.delete(name)
    const rates = { learningRate: own.learningRate ?? learningRate, weightDecay: own.weightDecay ?? weightDecay }
    if (!frozen) result.push({ names, ...rates })
  }
  if (rest.size > 0) result.push({ names: [...rest], learningRate, weightDecay })
  if (result.length === 0)
    throw new LrpError('INVALID_ARGUMENT', 'every tensor is frozen, so there is nothing to train')
  return result
}
