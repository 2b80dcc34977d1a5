import type { Model } from '../../model/model.js'
import { sizeOf, type Tensor } from '../../core/tensor.js'
import { softmax } from '../../core/logits.js'

/** One explained image, with what a score may need beside it. */
export interface ScoreContext {
  model: Model
  /** [channels, height, width] */
  image: Float32Array
  relevance: Float32Array
  target: number
  /** The target's logit for the image as it is. */
  logit: number
  seed: number
  /** Shaped like the image, above 0 inside; absent where none was given. */
  mask?: Float32Array
  /** Explains images of the same size by the same method: their maps, one after the other. Absent: the map was given. */
  explainer?: (images: Tensor, targets: Int32Array, model?: Model) => Promise<Float32Array>
  signal?: AbortSignal
}

/** Values of black and white per channel. */
export function rangeOf(model: Model): { low: number[]; high: number[] } {
  const channels = model.imageShape[0]!
  return model.inputRange ?? { low: Array<number>(channels).fill(0), high: Array<number>(channels).fill(1) }
}

/** Logits and probabilities of the target for changed copies of the image, in few large batches. */
export async function targetScores(
  { model, target, signal }: ScoreContext,
  images: Float32Array[]
): Promise<{ logits: number[]; probabilities: number[] }> {
  const logits = await model.forward(stacked(images, model.imageShape), { batchSize: batchOf(model), signal })
  const [classes, probabilities] = [logits.shape[1]!, softmax(logits)]
  const column = (values: ArrayLike<number>): number[] => images.map((_, i) => values[i * classes + target]!)
  return { logits: column(logits.data), probabilities: column(probabilities) }
}

export function stacked(images: Float32Array[], imageShape: number[]): Tensor {
  const size = sizeOf(imageShape)
  const data = new Float32Array(images.length * size)
  images.forEach((image, i) => data.set(image, i * size))
  return { data, shape: [images.length, ...imageShape] }
}

/** Images that go through the network together: few large ones, whose activations fill the caches anyway, or many small. */
export function batchOf(model: Model, most = 512): number {
  return Math.max(1, Math.min(most, Math.floor(6e5 / sizeOf(model.imageShape))))
}
