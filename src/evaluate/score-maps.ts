import { z } from 'zod'
import { LrpError } from '../errors.js'
import type { Model } from '../model/model.js'
import { checkOptions } from '../options.js'
import { unknownName } from '../suggest.js'
import { sizeOf, type Tensor } from '../tensor.js'
import { argmax, softmax } from './classification.js'
import * as maps from './map-metrics.js'
import { patchSteps, pixelSteps, probabilityCurve } from './perturbation.js'

/** Scores by name, as docs/metrics.md defines them; those that need a mask are left out without one. */
export const MAP_METRICS = [
  'pixel_flipping.morf.black',
  'pixel_flipping.morf.mean',
  'region_perturbation.morf.black',
  'region_perturbation.lerf.black',
  'selectivity.black',
  'sparseness',
  'complexity',
  'effective_complexity',
  'pointing_game',
  'attribution_localisation',
  'relevance_mass_accuracy',
  'relevance_rank_accuracy',
  'top_k_intersection',
  'localisation_auc',
  'completeness_error'
] as const
export type MapMetric = (typeof MAP_METRICS)[number]

const WITH_MASK = new Set<string>([
  'pointing_game',
  'attribution_localisation',
  'relevance_mass_accuracy',
  'relevance_rank_accuracy',
  'top_k_intersection',
  'localisation_auc'
])
const REGIONS = 20
const TOP = 50

export interface ScoreMapsOptions {
  /** [batch, ...] as the network wants it. */
  input: Tensor
  /** Shaped like the input; made by any tool. */
  attribution: Tensor
  /** Explained class of each image; the predicted one by default. */
  target?: ArrayLike<number>
  /** Shaped like the input; what is above 0 is inside. */
  mask?: Tensor
  /** Names, or `all` that the given arrays allow. */
  metrics?: string[] | 'all'
  patchSize?: number
  featuresInStep?: number
  onProgress?: (done: number, total: number) => void
  signal?: AbortSignal
}

const schema = z.object({ patchSize: z.int().positive().optional(), featuresInStep: z.int().positive().optional() })

/** A number per image, or a curve per image. */
export type Scores = Partial<Record<MapMetric, (number | number[])[]>>

/**
 * Scores attribution maps of any tool, image by image, with the definitions of Quantus 0.6 (docs/metrics.md).
 * @throws LrpError INVALID_ARGUMENT for unknown metrics, arrays that do not fit, a metric whose mask is not given
 */
export async function scoreMaps(model: Model, options: ScoreMapsOptions): Promise<Scores> {
  const { patchSize = 4, featuresInStep = 28 } = checkOptions(schema, options, 'evaluate')
  const { input, attribution, mask } = options
  checkShapes(options)
  const names = chooseMetrics(options)
  const images = input.shape[0]!
  const size = sizeOf(input.shape.slice(1))
  const shape = input.shape.slice(1)
  const logits = await model.forward(input, { batchSize: 256, signal: options.signal })
  const targets = options.target ? Int32Array.from(options.target) : argmax(logits)
  const classes = logits.shape[1]!
  const wrong = targets.find((target) => target < 0 || target >= classes)
  if (wrong !== undefined)
    throw new LrpError('INVALID_ARGUMENT', `target ${wrong} does not exist: the model has classes 0 to ${classes - 1}`)
  const probabilities = softmax(logits)
  const scores: Scores = Object.fromEntries(names.map((name) => [name, []]))
  for (let i = 0; i < images; i++) {
    const part = (tensor: Tensor): Float32Array => tensor.data.subarray(i * size, (i + 1) * size)
    const image = { data: part(input), shape: [1, ...shape] }
    const context = {
      model,
      image,
      map: part(attribution),
      mask: mask && part(mask),
      shape,
      target: targets[i]!,
      logit: logits.data[i * classes + targets[i]!]!,
      probability: probabilities[i * classes + targets[i]!]!,
      patchSize,
      featuresInStep,
      signal: options.signal
    }
    for (const name of names) scores[name]!.push(await score(name, context))
    options.onProgress?.(i + 1, images)
  }
  return scores
}

