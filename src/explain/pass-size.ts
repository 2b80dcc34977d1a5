import type { Model } from '../model/model.js'
import { sizeOf } from '../core/tensor.js'
import type { Target } from './options.js'

/** Largest number of relevance values in one pass; two passes are in memory at the same time. */
const PASS_VALUES = 16e6
const MOST_IN_PASS = 256

/** Bytes of all nodes' outputs in one pass; those of the weights are added. A pass takes about five times as much. */
const CPU_BYTES = 256 * 2 ** 20
const MOST_ON_CPU = 64
/** Factor by which a pass on a GPU may be larger. */
const GPU_FACTOR = 16

/**
 * Number of images in one pass through the network: memory then depends on the model and not on the number of images.
 */
export function defaultBatchSize(model: Model): number {
  if (!model.graph.shapes) return 1 // images of any size: what a pass takes is not known before
  const factor = model.device === 'cpu' ? 1 : GPU_FACTOR
  const room = factor * (CPU_BYTES + weightBytes(model))
  return Math.max(1, Math.min(MOST_ON_CPU * factor, Math.floor(room / outputBytes(model))))
}

/** Memory that a pass of this number of images takes, weights included: about five times the outputs of all nodes. */
export function passBytes(model: Model, images: number): number {
  return 5 * images * outputBytes(model) + weightBytes(model)
}

function weightBytes(model: Model): number {
  return [...model.parameterShapes.values()].reduce((sum, shape) => sum + 4 * sizeOf(shape), 0)
}

/** Bytes of all nodes' outputs for one image. */
function outputBytes(model: Model): number {
  const images = model.graph.inputShape[0] ?? 1
  const numbers = Object.values(model.shapes()).reduce((sum, shape) => sum + sizeOf(shape), 0)
  return 4 * (numbers / images + sizeOf(model.imageShape))
}

/** Number of images whose maps are in memory at the same time: as many as fit into 64 MB, at most 256. */
export async function defaultPassSize(model: Model, target?: Target): Promise<number> {
  return Math.max(1, Math.min(MOST_IN_PASS, Math.floor(PASS_VALUES / (await valuesOfMaps(model, target)))))
}

/** Number of relevance values in the maps of one image. */
export async function valuesOfMaps(model: Model, target?: Target): Promise<number> {
  const maps = target === 'all' ? await model.outputs() : Array.isArray(target) ? target.length : 1
  return sizeOf(model.imageShape) * maps
}
