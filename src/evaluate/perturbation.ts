import type { Model } from '../model/model.js'
import { sizeOf } from '../core/tensor.js'
import { softmax } from '../core/logits.js'
import { fallingOrder } from './map-metrics.js'
import { batchOf } from './metrics/context.js'

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

/** One image, and how it is perturbed. */
export interface Walk {
  /** [channels, height, width] */
  image: Float32Array
  target: number
  steps: Steps
}

/** More are made in JavaScript while the network would wait. */
const MOST_AT_ONCE = 128

/**
 * Probability of each walk's target after each of its steps, everything replaced so far staying replaced. The steps of
 * all walks share large batches, because small networks take more time per call than per image; the next batch is made
 * while the network sees the one before.
 */
export async function probabilityCurves(
  model: Model,
  walks: Iterable<Walk>,
  signal?: AbortSignal
): Promise<number[][]> {
  const curves: number[][] = []
  let running = Promise.resolve()
  for (const { data, places } of batches(walks, sizeOf(model.imageShape), batchOf(model, MOST_AT_ONCE))) {
    await running
    running = model.forward({ data, shape: [places.length, ...model.imageShape] }, { signal }).then((logits) => {
      const [classes, probabilities] = [logits.shape[1]!, softmax(logits)]
      places.forEach(({ walk, target }, i) => (curves[walk] ??= []).push(probabilities[i * classes + target]!))
    })
  }
  await running
  return curves
}

interface WalkBatch {
  /** The images after each step, one after the other. */
  data: Float32Array
  places: { walk: number; target: number }[]
}

function* batches(walks: Iterable<Walk>, size: number, most: number): Generator<WalkBatch> {
  const empty = (): WalkBatch => ({ data: new Float32Array(most * size), places: [] })
  let batch = empty()
  let walk = 0
  for (const { image, target, steps } of walks) {
    const current = Float32Array.from(image)
    for (const group of steps.groups) {
      const value = steps.baseline === 'black' ? 0 : current.reduce((sum, v) => sum + v, 0) / size
      for (const entry of group) current[entry] = value
      batch.data.set(current, batch.places.length * size)
      batch.places.push({ walk, target })
      if (batch.places.length < most) continue
      yield batch
      batch = empty()
    }
    walk++
  }
  if (batch.places.length > 0) yield { ...batch, data: batch.data.subarray(0, batch.places.length * size) }
}
