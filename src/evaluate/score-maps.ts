import { z } from 'zod'
import { LrpError } from '../core/errors.js'
import type { Model } from '../model/model.js'
import { checkNames, checkOptions } from '../core/options.js'
import { counted } from '../core/plural.js'
import { sizeOf, type Tensor } from '../core/tensor.js'
import { argmax, softmax } from '../core/logits.js'
import { flipScores, type FlipScores } from './flipping/areas.js'
import { flipCurves, flippingFor } from './flipping/curve.js'
import { masksOf } from './masks.js'
import type { ScoreContext } from './metrics/context.js'
import { chooseMetrics, METRICS, type MetricDescription } from './metrics/index.js'
import { patchSteps, pixelSteps, probabilityCurves, type Order, type Steps, type Walk } from './perturbation.js'

/** One image of given arrays. */
interface MapContext extends ScoreContext {
  probability: number
  patchSize: number
  featuresInStep: number
  regions: number
}

type MapDescription = Pick<MetricDescription, 'name' | 'needs'> &
  (
    | { score: (context: MapContext) => Promise<number> | number }
    /** A curve for each of several images of one call. */
    | { curves: (contexts: MapContext[]) => Promise<number[][]> }
  )

/** Small images are scored as many at a time as hold so many values. */
const TOGETHER = 3e4

/** Curves as Quantus 0.6 has them, one value per step. */
const CURVES: MapDescription[] = [
  {
    name: 'pixel_flipping.morf.black',
    needs: ['model', 'classes'],
    curves: (all) => curves(all, (c) => flips(c, 'black'))
  },
  {
    name: 'pixel_flipping.morf.mean',
    needs: ['model', 'classes'],
    curves: (all) => curves(all, (c) => flips(c, 'mean'))
  },
  { name: 'region_perturbation.morf.black', needs: ['model', 'classes', 'image'], curves: (all) => falls(all, 'morf') },
  { name: 'region_perturbation.lerf.black', needs: ['model', 'classes', 'image'], curves: (all) => falls(all, 'lerf') },
  {
    name: 'selectivity.black',
    needs: ['model', 'classes', 'image'],
    curves: (all) => curves(all, (c) => regions(c, 'morf'))
  }
]

const ALL: MapDescription[] = [
  ...CURVES,
  ...METRICS.map(({ name, needs, score }) => ({ name, needs, score: score ?? ((c: MapContext) => areaOf(c, name)) }))
]

/** Scores by name, as docs/metrics.md defines them; those that need a mask are left out without one. */
export const MAP_METRICS: readonly string[] = ALL.filter(({ needs }) => !needs.includes('explainer')).map(
  ({ name }) => name
)

export interface ScoreMapsOptions {
  /** [batch, ...] as the network wants it. */
  input: Tensor
  /** Shaped like the input; made by any tool. */
  attribution: Tensor
  /** Explained class of each image; the predicted one by default. */
  target?: ArrayLike<number>
  /** Shaped like the input (above 0 is inside), the same for all channels, or boxes: see `masksOf`. */
  mask?: Tensor
  /** Names, or `all` that the given arrays allow. */
  metrics?: string[] | 'all'
  /** Side of a region in pixels (4). */
  patchSize?: number
  /** Entries that pixel-flipping replaces at a time (28). */
  featuresInStep?: number
  /** Regions that region perturbation replaces, one per step (20). */
  regions?: number
  /** Of random subsets, noise and imputation (0). */
  seed?: number
  onProgress?: (done: number, total: number) => void
  signal?: AbortSignal
}

const NAMES: Record<keyof ScoreMapsOptions, true> = {
  input: true,
  attribution: true,
  target: true,
  mask: true,
  metrics: true,
  patchSize: true,
  featuresInStep: true,
  regions: true,
  seed: true,
  onProgress: true,
  signal: true
}

const schema = z.object({
  patchSize: z.int().positive().optional(),
  featuresInStep: z.int().positive().optional(),
  regions: z.int().positive().optional(),
  seed: z.int().min(0).optional()
})

/** A number per image, or a curve per image. */
export type Scores = Record<string, (number | number[])[]>

/**
 * Scores attribution maps of any tool, image by image, with the definitions of Quantus 0.6 (docs/metrics.md).
 * @throws LrpError INVALID_ARGUMENT for unknown metrics, arrays that do not fit, a metric whose mask is not given
 */
