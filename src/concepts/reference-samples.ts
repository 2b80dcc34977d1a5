import type { Tensor } from '../core/tensor.js'
import type { ChannelValues } from '../native/addon.js'

/** How a channel ranks images: by its sum over space or its largest value there. */
export type Measure = 'sum' | 'max'

/** Options of `ReferenceSamples`. */
export interface ReferenceOptions {
  /** Value by which a channel ranks images (`sum`). */
  measure?: Measure
  /** Whether the values of each image are divided by the sum of their magnitudes over the channels (false). */
  normed?: boolean
  /** Number of images to keep for each channel (8). */
  count?: number
}

/** One image that a channel ranks highly. */
export interface ReferenceSample {
  /** Number of the image, in the order in which images were added. */
  image: number
  /** Relevance or activation of the channel: the sum or the largest value, depending on the measure. */
  value: number
  /** Index of the channel's largest value in the layer's flattened plane. */
  place: number
}

/**
 * Collects the images with the highest relevance (RelMax) or activation (ActMax) of every channel of a layer (Achtibat
 * et al. 2023). Values are added batch by batch and only the best images are kept, so the data set can have any size.
 */
export class ReferenceSamples {
  private readonly measure: Measure
  private readonly normed: boolean
  private readonly count: number

  /**
   * Starts without samples, or with the samples of an earlier collection.
   * @param best samples of each channel, highest value first
   */
  constructor(
    { measure = 'sum', normed = false, count = 8 }: ReferenceOptions = {},
    readonly best: ReferenceSample[][] = []
  ) {
    this.measure = measure
    this.normed = normed
    this.count = count
  }

  /**
   * Adds the values of a batch, and keeps the best images of each channel.
   * @param images for each row, the number of the image in the data set
   */
  add(values: ChannelValues, images: ArrayLike<number>): void {
    const { sum, largest, place } = values
    const ranked = this.measure === 'sum' ? sum : largest
    const [rows, channels] = ranked.shape as [number, number]
    const scale = this.normed ? normedChannels(ranked) : ranked
    for (let c = 0; c < channels; c++) {
      const best = (this.best[c] ??= [])
      for (let i = 0; i < rows; i++) {
        const value = scale.data[i * channels + c]!
        if (best.length === this.count && value <= best.at(-1)!.value) continue
        let at = best.length
        while (at > 0 && best[at - 1]!.value < value) at--
        best.splice(at, 0, { image: images[i]!, value, place: place.data[i * channels + c]! })
        if (best.length > this.count) best.pop()
      }
    }
  }
}

/** Each image's values over the sum of their magnitudes, [images, channels]. */
export function normedChannels({ data, shape }: Tensor): Tensor {
  const [rows, channels] = shape as [number, number]
  const result = new Float32Array(data.length)
  for (let i = 0; i < rows; i++) {
    let sum = 0
    for (let c = 0; c < channels; c++) sum += Math.abs(data[i * channels + c]!)
    for (let c = 0; c < channels; c++) result[i * channels + c] = data[i * channels + c]! / (sum + 1e-10)
  }
  return { data: result, shape }
}
