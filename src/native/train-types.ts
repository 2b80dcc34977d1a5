import type { NativeCancelToken, NativeProcessGroup } from './handles.js'
import type { RawTensor, Tensor } from '../core/tensor.js'

export interface NativeSamples {
  /** [images, ...]: bytes, or float32 that are already between 0 and 1. */
  images?: { data: Uint8Array | Float32Array; shape: number[] }
  /** Instead of images: called for every batch, ahead of its use. */
  read?: (request: BatchRequest) => void
  /** Class numbers [images], or values [images, outputs]. */
  labels: { data: Int32Array | Float32Array; shape: number[] }
}

/** A requested batch, and what to call with it. */
export interface BatchRequest {
  indices: Float64Array
  done: (images: { data: Uint8Array; shape: number[] }) => void
  failed: (code: string, message: string) => void
}

export interface NativeTrainData {
  train: NativeSamples
  valid?: NativeSamples
}

/** How far a run has come: `epoch` and `batch` count what is done. Every field is a number, never null. */
export interface TrainState {
  epoch: number
  batch: number
  step: number
  /** Sums over the current epoch. */
  lossSum: number
  correct: number
  seen: number
  best: { loss: number; accuracy: number; epoch: number; epochsSince: number }
  plateau: { factor: number; best: number; badEpochs: number }
}

/** All that a run needs to continue exactly where it stopped. */
export interface Snapshot {
  weights: Record<string, RawTensor>
  optimizer: Record<string, RawTensor>
  state: TrainState
}

/** Learning rate over a run, in epochs; native/train/optim/schedule.h. */
export interface NativeSchedule {
  name: string
  epochs: number
  warmupEpochs: number
  stepEpochs: number
  gamma: number
  patience: number
}

export interface NativeLoss {
  name: string
  labelSmoothing: number
  classWeights?: { data: Float32Array; shape: number[] }
  huberDelta: number
}

export interface NativeOptimizer {
  name: string
  momentum: number
  nesterov: boolean
}

/** Tensors that share learning rate and weight decay. */
export interface NativeGroup {
  names: string[]
  learningRate: number
  weightDecay: number
}

export interface NativePreprocessing {
  /** Height and width of the window that the network sees, where images are larger. */
  crop?: number[]
  /** One per channel, one for all, or none. */
  mean: number[]
  std: number[]
  scale: number
  bgr: boolean
}

/** A picture whose masked pixels are pasted into images. */
export interface NativePatch {
  /** [channels, height, width] */
  pixels: { data: Uint8Array; shape: number[] }
  /** [height, width]: 1 where a pixel is pasted. */
  mask: { data: Uint8Array; shape: number[] }
  /** Top and left in the stored image; without them at a random place in each. */
  place?: number[]
}

/** native/train/data/augment.h */
export interface NativeAugmentation {
  randomCrop: boolean
  cropPadding: number
  horizontalFlip: boolean
  verticalFlip: boolean
  rotation: number
  translate: number
  scaleLow: number
  scaleHigh: number
  shear: number
  brightness: number
  contrast: number
  saturation: number
  hue: number
  erasing: number
  insert?: NativePatch
}

/** What a run computes; C++ has no defaults. */
export interface NativeTrainOptions {
  loss: NativeLoss
  optimizer: NativeOptimizer
  /** Tensors in no group stay as they are. */
  groups: NativeGroup[]
  schedule: NativeSchedule
  preprocessing: NativePreprocessing
  augment?: NativeAugmentation
  /** The run ends after this epoch. */
  epochs: number
  batchSize: number
  /** The network takes no other number of images. */
  fixedBatch: boolean
  accumulate: number
  /** 0: not clipped. */
  gradientClip: number
  balanced: boolean
  /** 0: never. */
  patience: number
  precision: string
  seed: number
  threads?: number
}

/** Where a run begins, who takes part, and who is told. */
export interface NativeRun {
  /** Where a run continues; from the beginning without it. */
  start?: Omit<Snapshot, 'weights'>
  /** Processes that share every batch. */
  group?: NativeProcessGroup
  onEvent: (event: NativeTrainEvent) => void
  cancel?: NativeCancelToken
}

/** Progress of the training within an epoch. */
export interface BatchEvent {
  /** Kind of the event. */
  kind: 'batch'
  /** Number of the epoch, from 1. */
  epoch: number
  /** Number of the batch in the epoch, from 1. */
  batch: number
  /** Number of batches in an epoch. */
  batches: number
  /** Mean loss over the epoch so far. */
  loss: number
  /** Accuracy over the epoch so far, 0 to 1. */
  accuracy: number
  /** Images per second over the epoch so far. */
  imagesPerSecond: number
}

/** Results of one epoch; accuracies are from 0 to 1. */
export interface EpochEvent {
  /** Kind of the event. */
  kind: 'epoch'
  /** Number of the epoch, from 1. */
  epoch: number
  /** Mean loss over the training images. */
  trainLoss: number
  /** Accuracy on the training images. */
  trainAccuracy: number
  /** Mean loss over the validation images; NaN without validation images. */
  validLoss: number
  /** Accuracy on the validation images; NaN without validation images. */
  validAccuracy: number
  /** Learning rate of the last step of the epoch. */
  learningRate: number
  /** Images per second of the training, without validation. */
  imagesPerSecond: number
  /** Duration of the training, without validation. */
  seconds: number
  /**
   * True if the epoch is the best so far: higher validation accuracy, or equal accuracy and lower loss; for tasks other
   * than classification, lower validation loss.
   */
  best: boolean
}

export type NativeTrainEvent = BatchEvent | (EpochEvent & { snapshot: Snapshot })

export interface NativeTrainResult {
  reason: 'finished' | 'cancelled' | 'early-stopped'
  snapshot: Snapshot
}

/** Parts of a training step by themselves; all at once, on JavaScript's thread. */
export interface NativeTrainingSteps {
  lossAndGradient(
    loss: NativeLoss,
    outputs: Tensor | RawTensor,
    targets: NativeValues
  ): { loss: number; gradient: RawTensor }
  /** The parameter after each step; the learning rate of step i is multiplied by factors[i]. */
  optimizerSteps(
    optimizer: NativeOptimizer,
    group: NativeGroup,
    parameter: Tensor,
    gradients: Tensor[],
    factors: number[]
  ): RawTensor[]
  /** Factor of the learning rate at each step, where an epoch is one step. */
  scheduleFactors(schedule: NativeSchedule, steps: number): number[]
  /** Factor of the learning rate after each epoch's validation loss. */
  plateauFactors(schedule: NativeSchedule, losses: number[]): number[]
  /** Images as training sees them; one key per image decides its random changes. */
  augment(
    images: { data: Uint8Array | Float32Array; shape: number[] },
    augmentation: NativeAugmentation,
    preprocessing: NativePreprocessing,
    seed: number,
    keys: number[]
  ): Tensor
}

interface NativeValues {
  data: Int32Array | Float32Array | Float64Array
  shape: number[]
}
