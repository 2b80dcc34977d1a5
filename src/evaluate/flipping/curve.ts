import { z } from 'zod'
import { sumOverChannels } from '../../plot/picture.js'
import type { Model } from '../../model/model.js'
import { checkOptions, optionError } from '../../core/options.js'
import { sizeOf } from '../../core/tensor.js'
import { softmax } from '../../core/logits.js'
import { batchOf } from '../metrics/context.js'
import { flipCounts, flipUnits, rankUnits, type FlipOrder } from './order.js'
import { REPLACEMENTS, replacement } from './replacement.js'

/** How images are perturbed. */
export const flippingSchema = z.object({
  /** Side of the square that is flipped at once; 1: pixels. */
  patchSize: z.int().positive().default(1),
  replacement: z.enum(REPLACEMENTS).default('mean'),
  /** What `constant` puts in. */
  value: z.number().default(0),
  /** What curves are drawn of: the target's probability, or its logit (of a regression its value). */
  measure: z.enum(['probability', 'logit']).default('probability'),
  /** Steps from the whole image to the last share. */
  steps: z.int().min(2).default(20),
  /** More and more flips per step instead of as many at every step. */
  growing: z.boolean().default(false),
  /** Share of the image that the last step reaches. */
  share: z.number().gt(0).max(1).default(1)
})
export type FlippingSettings = z.output<typeof flippingSchema>
export type GivenFlipping = z.input<typeof flippingSchema>

/** Settings for a model: a regression has no probabilities. @throws LrpError INVALID_ARGUMENT */
export function flippingFor(model: Model, given: GivenFlipping = {}): FlippingSettings {
  const settings = checkOptions(flippingSchema, given)
  if (model.task === 'classification') return settings
  if (given.measure === 'probability') throw optionError('measure', ' must be logit: a regression has no probabilities')
  return { ...settings, measure: 'logit' }
}

/** One image on its way from whole to gone: the target's score after each step, the first before any. */
export interface FlipCurve {
  /** Share of the image that is flipped. */
  shares: number[]
  probabilities: number[]
  logits: number[]
}

export interface FlipTask {
  /** [channels, height, width] */
  image: Float32Array
  /** Shaped like the image. */
  relevance: Float32Array
  target: number
  order: FlipOrder
  seed: number
}

/** The perturbed images of a task, step by step. */
export function flippedImages(
  model: Model,
  task: FlipTask,
  settings: FlippingSettings
): { shares: number[]; images: Float32Array[] } {
  const shape = model.imageShape as [number, number, number]
  const [channels, height, width] = shape
  const plane = height * width
  const units = flipUnits(height, width, settings.patchSize)
  const ranked = rankUnits(sumOverChannels(task.relevance, shape), units, task.order, task.seed)
  const counts = flipCounts(units.length, settings.steps, settings.growing, settings.share)
  const { low, high } = model.inputRange ?? {
    low: Array<number>(channels).fill(0),
    high: Array<number>(channels).fill(1)
  }
  const replace = replacement(task.image, settings.replacement, { ...settings, shape, low, high, seed: task.seed })
  const removed = new Uint8Array(plane)
  let flipped = 0
  const images = counts.map((count) => {
    for (; flipped < count; flipped++) for (const pixel of units[ranked[flipped]!]!) removed[pixel] = 1
    const filled = replace(removed)
    return task.image.map((value, i) => (removed[i % plane] === 1 ? filled[i]! : value))
  })
  return { shares: counts.map((count) => count / units.length), images }
}

/** Curves of several tasks; all their steps share large batches. */
export async function flipCurves(
  model: Model,
  tasks: FlipTask[],
  settings: FlippingSettings,
  signal?: AbortSignal
): Promise<FlipCurve[]> {
  const size = sizeOf(model.imageShape)
  const perBatch = batchOf(model)
  const curves = tasks.map((): FlipCurve => ({ shares: [], probabilities: [], logits: [] }))
  let waiting: { curve: FlipCurve; target: number; image: Float32Array }[] = []
  const flush = async (): Promise<void> => {
    const data = new Float32Array(waiting.length * size)
    waiting.forEach(({ image }, i) => data.set(image, i * size))
    const logits = await model.forward({ data, shape: [waiting.length, ...model.imageShape] }, { signal })
    const [classes, probabilities] = [logits.shape[1]!, softmax(logits)]
    waiting.forEach(({ curve, target }, i) => {
      curve.logits.push(logits.data[i * classes + target]!)
      curve.probabilities.push(probabilities[i * classes + target]!)
    })
    waiting = []
  }
  for (const [i, task] of tasks.entries()) {
    const { shares, images } = flippedImages(model, task, settings)
    const curve = curves[i]!
    curve.shares = shares
    for (const image of images) {
      waiting.push({ curve, target: task.target, image })
      if (waiting.length >= perBatch) await flush()
    }
  }
  if (waiting.length > 0) await flush()
  return curves
}
