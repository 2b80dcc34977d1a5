import { xoroshiro128plus } from 'pure-rand/generator/xoroshiro128plus'
import { uniformInt } from 'pure-rand/distribution/uniformInt'

export const FILLS = ['zero', 'mean', 'noise'] as const
export type Fill = (typeof FILLS)[number]

/** Positions of an image's pixels by falling relevance (summed over channels); equal ones keep their order. */
export function byRelevance(relevance: Float32Array): Int32Array {
  const order = Int32Array.from(relevance.keys())
  return order.sort((a, b) => relevance[b]! - relevance[a]! || a - b)
}

/**
 * A copy of an image [channels, height, width] with some pixels replaced in every channel.
 * @param low value of black per channel; fill `zero` is black, `mean` the image's own mean per channel, `noise` seeded
 *   uniform values between black and `high`
 */
export function removePixels(
  image: Float32Array,
  channels: number,
  pixels: ArrayLike<number>,
  fill: Fill,
  range: { low: number[]; high: number[] },
  seed: number
): Float32Array {
  const result = Float32Array.from(image)
  const plane = image.length / channels
  const random = xoroshiro128plus(seed)
  for (let c = 0; c < channels; c++) {
    const [low, high] = [range.low[c]!, range.high[c]!]
    let mean = 0
    for (let i = 0; i < plane; i++) mean += image[c * plane + i]! / plane
    for (let i = 0; i < pixels.length; i++) {
      const noise = fill === 'noise' ? low + (uniformInt(random, 0, 255) / 255) * (high - low) : 0
      result[c * plane + pixels[i]!] = fill === 'zero' ? low : fill === 'mean' ? mean : noise
    }
  }
  return result
}