export async function scoreMaps(model: Model, options: ScoreMapsOptions): Promise<Scores> {
  checkNames(options, NAMES)
  const { patchSize = 4, featuresInStep = 28, regions = 20, seed = 0 } = checkOptions(schema, options)
  const { input, attribution, signal } = options
  checkShapes(options)
  const given = {
    model: true,
    classes: model.task === 'classification',
    image: input.shape.length === 4,
    mask: options.mask !== undefined,
    explainer: false,
    shift: false
  }
  const metrics = chooseMetrics(options.metrics ?? 'all', ALL, given)
  const mask = options.mask && masksOf(options.mask, input)
  const images = input.shape[0]!
  const size = sizeOf(input.shape.slice(1))
  const logits = await model.forward(input, { batchSize: 256, signal })
  const targets = options.target ? Int32Array.from(options.target) : argmax(logits)
  const classes = logits.shape[1]!
  const wrong = targets.find((target) => target < 0 || target >= classes)
  if (wrong !== undefined)
    throw new LrpError('INVALID_ARGUMENT', `target ${wrong} does not exist: the model has classes 0 to ${classes - 1}`)
  const probabilities = softmax(logits)
  const scores: Scores = Object.fromEntries(metrics.map(({ name }) => [name, []]))
  const contexts = Array.from({ length: images }, (_, i): MapContext => {
    const part = (tensor: Tensor): Float32Array => tensor.data.subarray(i * size, (i + 1) * size)
    return {
      model,
      image: part(input),
      relevance: part(attribution),
      mask: mask && part(mask),
      target: targets[i]!,
      logit: logits.data[i * classes + targets[i]!]!,
      probability: probabilities[i * classes + targets[i]!]!,
      patchSize,
      featuresInStep,
      regions,
      seed: seed + i,
      signal
    }
  })
  const together = Math.max(1, Math.floor(TOGETHER / size))
  for (let from = 0; from < images; from += together) {
    const some = contexts.slice(from, from + together)
    for (const metric of metrics) scores[metric.name]!.push(...(await scoreSome(metric, some)))
    options.onProgress?.(from + some.length, images)
  }
  return scores
}

async function scoreSome(metric: MapDescription, contexts: MapContext[]): Promise<(number | number[])[]> {
  if ('curves' in metric) return metric.curves(contexts)
  const values: number[] = []
  for (const context of contexts) values.push(await metric.score(context))
  return values
}

function curves(contexts: MapContext[], steps: (context: MapContext) => Steps): Promise<number[][]> {
  const [{ model, signal }] = contexts as [MapContext]
  return probabilityCurves(model, walksOf(contexts, steps), signal)
}

/** Made one by one: ordering the pixels of an image goes on while the network sees those before it. */
function* walksOf(contexts: MapContext[], steps: (context: MapContext) => Steps): Generator<Walk> {
  for (const context of contexts) yield { image: context.image, target: context.target, steps: steps(context) }
}

function flips({ relevance, featuresInStep }: MapContext, baseline: Steps['baseline']): Steps {
  return { groups: pixelSteps(relevance, featuresInStep, 'morf'), baseline }
}

function regions({ relevance, model, patchSize }: MapContext, order: Order, limit?: number): Steps {
  return { groups: patchSteps(relevance, model.imageShape, patchSize, order, limit), baseline: 'black' }
}

async function falls(contexts: MapContext[], order: Order): Promise<number[][]> {
  const found = await curves(contexts, (c) => regions(c, order, c.regions))
  return found.map((curve, i) => curve.map((p) => contexts[i]!.probability - p))
}

/** The areas of an image share their two curves. */
const areas = new WeakMap<MapContext, Promise<FlipScores>>()

async function areaOf(c: MapContext, name: string): Promise<number> {
  const orders = ['morf', 'lerf'] as const
  const settings = flippingFor(c.model)
  const found =
    areas.get(c) ??
    flipCurves(
      c.model,
      orders.map((order) => ({ ...c, order })),
      settings,
      c.signal
    ).then(([morf, lerf]) => flipScores(morf!, lerf!, settings.measure))
  areas.set(c, found)
  return (await found)[name as keyof FlipScores]
}

function checkShapes({ input, attribution, mask, target }: ScoreMapsOptions): void {
  if (attribution.shape.join() !== input.shape.join())
    throw new LrpError(
      'INVALID_ARGUMENT',
      `the attribution has shape [${attribution.shape.join(', ')}], the input [${input.shape.join(', ')}]`
    )
  if (target && target.length !== input.shape[0]) {
    throw new LrpError(
      'INVALID_ARGUMENT',
      `${counted(target.length, 'target')} for ${counted(input.shape[0]!, 'image')}: one for each is wanted`
    )
  }
  for (const [name, tensor] of Object.entries({ attribution, mask })) {
    if (tensor?.data.some((value) => !Number.isFinite(value)))
      throw new LrpError('NUMERIC', `the ${name} holds values that are not finite`)
  }
}
