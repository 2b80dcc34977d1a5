import type { Dataset, Split } from '../data/dataset.js'
import type { Model } from '../model/model.js'
import { callNative } from '../native.js'
import type { BatchEvent, EpochEvent, NativeTrainData, NativeTrainOptions, NativeTrainResult, Snapshot } from './native.js'

export interface RunCallbacks {
  onBatch: (event: BatchEvent) => void
  /** Called in order; the run does not wait for it. */
  onEpoch: (event: EpochEvent, snapshot: Snapshot) => void
}

/** One training run in C++: trains the model in place. Resolves after the last epoch was reported. */
export async function runTraining(
  model: Model,
  dataset: Dataset,
  options: Omit<NativeTrainOptions, 'onEvent' | 'cancel' | 'scale' | 'normalise'>,
  callbacks: RunCallbacks,
  signal?: AbortSignal
): Promise<NativeTrainResult> {
  const { scale, mean, std } = model.preprocessing!
  const data: NativeTrainData = { train: toNative(dataset.splits.train, dataset) }
  if (dataset.splits.valid.labels.length > 0) data.valid = toNative(dataset.splits.valid, dataset)
  let reported = options.state?.position.epoch ?? 0
  let allReported: (() => void) | undefined
  const onEvent: NativeTrainOptions['onEvent'] = (event) => {
    if (event.kind === 'batch') return callbacks.onBatch(event)
    const { snapshot, ...epoch } = event
    callbacks.onEpoch(epoch, snapshot)
    reported = event.epoch
    allReported?.()
  }
  const native = { ...options, scale, normalise: { mean, std }, onEvent }
  const result = await callNative((addon, cancel) => addon.train(model.handle, data, { ...native, cancel }), signal)
  while (reported < result.snapshot.position.epoch) await new Promise<void>((resolve) => (allReported = resolve))
  return result
}

function toNative(split: Split, dataset: Dataset): NativeTrainData['train'] {
  const count = split.labels.length
  return {
    images: { data: split.images, shape: [count, ...dataset.imageShape] },
    labels: { data: split.labels, shape: [count] }
  }
}
