import { uniformInt } from 'pure-rand/distribution/uniformInt'
import { xoroshiro128plus } from 'pure-rand/generator/xoroshiro128plus'

const DRAWS = 2000
const FLIPS = 10_000

/** A mean over images with its 95 % interval. */
export interface Interval {
  /** Mean over the images. */
  mean: number
  /** Lower end of the 95 % interval. */
  low: number
  /** Upper end of the 95 % interval. */
  high: number
}

/**
 * Computes the mean over images with the 95 % interval of the percentile bootstrap (Efron 1979). It resamples the
 * images 2,000 times.
 */
export function bootstrapMean(values: number[], seed = 0): Interval {
  const n = values.length
  if (n === 0) return { mean: NaN, low: NaN, high: NaN }
  const mean = values.reduce((sum, value) => sum + value, 0) / n
  const random = xoroshiro128plus(seed)
  const means = Float64Array.from({ length: DRAWS }, () => {
    let sum = 0
    for (let i = 0; i < n; i++) sum += values[uniformInt(random, 0, n - 1)]!
    return sum / n
  }).sort()
  return { mean, low: means[Math.floor(0.025 * DRAWS)]!, high: means[Math.ceil(0.975 * DRAWS) - 1]! }
}

/** The mean difference of two methods on the same images, with its p-value. */
export interface PairedTest extends Interval {
  /** Two-sided p-value: how often random signs of the differences give a mean at least as far from 0. */
  p: number
}

/**
 * Compares two methods on the same images: mean difference a - b, its bootstrap interval, and the sign-flip permutation
 * test.
 */
export function pairedTest(a: number[], b: number[], seed = 0): PairedTest {
  const differences = a.map((value, i) => value - b[i]!)
  const observed = Math.abs(differences.reduce((sum, value) => sum + value, 0))
  const random = xoroshiro128plus(seed + 1)
  let asFar = 0
  for (let flip = 0; flip < FLIPS; flip++) {
    let sum = 0
    for (const value of differences) sum += uniformInt(random, 0, 1) === 1 ? value : -value
    if (Math.abs(sum) >= observed - 1e-12) asFar++
  }
  return { ...bootstrapMean(differences, seed), p: (asFar + 1) / (FLIPS + 1) }
}
