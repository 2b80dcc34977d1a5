import { uniformInt } from 'pure-rand/distribution/uniformInt'
import { xoroshiro128plus } from 'pure-rand/generator/xoroshiro128plus'

export type FlipOrder = 'morf' | 'lerf' | 'random'

/** Pixels of an image that are flipped together: single pixels (all channels at once), or squares of a grid. */
export function flipUnits(height: number, width: number, patchSize: number): Int32Array[] {
  const units: Int32Array[] = []
  for (let top = 0; top < height; top += patchSize) {
    for (let left = 0; left < width; left += patchSize) {
      const pixels: number[] = []
      for (let y = top; y < Math.min(height, top + patchSize); y++) {
        for (let x = left; x < Math.min(width, left + patchSize); x++) pixels.push(y * width + x)
      }
      units.push(Int32Array.from(pixels))
    }
  }
  return units
}

/**
 * Units by falling (morf: most relevant first) or rising (lerf) relevance, or in random order.
 * @param relevance one number per pixel, channels summed
 * @returns positions in `units`; equal ones keep their order
 */
export function rankUnits(relevance: Float32Array, units: Int32Array[], order: FlipOrder, seed: number): Int32Array {
  const positions = Int32Array.from(units.keys())
  if (order === 'random') return shuffled(positions, seed)
  const sums = units.map((pixels) => pixels.reduce((sum, i) => sum + relevance[i]!, 0))
  const sign = order === 'morf' ? 1 : -1
  return positions.sort((a, b) => sign * (sums[b]! - sums[a]!) || a - b)
}

function shuffled(positions: Int32Array, seed: number): Int32Array {
  const random = xoroshiro128plus(seed)
  for (let i = positions.length - 1; i > 0; i--) {
    const j = uniformInt(random, 0, i)
    ;[positions[i], positions[j]] = [positions[j]!, positions[i]!]
  }
  return positions
}

/**
 * How many units are flipped after each step, from 0 on: as many at every step, or more and more of them, so that the
 * first steps look closely at the most relevant ones.
 * @param share of all units that the last step reaches
 */
export function flipCounts(units: number, steps: number, growing: boolean, share = 1): number[] {
  const last = Math.round(units * share)
  const counts = Array.from({ length: steps + 1 }, (_, k) => Math.round(last * (k / steps) ** (growing ? 2 : 1)))
  return counts.filter((count, i) => i === 0 || count > counts[i - 1]!)
}
