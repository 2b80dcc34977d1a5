import { readChosen, storedShape, type Dataset, type Split } from '../data/dataset.js'
import type { LrpError } from '../core/errors.js'
import type { DataTask } from '../core/graph.js'
import type { Model } from '../model/model.js'
import { callNative } from '../native/addon.js'
import { sizeOf } from '../core/tensor.js'
import type {
  BatchEvent,
  BatchRequest,
  EpochEvent,
  NativeRun,
  NativeSamples,
  NativeTrainData,
  NativeTrainEvent,
  NativeTrainOptions,
  NativeTrainResult,
  Snapshot
} from '../native/train-types.js'

export interface RunCallbacks {
  onBatch: (event: BatchEvent) => void
  /** Called in order; the run does not wait for it. */
  onEpoch: (event: EpochEvent, snapshot: Snapshot) => void
}

/** One training run in C++: trains the model in place. Resolves after the last epoch was reported. */
export async function runTraining(
  model: Model,
  data: NativeTrainData,
  options: NativeTrainOptions,
  { start, group }: Pick<NativeRun, 'start' | 'group'>,
  callbacks: RunCallbacks,
  signal?: AbortSignal
): Promise<NativeTrainResult> {
  let reported = start?.state.epoch ?? 0
  let allReported: (() => void) | undefined
  const failed = new AbortController()
  const report = (event: NativeTrainEvent): void => {
    if (event.kind === 'batch') return callbacks.onBatch(event)
    const { snapshot, ...epoch } = event
    callbacks.onEpoch(epoch, snapshot)
  }
  const onEvent = (event: NativeTrainEvent): void => {
    try {
      if (!failed.signal.aborted) report(event)
    } catch (error) {
      failed.abort(error)
    }
    if (event.kind === 'epoch') reported = event.epoch
    allReported?.()
  }
  const stop = signal ? AbortSignal.any([signal, failed.signal]) : failed.signal
  const result = await callNative((_, cancel) => {
    const onExit = (): void => cancel?.cancel() // process.exit() waits for what runs in C++
    process.once('exit', onExit)
    return model.handle
      .train(data, options, { start, group, onEvent, cancel })
      .finally(() => process.off('exit', onExit))
  }, stop)
  while (reported < result.snapshot.state.epoch) await new Promise<void>((resolve) => (allReported = resolve))
  if (failed.signal.aborted) throw failed.signal.reason // what a callback threw
  return result
}

/** Training and validation images as the addon takes them, over the same memory. */
export function trainData(dataset: Dataset, task: DataTask): NativeTrainData {
  const { train, valid } = dataset.splits
  const of = (split: Split): NativeSamples => samples(split, dataset, task)
  return { train: of(train), valid: valid.labels.length > 0 ? of(valid) : undefined }
}

/** Class numbers, or values; of two classes that one logit tells apart 0 and 1. */
export function labelsOf({ labels, values }: Split, { classes }: Dataset, task: DataTask): NativeSamples['labels'] {
  const count = labels.length
  if (task === 'binary') return { data: Float32Array.from(labels), shape: [count, 1] }
  return values ? { data: values, shape: [count, classes.length] } : { data: labels, shape: [count] }
}

function samples(split: Split, dataset: Dataset, task: DataTask): NativeSamples {
  const count = split.labels.length
  const labels = labelsOf(split, dataset, task)
  const shape = storedShape(dataset)
  if (!dataset.read) return { images: { data: split.images, shape: [count, ...shape] }, labels }
  const size = sizeOf(shape)
  const free: Uint8Array[] = [] // `done` copies: an array serves again, and the garbage collector has less to do
  const read = ({ indices, done, failed }: BatchRequest): void => {
    const bytes = indices.length * size
    const found = free.pop()
    const whole = found && found.length >= bytes ? found : new Uint8Array(bytes)
    readChosen(dataset, split, Array.from(indices), whole.subarray(0, bytes))
      .then((data) => {
        done({ data, shape: [indices.length, ...shape] })
        free.push(whole)
      })
      .catch((error: LrpError) => failed(error.code ?? 'IO', error.message))
  }
  return { read, labels }
}
