import { uniformFloat64 } from 'pure-rand/distribution/uniformFloat64'
import { xoroshiro128plus } from 'pure-rand/generator/xoroshiro128plus'
import type { RandomGenerator } from 'pure-rand/types/RandomGenerator'
import { EIGHT, inpaint } from './inpaint.js'

export const REPLACEMENTS = [
  'black',
  'white',
  'constant',
  'mean',
  'channel-mean',
  'uniform',
  'normal',
  'blur',
  'inpaint',
  'noisy-linear'
] as const
export type Replacement = (typeof REPLACEMENTS)[number]

export interface ReplacementContext {
  shape: [channels: number, height: number, width: number]
  /** Values of black and white per channel. */
  low: number[]
  high: number[]
  /** For `constant`. */
  value: number
  seed: number
}

/** Gives the numbers that removed pixels get. `removed` is 1 where a pixel is gone. */
export type Replace = (removed: Uint8Array) => Float32Array

/**
 * How removed pixels are filled: black or white, a number, the mean of the image or of each channel, noise (uniform
 * between black and white, or normal with the channel's mean and deviation), the blurred image (a box of a quarter of the
 * image, three times over), an inpainting (see `inpaint`), or ROAD's noisy linear imputation. All but the last two depend on the original image alone.
 */
export function replacement(image: Float32Array, kind: Replacement, context: ReplacementContext): Replace {
  if (kind === 'inpaint') return (removed) => inpaint(image, removed, context.shape)
  if (kind === 'noisy-linear') return (removed) => noisyLinear(image, removed, context)
  const filled = fixed(image, kind, context)
  return () => filled
}

function fixed(image: Float32Array, kind: Replacement, context: ReplacementContext): Float32Array {
  const [channels, height, width] = context.shape
  const plane = height * width
  const random = xoroshiro128plus(context.seed)
  const whole = mean(image)
  const result = new Float32Array(image.length)
  for (let c = 0; c < channels; c++) {
    const own = image.subarray(c * plane, (c + 1) * plane)
    const [low, high] = [context.low[c]!, context.high[c]!]
    const [middle, spread] = [mean(own), deviation(own)]
    const values: Record<Exclude<Replacement, 'blur' | 'inpaint' | 'noisy-linear'>, () => number> = {
      black: () => low,
      white: () => high,
      constant: () => context.value,
      mean: () => whole,
      'channel-mean': () => middle,
      uniform: () => low + uniformFloat64(random) * (high - low),
      normal: () => middle + spread * normal(random)
    }
    const target = result.subarray(c * plane, (c + 1) * plane)
    if (kind === 'blur') target.set(blurred(own, height, width))
    else for (let i = 0; i < plane; i++) target[i] = values[kind as keyof typeof values]()
  }
  return result
}

/** Each removed pixel from its eight neighbours, with noise of a hundredth of the range on it (Rong et al. 2022). */
function noisyLinear(image: Float32Array, removed: Uint8Array, context: ReplacementContext): Float32Array {
  const result = inpaint(image, removed, context.shape, EIGHT)
  const plane = removed.length
  const random = xoroshiro128plus(context.seed)
  for (let i = 0; i < result.length; i++) {
    const c = Math.floor(i / plane)
    if (removed[i % plane] === 1) result[i]! += 0.01 * (context.high[c]! - context.low[c]!) * normal(random)
  }
  return result
}

/** A standard normal number (Box and Muller). */
export function normal(random: RandomGenerator): number {
  const radius = Math.sqrt(-2 * Math.log(1 - uniformFloat64(random)))
  return radius * Math.cos(2 * Math.PI * uniformFloat64(random))
}

function mean(values: Float32Array): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length
}

function deviation(values: Float32Array): number {
  const middle = mean(values)
  return Math.sqrt(values.reduce((sum, value) => sum + (value - middle) ** 2, 0) / values.length)
}

/** Three box filters of a quarter of the image, edges repeated: close to a Gaussian. */
function blurred(channel: Float32Array, height: number, width: number): Float32Array {
  const radius = Math.max(1, Math.round(Math.min(height, width) / 8))
  let values = channel
  for (let i = 0; i < 3; i++) {
    values = boxFilter(values, height, width, 1, width, radius)
    values = boxFilter(values, width, height, width, 1, radius)
  }
  return values
}

/** Means of 2 r + 1 neighbours along lines; `step` leads along a line, `next` to the next line. */
function boxFilter(
  values: Float32Array,
  lines: number,
  length: number,
  step: number,
  next: number,
  radius: number
): Float32Array {
  const result = new Float32Array(values.length)
  for (let line = 0; line < lines; line++) {
    const at = (i: number): number => line * next + Math.min(Math.max(i, 0), length - 1) * step
    let sum = 0
    for (let i = -radius; i <= radius; i++) sum += values[at(i)]!
    for (let i = 0; i < length; i++) {
      result[at(i)] = sum / (2 * radius + 1)
      sum += values[at(i + radius + 1)]! - values[at(i - radius)]!
    }
  }
  return result
}
