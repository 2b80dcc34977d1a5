import type { Model } from '../../model/model.js'
import { callNative, type NativeChanges, type RawInts } from '../../native/addon.js'
import { imagesPerPass, rowsFor, stacked, valueRange } from '../images.js'
import { FILLS_OF_ALL, replacing, type Fill } from './fills.js'
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

/** Where C++ cannot spare the first layers. */
const IMAGES_PER_PASS = 128
/** Steps that C++ is given at once: it computes while JavaScript orders the pixels of those that follow. */
const STEPS_AT_ONCE = 280

/**
 * Curves of perturbed images, everything replaced so far staying replaced. C++ receives what changes and computes only what
 * that concerns, or the steps of all images in large batches; a curve does not depend on the others.
 */
export async function perturbationCurves(
  model: Model,
  tasks: Iterable<Subject & Perturbation>,
  signal?: AbortSignal
): Promise<Curve[]> {
  const curves: Curve[] = []
  let [before, running] = [Promise.resolve(), Promise.resolve()]
  for (const { changes, steps } of batches(model, tasks)) {
    await before // C++ already has the next batch when it has finished one
    before = running
    const fixed = model.fixedBatch({ shape: [steps.length, ...model.imageShape] })
    const batchSize = fixed ?? imagesPerPass(model, IMAGES_PER_PASS)
    const output = callNative(
      (_, cancel) => model.handle.forwardChanges(changes, { batchSize, fixedBatch: fixed !== undefined, cancel }),
      signal
    )
    running = Promise.all([output, before]).then(([logits]) => {
      const read = reader(model, logits)
      steps.forEach(({ task, scored, share }, i) => {
        const { logit, probability, predicted } = read(i, scored)
        const curve = (curves[task] ??= { shares: [], probabilities: [], logits: [], predictions: [] })
        curve.shares.push(share)
        curve.probabilities.push(probability)
        curve.logits.push(logit)
        curve.predictions.push(predicted)
      })
    })
    running.catch(() => {}) // it is awaited later
  }
  await running
  return curves
}

interface PerturbedBatch {
  changes: NativeChanges
  steps: { task: number; scored: Scored; share: number }[]
}

function* batches(model: Model, tasks: Iterable<Subject & Perturbation>): Generator<PerturbedBatch> {
  const units = new Map<Unit, Units>()
  let batch = new Batch(model)
  let number = 0
  for (const task of tasks) {
    if (!units.has(task.unit)) units.set(task.unit, unitsOf(model.places, task.unit))
    batch.begin(task.image, task)
    for (const { image, share, changed } of perturbed(model, task, task, units.get(task.unit))) {
      batch.add(image, changed, { task: number, scored: task, share })
      if (batch.steps.length < STEPS_AT_ONCE) continue
      yield batch.finish()
      batch = new Batch(model)
      batch.begin(image, task)
    }
    number++
  }
  if (batch.steps.length > 0) yield batch.finish()
}

/** Collects changes of images. */
class Batch {
  readonly steps: PerturbedBatch['steps'] = []
  private readonly images: Float32Array[] = []
  private readonly subjects: Scored[] = []
  private readonly owners: number[] = []
  private readonly ends: number[] = []
  private readonly places: Int32Array[] = []
  private values = new Float32Array(1024)

  constructor(private readonly model: Model) {}

  /** An image whose steps follow; one without steps is left out. */
  begin(image: Float32Array, scored: Scored): void {
    this.images.splice(this.count, 1, image.slice())
    this.subjects.splice(this.count, 1, scored)
  }

  /** @param changed places of the image that the step has changed */
  add(image: Float32Array, changed: Int32Array, step: PerturbedBatch['steps'][number]): void {
    this.owners.push(this.images.length - 1)
    const begin = this.ends.at(-1) ?? 0
    const end = begin + changed.length
    this.ends.push(end)
    this.places.push(changed)
    if (end > this.values.length) {
      const longer = new Float32Array(2 * end)
      longer.set(this.values)
      this.values = longer
    }
    for (let i = 0; i < changed.length; i++) this.values[begin + i] = image[changed[i]!]!
    this.steps.push(step)
  }

  finish(): PerturbedBatch {
    const images = stacked(this.images.slice(0, this.count), this.model.imageShape)
    const rows = rowsFor(this.subjects.slice(0, this.count))
    const entries = this.ends.at(-1)!
    const places = new Int32Array(entries)
    this.places.forEach((own, i) => places.set(own, this.ends[i]! - own.length))
    const ints = (data: Int32Array): RawInts => ({ data, shape: [data.length] })
    const [owners, ends] = [Int32Array.from(this.owners), Int32Array.from(this.ends)]
    const changes = { images, ...rows, owners: ints(owners), ends: ints(ends), places: ints(places) }
    return {
      changes: { ...changes, values: { data: this.values.subarray(0, entries), shape: [entries] } },
      steps: this.steps
    }
  }

  /** Images that have steps. */
  private get count(): number {
    return (this.owners.at(-1) ?? -1) + 1
  }
}

/** What a step leaves; the next one changes the same image. */
export interface PerturbedStep {
  image: Float32Array
  /** Share of the units that are replaced. */
  share: number
  /** Places of the image that the step has changed. */
  changed: Int32Array
}

/** The image after each step. */
export function* perturbed(
  model: Model,
  { image: original, relevance, seed }: Pick<Subject, 'image' | 'relevance' | 'seed'>,
  { order, unit, fill, value = 0, steps }: Perturbation,
  units = unitsOf(model.places, unit)
): Generator<PerturbedStep> {
  const ranked = orderOf(relevanceOf(units, relevance), order, seed)
  const plane = original.length / units.planes
  const shape: [number, number, number] = unit === 'entry' ? [1, 1, plane] : model.planes
  const replace = replacing(original, fill, { ...valueRange(model), shape, value, seed })
  const image = Float32Array.from(original)
  const replaced = new Uint8Array(plane)
  const isOfAll = FILLS_OF_ALL.has(fill)
  let done = 0
  for (const count of steps(units.count)) {
    const added = positionsOf(units, ranked.subarray(done, count))
    for (const position of added) replaced[position] = 1
    replace(image, replaced, added)
    const all = isOfAll ? positionsOf(units, ranked.subarray(0, count)) : added
    done = count
    yield { image, share: count / units.count, changed: inAllPlanes(all, units.planes, plane) }
  }
}

function inAllPlanes(positions: Int32Array, planes: number, plane: number): Int32Array {
  if (planes === 1) return positions
  const all = new Int32Array(planes * positions.length)
  for (let p = 0; p < planes; p++)
    for (let i = 0; i < positions.length; i++) all[p * positions.length + i] = p * plane + positions[i]!
  return all
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
