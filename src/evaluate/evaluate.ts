import { createHash } from 'node:crypto'
import { z } from 'zod'
import type { Dataset } from '../data/dataset.js'
import { LrpError } from '../core/errors.js'
import { namesOf } from '../core/option.js'
import { inputOptions, type InputOptions } from '../explain/file-options.js'
import { readInputs } from '../explain/inputs.js'
import type { Model } from '../model/model.js'
import { checkNames, checkOptions } from '../core/options.js'
import { sizeOf, type StateDict, type Tensor } from '../core/tensor.js'
import { ExplainedImages } from './explained-images.js'
import { chooseMethods, DEFAULT_METHODS, type Explainer } from './methods.js'
import { classify } from './metrics/context.js'
import { canShift } from './metrics/invariance.js'
import { masksOf } from './metrics/masks.js'
import type { Similarity } from './metrics/randomisation.js'
import { chooseMetrics, DEFAULT_METRICS, METRICS } from './metrics/registry.js'
import { settingsFor, type GivenPerturbation } from './perturbation/settings.js'
import { Progress } from './progress.js'
import type { Evaluation, ImageResult } from './results.js'
import { summarise } from './summary.js'
import { writeEvaluation } from './write-evaluation.js'

export interface EvaluateOptions extends Omit<InputOptions, 'data' | 'seed'> {
  /** Rules, composites and other methods by name, or explainers of the caller's own. */
  methods?: (string | Explainer)[]
  /** Names of `METRICS`, or `all`. */
  metrics?: string[] | 'all'
  perturbation?: GivenPerturbation
  /** Draws of the random order that all methods are compared with (5). */
  draws?: number
  /** Number of images for parameter randomisation (0: not done). */
  randomisation?: number
  data?: string | Dataset
  split?: 'train' | 'valid' | 'test'
  input?: string[]
  /** Maximum number of images (100). */
  limit?: number
  /** Masks or boxes of the images for the localisation metrics, see `masksOf`. */
  mask?: Tensor
  patterns?: StateDict
  seed?: number
  /** Folder for evaluation.json, tables and charts. A stopped evaluation continues from there. */
  output?: string
  onProgress?: (done: number, total: number) => void
  signal?: AbortSignal
}

const NAMES: Record<keyof EvaluateOptions, true> = {
  ...namesOf(inputOptions),
  methods: true,
  metrics: true,
  perturbation: true,
  draws: true,
  randomisation: true,
  mask: true,
  patterns: true,
  seed: true,
  output: true,
  onProgress: true,
  signal: true
}

const schema = z.object({
  metrics: z.union([z.literal('all'), z.array(z.string()).min(1)]).optional(),
  draws: z.int().positive().optional(),
  randomisation: z.int().min(0).optional(),
  limit: z.int().positive().optional(),
  seed: z.int().min(0).optional()
})

/**
 * Compares explanation methods over images: perturbation curves, scores with bootstrap intervals, paired tests between the
 * methods and, on request, parameter randomisation. The predicted class of every image is explained.
 * @throws LrpError INVALID_ARGUMENT for unknown methods and metrics; as `explain`
 */
export async function evaluate(model: Model, options: EvaluateOptions = {}): Promise<Evaluation> {
  checkNames(options, NAMES)
  const { draws = 5, randomisation = 0, limit = 100, seed = 0 } = checkOptions(schema, options)
  const perturbation = settingsFor(model, options.perturbation)
  const given = {
    classes: model.task === 'classification',
    model: true,
    image: true,
    explainer: true,
    shift: canShift(model.graph),
    mask: options.mask !== undefined
  }
  const metrics = chooseMetrics(options.metrics ?? DEFAULT_METRICS, METRICS, given)
  const methods = chooseMethods(options.methods ?? DEFAULT_METHODS, options.patterns)
  const { input, names } = await readInputs(model, { ...options, limit })
  if (input.shape.length !== 4)
    throw new LrpError('INVALID_ARGUMENT', 'only images of channels, height and width can be evaluated')
  const masks = options.mask && masksOf(firstOf(options.mask, input.shape[0]!), input, names)
  const { signal } = options
  const classified = await classify(model, input, { perturbation, seed, masks: masks?.planes, signal })
  const images = new ExplainedImages(classified)
  const settings = {
    methods: methods.map(({ name }) => name),
    metrics: metrics.map(({ name }) => name),
    perturbation,
    draws,
    randomisation,
    seed
  }
  const progress = await Progress.open(options.output, {
    ...settings,
    images: names,
    logits: Array.from(classified.logits.data),
    options: methods.map((method) => method.options),
    mask: options.mask && digest(options.mask.data),
    patterns: Array.from(options.patterns ?? [], ([name, { data }]) => [name, digest(data)])
  })
  const total = methods.length * names.length
  const results = new Map<string, ImageResult[]>()
  for (const [m, method] of methods.entries()) {
    const done = progress.of(method.name)
    for (let from = done.length; from < names.length; from += images.chunk) {
      const found = await images.results(method, metrics, from, Math.min(from + images.chunk, names.length))
      await progress.add(method.name, found)
      done.push(...found)
      options.onProgress?.(m * names.length + done.length, total)
    }
    results.set(method.name, done)
  }
  const random = await images.randomOrder(draws)
  const similarity: Record<string, Similarity[]> = {}
  if (randomisation > 0)
    for (const method of methods) similarity[method.name] = await images.randomise(method, randomisation)
  const notes = masks?.notes ?? []
  const evaluation = summarise({
    settings,
    model: model.name,
    images: names,
    notes,
    metrics,
    results,
    random,
    similarity
  })
  if (options.output !== undefined) {
    const best = methods.find(({ name }) => name === evaluation.methods[0]!.name)!
    await writeEvaluation(options.output, model, evaluation, await images.example(best))
  }
  await progress.finish()
  return evaluation
}

function digest(data: NodeJS.ArrayBufferView): string {
  return createHash('sha256').update(data).digest('hex')
}

/** Masks of the images that `limit` leaves. */
function firstOf({ data, shape }: Tensor, images: number): Tensor {
  if (shape[0]! <= images) return { data, shape }
  const rest = shape.slice(1)
  return { data: data.subarray(0, images * sizeOf(rest)), shape: [images, ...rest] }
}
