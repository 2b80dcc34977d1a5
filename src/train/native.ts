import type { NativeCancelToken } from '../native.js'
import type { RawTensor } from '../tensor.js'

interface LabelledImages {
  images: { data: Uint8Array; shape: number[] }
  labels: { data: Int32Array; shape: number[] }
}

export interface NativeTrainData {
  train: LabelledImages
  valid?: LabelledImages
}

/** Where a run stands; `batch` counts the batches of the epoch at hand that are done. */
export interface Position {
  epoch: number
  batch: number
  lossSum: number
  correct: number
}

/** All that is needed to go on exactly where a run stopped. */
export interface Snapshot {
  weights: Record<string, RawTensor>
  optimizer: Record<string, RawTensor>
  position: Position
}

export interface NativeTrainOptions {
  loss: string
  optimizer: string
  learningRate: number
  momentum: number
  weightDecay: number
  epochs: number
  batchSize: number
  seed: number
  scale: number
  normalise: { mean: number[]; std: number[] }
  state?: Omit<Snapshot, 'weights'>
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
  seconds: number
}

export type NativeTrainEvent = BatchEvent | (EpochEvent & { snapshot: Snapshot })

export interface NativeTrainResult {
  /** False when it was cancelled. */
  completed: boolean
  snapshot: Snapshot
}
