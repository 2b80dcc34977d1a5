import type { Dataset, Split } from '../data/dataset.js'
import type { Model } from '../model/model.js'
import { callNative } from '../native.js'
import { nativeOptions } from './native-options.js'
import type {
  BatchEvent,
  EpochEvent,
  NativeSamples,
  NativeTrainOptions,
  NativeTrainResult,
  Snapshot
} from './native.js'
import type { TrainSettings } from './settings.js'

export interface RunCallbacks {
  onBatch: (event: BatchEvent) => void
  /** Called in order; the run does not wait for it. */
  onEpoch: (event: EpochEvent, snapshot: Snapshot) => void
}

/** One training run in C++: trains the model in place. Resolves after the last epoch was reported. */
export async function runTraining(
  model: Model,
  dataset: Dataset,
  settings: TrainSettings,
  callbacks: RunCallbacks,
  state?: Omit<Snapshot, 'weights'>,
  signal?: AbortSignal
): Promise<NativeTrainResult> {
  const { train, valid } = dataset.splits
  const data = {
    train: toNative(train, dataset),
    valid: valid.labels.length > 0 ? toNative(valid, dataset) : undefined
  }
  let reported = state?.position.epoch ?? 0
  let allReported: (() => void) | undefined
  const onEvent: NativeTrainOptions['onEvent'] = (event) => {
    if (event.kind === 'batch') return callbacks.onBatch(event)
    const { snapshot, ...epoch } = event
    callbacks.onEpoch(epoch, snapshot)
    reported = event.epoch
    allReported?.()
  }
  const options = { ...nativeOptions(settings, dataset, model.graph, model.preprocessing!), state, onEvent }
  const result = await callNative((addon, cancel) => addon.train(model.handle, data, { ...options, cancel }), signal)
  while (reported < result.snapshot.position.epoch) await new Promise<void>((resolve) => (allReported = resolve))
  return result
}

/** A split as the addon takes it, over the same memory. */
export function toNative(split: Split, dataset: Dataset): NativeSamples {
  const count = split.labels.length
  return {
    images: { data: split.images, shape: [count, ...dataset.imageShape] },
    labels: { data: split.labels, shape: [count] }
  }
}
