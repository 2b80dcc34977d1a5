import { uniformFloat64 } from 'pure-rand/distribution/uniformFloat64'
import { xoroshiro128plus } from 'pure-rand/generator/xoroshiro128plus'
import type { RandomGenerator } from 'pure-rand/types/RandomGenerator'
import { blur } from '../../plot/box-filter.js'
import { EIGHT, inpaint } from './inpaint.js'

/**
 * Fills: the values that replace pixels (docs/metrics.md). `zero` is another name for `black`, and `noise` for
 * `uniform`.
 */
export const FILLS = [
  'black',
  'zero',
  'white',
  'constant',
  'mean',
  'current-mean',
  'uniform',
  'noise',
  'normal',
  'blur',
  'inpaint',
  'noisy-linear'
] as const
/** Name of a fill: the values that replace pixels (docs/metrics.md). */
export type Fill = (typeof FILLS)[number]

/** Fills that change every replaced pixel in every step, because they depend on all pixels that are gone. */
export const FILLS_OF_ALL: ReadonlySet<Fill> = new Set(['inpaint', 'noisy-linear'])

export interface FillContext {
  /** [channels, height, width]; of entries without pixels [1, 1, entries]. */
  shape: [channels: number, height: number, width: number]
  /** Values of black and white per channel. */
  low: number[]
  high: number[]
  /** For `constant`. */
  value: number
  seed: number
}

/**
 * Replaces pixels of `image`, the image as it then is.
 * @param replaced 1 at each position [height, width] that is replaced by now, all channels
 * @param added positions of those that this step replaces
 */
export type Replace = (image: Float32Array, replaced: Uint8Array, added: Int32Array) => void

/** How a fill replaces the pixels of an original image. */
export function replacing(original: Float32Array, fill: Fill, context: FillContext): Replace {
  const plane = original.length / context.shape[0]
  if (FILLS_OF_ALL.has(fill)) {
    const fillIn = fill === 'inpaint' ? inpaint : noisyLinear
    return (image, replaced) => image.set(fillIn(original, replaced, context))
  }
  if (fill === 'current-mean') {
    return (image, _, added) => {
      const value = mean(image)
      for (let from = 0; from < image.length; from += plane) for (const i of added) image[from + i] = value
    }
  }
  const filled = filledWith(original, fill, context)
  return (image, _, added) => {
    for (let from = 0; from < image.length; from += plane) for (const i of added) image[from + i] = filled[from + i]!
  }
}

/** The image with every pixel replaced by a fill that depends on the original image alone. */
function filledWith(original: Float32Array, fill: Fill, context: FillContext): Float32Array {
  const [channels, height, width] = context.shape
  const plane = height * width
  const random = xoroshiro128plus(context.seed)
  const result = new Float32Array(original.length)
  for (let c = 0; c < channels; c++) {
    const own = original.subarray(c * plane, (c + 1) * plane)
    const target = result.subarray(c * plane, (c + 1) * plane)
    const [low, high] = [context.low[c]!, context.high[c]!]
    if (fill === 'blur') target.set(blur(own, height, width, Math.max(1, Math.round(Math.min(height, width) / 8))))
    else if (fill === 'uniform' || fill === 'noise')
      for (let i = 0; i < plane; i++) target[i] = low + uniformFloat64(random) * (high - low)
    else if (fill === 'normal') {
      const [middle, spread] = [mean(own), deviation(own)]
      for (let i = 0; i < plane; i++) target[i] = middle + spread * normal(random)
    } else
      target.fill(fill === 'white' ? high : fill === 'constant' ? context.value : fill === 'mean' ? mean(own) : low)
  }
  return result
}

/** Each replaced pixel from its eight neighbours, with noise of a hundredth of the range on it (Rong et al. 2022). */
function noisyLinear(original: Float32Array, replaced: Uint8Array, context: FillContext): Float32Array {
  const result = inpaint(original, replaced, context, EIGHT)
  const plane = replaced.length
  const random = xoroshiro128plus(context.seed)
  for (let i = 0; i < result.length; i++) {
    const c = Math.floor(i / plane)
    if (replaced[i % plane] === 1) result[i]! += 0.01 * (context.high[c]! - context.low[c]!) * normal(random)
  }
  return result
}

/** A standard normal number (Box and Muller). */
export function normal(random: RandomGenerator): number {
  const radius = Math.sqrt(-2 * Math.log(1 - uniformFloat64(random)))
  return radius * Math.cos(2 * Math.PI * uniformFloat64(random))
}

export function mean(values: Float32Array): number {
  let sum = 0
  for (let i = 0; i < values.length; i++) sum += values[i]!
  return sum / values.length
}

/** Standard deviation, of the population. */
export function deviation(values: Float32Array): number {
  const middle = mean(values)
  return Math.sqrt(values.reduce((sum, value) => sum + (value - middle) ** 2, 0) / values.length)
}
