import type { Model } from '../model/model.js'
import { sizeOf } from '../core/tensor.js'

/** Bytes of all nodes' outputs in one pass; the weights' bytes come on top. A pass takes about five times as much. */
const CPU_BYTES = 256 * 2 ** 20
const MOST_ON_CPU = 32
/** What a GPU has more of. */
const GPU_FACTOR = 16

/**
 * Images of one pass, so that memory is bounded by the model and not by the images: as many as their activations fit beside
 * the weights.
 */
export function comfortableBatch(model: Model): number {
  const factor = model.device === 'cpu' ? 1 : GPU_FACTOR
  const weights = [...model.parameterShapes.values()].reduce((sum, shape) => sum + 4 * sizeOf(shape), 0)
  const room = factor * (CPU_BYTES + weights)
  return Math.max(1, Math.min(MOST_ON_CPU * factor, Math.floor(room / outputBytes(model))))
}

/** Of one image. */
function outputBytes(model: Model): number {
  const images = model.graph.inputShape[0] ?? 1
  const numbers = Object.values(model.shapes()).reduce((sum, shape) => sum + sizeOf(shape), 0)
  return 4 * (numbers / images + sizeOf(model.imageShape))
}
