import type { Model } from '../model/model.js'
import { sizeOf, type Tensor } from '../tensor.js'
import { softmax } from './classification.js'
import { fallingOrder } from './map-metrics.js'

export type Order = 'morf' | 'lerf'

/** Which entries each step replaces, and by what: `black` is 0, `mean` the mean of the image as it then is. */
export interface Steps {
  groups: Int32Array[]
  baseline: 'black' | 'mean'
}

/** Entries in falling (morf) or rising (lerf) order of attribution, so many at a time (Bach et al. 2015). */
export function pixelSteps(map: Float32Array, perStep: number, order: Order): Int32Array[] {
  const sorted = fallingOrder(order === 'morf' ? map : map.map((value) => -value))
  const groups: Int32Array[] = []
  for (let from = 0; from < sorted.length; from += perStep) groups.push(sorted.subarray(from, from + perStep))
  return groups
}

/** Non-overlapping squares of `patch` pixels by summed attribution (Samek et al. 2017); at most `limit` of them. */
export function patchSteps(
  map: Float32Array,
  shape: number[],
  patch: number,
  order: Order,
  limit = Infinity
): Int32Array[] {
  const [channels, height, width] = shape as [number, number, number]
  const squares: { entries: number[]; sum: number }[] = []
  for (let top = 0; top < height; top += patch) {
    for (let left = 0; left < width; left += patch) {
      const entries: number[] = []
      for (let c = 0; c < channels; c++) {
        for (let y = top; y < Math.min(height, top + patch); y++) {
          for (let x = left; x < Math.min(width, left + patch); x++) entries.push((c * height + y) * width + x)
        }
      }
      squares.push({ entries, sum: entries.reduce((sum, i) => sum + map[i]!, 0) })
    }
  }
  const sign = order === 'morf' ? 1 : -1
  const ranked = fallingOrder(squares.map(({ sum }) => sign * sum))
  return Array.from(ranked.subarray(0, Math.min(limit, ranked.length)), (i) => Int32Array.from(squares[i]!.entries))
}

/**
 * Probability of the target after each step, everything replaced so far staying replaced. All steps of an image go
 * through the network in a few large batches.
 */
export async function probabilityCurve(
  model: Model,
  image: Tensor,
  target: number,
  steps: Steps,
  signal?: AbortSignal
): Promise<number[]> {
  const size = sizeOf(image.shape)
  const current = Float32Array.from(image.data)
  const perBatch = Math.max(1, Math.min(256, Math.floor(4e6 / size)))
  const curve: number[] = []
  for (let from = 0; from < steps.groups.length; from += perBatch) {
    const groups = steps.groups.slice(from, from + perBatch)
    const data = new Float32Array(groups.length * size)
    groups.forEach((group, i) => {
      const value = steps.baseline === 'black' ? 0 : current.reduce((sum, v) => sum + v, 0) / size
      for (const entry of group) current[entry] = value
      data.set(current, i * size)
    })
    const logits = await model.forward({ data, shape: [groups.length, ...image.shape.slice(1)] }, { signal })
    const probabilities = softmax(logits)
    const classes = logits.shape[1]!
    for (let i = 0; i < groups.length; i++) curve.push(probabilities[i * classes + target]!)
  }
  return curve
}

/** Area under a curve by the trapezoid rule with unit step. */
export function areaUnder(curve: number[]): number {
  return curve.slice(1).reduce((area, value, i) => area + (value + curve[i]!) / 2, 0)
}
