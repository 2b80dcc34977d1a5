import type { NativeCancelToken, NativeProcessGroup } from './addon.js'
import type { RawTensor, Tensor } from '../core/tensor.js'

export interface NativeSamples {
  /** [images, ...]: bytes, or float32 that are already between 0 and 1. */
  images?: { data: Uint8Array | Float32Array; shape: number[] }
  /** Instead of images: called for every batch, ahead of its use. */
  read?: (request: BatchRequest) => void
  /** Class numbers [images], or values [images, outputs]. */
  labels: { data: Int32Array | Float32Array; shape: number[] }
}

/** A batch that is wanted, and what to call with it. */
export interface BatchRequest {
  indices: Float64Array
  done: (images: { data: Uint8Array; shape: number[] }) => void
  failed: (code: string, message: string) => void
}

export interface NativeTrainData {
  train: NativeSamples
  valid?: NativeSamples
}

/** Where a run stands; `epoch` and `batch` count what is done. All numbers; null never. */
export interface Position {
  epoch: number
  batch: number
  step: number
  lossSum: number
  correct: number
  seen: number
  bestLoss: number
  bestAccuracy: number
  bestEpoch: number
  epochsSinceBest: number
  plateauFactor: number
  plateauBest: number
  plateauBadEpochs: number
}

/** All that is needed to go on exactly where a run stopped. */
export interface Snapshot {
  weights: Record<string, RawTensor>
  optimizer: Record<string, RawTensor>
  position: Position
}

/** Learning rate over optimizer steps; native/train/schedule.h. */
export interface NativeSchedule {
  name: string
  warmupSteps: number
  stepSize: number
  gamma: number
  patience: number
  totalSteps: number
}

export interface NativeLoss {
  loss: string
  labelSmoothing: number
  classWeights?: { data: Float32Array; shape: number[] }
  huberDelta?: number
}

export interface NativeTrainOptions extends NativeLoss {
  optimizer: string
  learningRate: number
  momentum: number
  nesterov: boolean
  weightDecay: number
  /** Tensors to train, where not all are trained alike. */
  groups?: { names: string[]; learningRate?: number; weightDecay?: number }[]
  schedule: NativeSchedule
  epochs: number
  batchSize: number
  accumulate: number
  gradientClip: number
  balanced: boolean
  patience: number
  precision: string
  augment?: Record<string, number | boolean>
  seed: number
  threads?: number
  /** Height and width of the window that the network sees, where images are larger. */
  crop?: number[]
  scale: number
  normalise: { mean: number[]; std: number[] }
  bgr: boolean
  state?: Omit<Snapshot, 'weights'>
  /** Processes that share every batch. */
  group?: NativeProcessGroup
  onEvent: (event: NativeTrainEvent) => void
  cancel?: NativeCancelToken
}

export interface BatchEvent {
  kind: 'batch'
  epoch: number
  batch: number
  batches: number
  /** Means over the epoch so far. */
  loss: number
  accuracy: number
  imagesPerSecond: number
}

export interface EpochEvent {
  kind: 'epoch'
  /** From 1. */
  epoch: number
  trainLoss: number
  trainAccuracy: number
  /** NaN where nothing validates. */
  validLoss: number
  validAccuracy: number
  /** Of the epoch's last step. */
  learningRate: number
  imagesPerSecond: number
  /** Training alone, without validation. */
  seconds: number
  /** Better than every epoch before: higher validation accuracy, or the same with a lower loss. */
  best: boolean
}

export type NativeTrainEvent = BatchEvent | (EpochEvent & { snapshot: Snapshot })

export interface NativeTrainResult {
  /** False when it was cancelled. */
  completed: boolean
  reason: 'finished' | 'cancelled' | 'early-stopped'
  snapshot: Snapshot
}

/** Parts of a training step by themselves; all at once, on JavaScript's thread. */
export interface NativeTrainingSteps {
  lossAndGradient(
    options: Partial<NativeLoss>,
    outputs: Tensor | RawTensor,
    targets: NativeValues
  ): { loss: number; gradient: RawTensor }
  /** The parameter after each step; the learning rate of step i is multiplied by factors[i]. */
  optimizerSteps(
    options: Partial<NativeTrainOptions>,
    parameter: Tensor,
    gradients: Tensor[],
    factors: number[]
  ): RawTensor[]
  scheduleFactors(schedule: Partial<NativeSchedule>, steps: number): number[]
  /** Factor of the learning rate after each epoch's validation loss. */
  plateauFactors(schedule: Partial<NativeSchedule>, losses: number[]): number[]
  /** Images as training sees them; one key per image decides its random changes. */
  augment(
    images: { data: Uint8Array | Float32Array; shape: number[] },
    augment: Record<string, number | boolean>,
    normalisation: Pick<NativeTrainOptions, 'crop' | 'scale' | 'normalise' | 'bgr'>,
    seed: number,
    keys: number[]
  ): Tensor
}

interface NativeValues {
  data: Int32Array | Float32Array | Float64Array
  shape: number[]
}
