import { isLrpError } from '../core/errors.js'
import { sizeOf } from '../core/tensor.js'
import type { Model } from '../model/model.js'
import { explain } from './explain.js'
import type { InputOptions } from './file-options.js'
import { openInputs } from './inputs.js'
import type { ExplainOptions } from './options.js'
import { defaultBatchSize, defaultPassSize, passBytes } from './pass-size.js'

/** Estimated time and memory of a run of `explainToFiles`. */
export interface RunEstimate {
  /** Number of images; undefined if none are named and the model has no data set. */
  images?: number
  /** Number of passes: groups of images whose maps are in memory together. */
  passes?: number
  /** Number of images that pass through the network together. */
  batchSize: number
  /** Estimated bytes of activations, relevance and weights. */
  memoryBytes: number
  secondsPerImage: number
}

/** Number of images that are explained to measure the time. */
const MEASURED = 4

/**
 * Opens the images and explains a few grey ones to estimate the time and memory of the whole run.
 * @throws LrpError as `explain`
 */
export async function estimateRun(
  model: Model,
  images: InputOptions,
  options: ExplainOptions & { passSize?: number }
): Promise<RunEstimate> {
  const { passSize, target = 'argmax', batchSize, ...rest } = options
  const isNamed = images.input !== undefined || images.data !== undefined || images.dataPath !== undefined
  const found = await openInputs(model, images).catch((error: unknown) => {
    if (isLrpError(error) && !isNamed) return undefined
    throw error
  })
  const count = found?.names.length
  const batch = model.graph.inputShape[0] ?? Math.min(batchSize ?? defaultBatchSize(model), count ?? Infinity)
  const measured = model.graph.inputShape[0] ?? Math.min(batch, MEASURED)
  const input = {
    data: new Float32Array(measured * sizeOf(model.imageShape)).fill(0.5),
    shape: [measured, ...model.imageShape]
  }
  const own = target === 'label' ? { ...rest, batchSize: measured } : { ...rest, target, batchSize: measured }
  const begun = performance.now()
  await explain(model, input, own)
  const secondsPerImage = (performance.now() - begun) / 1000 / measured
  const inPass = passSize ?? (await defaultPassSize(model, target))
  return {
    ...(count !== undefined && { images: count, passes: Math.ceil(count / inPass) }),
    batchSize: batch,
    memoryBytes: passBytes(model, batch),
    secondsPerImage
  }
}