interface Context {
  model: Model
  image: Tensor
  map: Float32Array
  mask?: Float32Array
  shape: number[]
  target: number
  logit: number
  probability: number
  patchSize: number
  featuresInStep: number
  signal?: AbortSignal
}

async function score(name: MapMetric, c: Context): Promise<number | number[]> {
  const curve = (groups: Int32Array[], baseline: 'black' | 'mean' = 'black'): Promise<number[]> =>
    probabilityCurve(c.model, c.image, c.target, { groups, baseline }, c.signal)
  const fall = async (order: 'morf' | 'lerf'): Promise<number[]> =>
    (await curve(patchSteps(c.map, c.shape, c.patchSize, order, REGIONS))).map((p) => c.probability - p)
  switch (name) {
    case 'pixel_flipping.morf.black':
      return curve(pixelSteps(c.map, c.featuresInStep, 'morf'))
    case 'pixel_flipping.morf.mean':
      return curve(pixelSteps(c.map, c.featuresInStep, 'morf'), 'mean')
    case 'region_perturbation.morf.black':
      return fall('morf')
    case 'region_perturbation.lerf.black':
      return fall('lerf')
    case 'selectivity.black':
      return curve(patchSteps(c.map, c.shape, c.patchSize, 'morf'))
    case 'sparseness':
      return maps.sparseness(c.map)
    case 'complexity':
      return maps.complexity(c.map)
    case 'effective_complexity':
      return maps.effectiveComplexity(c.map)
    case 'pointing_game':
      return maps.pointingGame(c.map, c.mask!)
    case 'attribution_localisation':
    case 'relevance_mass_accuracy':
      return maps.massInside(c.map, c.mask!)
    case 'relevance_rank_accuracy':
      return maps.topInside(c.map, c.mask!)
    case 'top_k_intersection':
      return maps.topInside(c.map, c.mask!, Math.min(TOP, c.map.length))
    case 'localisation_auc':
      return maps.localisationAuc(c.map, c.mask!)
    case 'completeness_error': {
      const zero = await c.model.forward({ data: new Float32Array(c.map.length), shape: c.image.shape })
      const sum = c.map.reduce((total, value) => total + value, 0)
      return Math.abs(sum - (c.logit - zero.data[c.target]!))
    }
  }
}

function checkShapes({ input, attribution, mask, target }: ScoreMapsOptions): void {
  for (const [name, tensor] of Object.entries({ attribution, mask })) {
    if (!tensor || tensor.shape.join() === input.shape.join()) continue
    throw new LrpError(
      'INVALID_ARGUMENT',
      `the ${name} has shape [${tensor.shape.join(', ')}], the input [${input.shape.join(', ')}]`
    )
  }
  if (target && target.length !== input.shape[0]) {
    throw new LrpError('INVALID_ARGUMENT', `there are ${target.length} targets for ${input.shape[0]} images`)
  }
  for (const [name, tensor] of Object.entries({ attribution, mask })) {
    if (tensor?.data.some((value) => !Number.isFinite(value)))
      throw new LrpError('NUMERIC', `the ${name} holds values that are not finite`)
  }
}

function chooseMetrics({ metrics = 'all', mask }: ScoreMapsOptions): MapMetric[] {
  if (metrics === 'all') return MAP_METRICS.filter((name) => mask || !WITH_MASK.has(name))
  return metrics.map((name) => {
    if (!(MAP_METRICS as readonly string[]).includes(name)) throw unknownName('metric', name, MAP_METRICS)
    if (WITH_MASK.has(name) && !mask)
      throw new LrpError('INVALID_ARGUMENT', `the metric '${name}' needs a mask: give --mask`)
    return name as MapMetric
  })
}
