import type { Model } from '../../model/model.js'
import { sizeOf } from '../../core/tensor.js'
import { imagesPerPass, rowsFor, valueRange } from '../images.js'
import { replacing, type Fill } from './fills.js'
import { orderOf, type Order } from './order.js'
import { reader, type Scored } from './scored.js'
import type { Steps } from './steps.js'
import { relevanceOf, unitsOf, type Unit, type Units } from './units.js'

/** How an image is perturbed: which parts, in which order, by what, how many at a time. */
export interface Perturbation {
  order: Order
  unit: Unit
  fill: Fill
  /** What the fill `constant` puts in (0). */
  value?: number
  steps: Steps
}

/** An explained image. */
export interface Subject extends Scored {
  /** [channels, ...places], or any shape for entries. */
  image: Float32Array
  /** Shaped like the image. */
  relevance: Float32Array
  /** Of equal units' order, the random order and random fills. */
  seed: number
}

/** What the network says of an image after each step. */
export interface Curve {
  /** Share of the units that are replaced. */
  shares: number[]
  /** The target's probability and logit. */
  probabilities: number[]
  logits: number[]
  /** The class that is predicted. */
  predictions: number[]
}

/** Images are made in JavaScript while the network sees those before: with more at once, it would wait. */
const MOST_AT_ONCE = 128

/**
 * Curves of perturbed images, everything replaced so far staying replaced. The steps of all of them share large batches,
 * because small networks take more time per call than per image; a curve does not depend on the others.
 */
export async function perturbationCurves(
  model: Model,
  tasks: Iterable<Subject & Perturbation>,
  signal?: AbortSignal
): Promise<Curve[]> {
  const curves: Curve[] = []
  let running = Promise.resolve()
  for (const { data, places } of batches(model, tasks)) {
    await running
    const rows = rowsFor(places.map(({ scored }) => scored))
    const input = { data, shape: [places.length, ...model.imageShape], ...rows }
    running = model.forward(input, { signal }).then((logits) => {
      const read = reader(model, logits)
      places.forEach(({ task, scored, share }, i) => {
        const { logit, probability, predicted } = read(i, scored)
        const curve = (curves[task] ??= { shares: [], probabilities: [], logits: [], predictions: [] })
        curve.shares.push(share)
        curve.probabilities.push(probability)
        curve.logits.push(logit)
        curve.predictions.push(predicted)
      })
    })
  }
  await running
  return curves
}

interface PerturbedBatch {
  /** The images after each step, one after the other. */
  data: Float32Array
  places: { task: number; scored: Scored; share: number }[]
}

function* batches(model: Model, tasks: Iterable<Subject & Perturbation>): Generator<PerturbedBatch> {
  const size = sizeOf(model.imageShape)
  const most = imagesPerPass(model, MOST_AT_ONCE)
  const empty = (): PerturbedBatch => ({ data: new Float32Array(most * size), places: [] })
  const units = new Map<Unit, Units>()
  let batch = empty()
  let number = 0
  for (const task of tasks) {
    if (!units.has(task.unit)) units.set(task.unit, unitsOf(model.places, task.unit))
    for (const { image, share } of perturbed(model, task, task, units.get(task.unit))) {
      batch.data.set(image, batch.places.length * size)
      batch.places.push({ task: number, scored: task, share })
      if (batch.places.length < most) continue
      yield batch
      batch = empty()
    }
    number++
  }
  if (batch.places.length > 0) yield { ...batch, data: batch.data.subarray(0, batch.places.length * size) }
}

/** The image after each step, and the share that is replaced; the next step changes the same array. */
export function* perturbed(
  model: Model,
  { image: original, relevance, seed }: Pick<Subject, 'image' | 'relevance' | 'seed'>,
  { order, unit, fill, value = 0, steps }: Perturbation,
  units = unitsOf(model.places, unit)
): Generator<{ image: Float32Array; share: number }> {
  const ranked = orderOf(relevanceOf(units, relevance), order, seed)
  const plane = original.length / units.planes
  const shape: [number, number, number] = unit === 'entry' ? [1, 1, plane] : model.planes
  const replace = replacing(original, fill, { ...valueRange(model), shape, value, seed })
  const image = Float32Array.from(original)
  const replaced = new Uint8Array(plane)
  let done = 0
  for (const count of steps(units.count)) {
    const added = positionsOf(units, ranked.subarray(done, count))
    for (const position of added) replaced[position] = 1
    replace(image, replaced, added)
    done = count
    yield { image, share: count / units.count }
  }
}

function positionsOf({ count, positions, starts }: Units, chosen: Int32Array): Int32Array {
  if (count === positions.length) return chosen
  const parts = Array.from(chosen, (unit) => positions.subarray(starts[unit], starts[unit + 1]))
  const joined = new Int32Array(parts.reduce((sum, part) => sum + part.length, 0))
  let at = 0
  for (const part of parts) {
    joined.set(part, at)
    at += part.length
  }
  return joined
}
