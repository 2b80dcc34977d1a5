import { createHash } from 'node:crypto'
import { z } from 'zod'
import type { DataOptions } from '../data/open.js'
import type { Dataset } from '../data/dataset.js'
import { LrpError } from '../core/errors.js'
import { explain } from '../explain/explain.js'
import { namedMethod } from '../explain/named-method.js'
import { INPUT_NAMES, readInputs } from '../explain/inputs.js'
import type { Model } from '../model/model.js'
import { checkNames, checkOptions } from '../core/options.js'
import { sizeOf, type StateDict, type Tensor } from '../core/tensor.js'
import { argmax } from '../core/logits.js'
import { flipScores } from './flipping/areas.js'
import { flipCurves, flippingFor, type FlipCurve, type FlippingSettings, type GivenFlipping } from './flipping/curve.js'
import { masksOf } from './masks.js'
import { batchOf, type ScoreContext } from './metrics/context.js'
import { chooseMetrics, DEFAULT_METRICS, METRICS, type MetricDescription } from './metrics/index.js'
import { canShift } from './metrics/invariance.js'
import { parameterRandomisation, type Similarity } from './metrics/randomisation.js'
import { Progress } from './progress.js'
import { summarise, type Evaluation } from './summary.js'
import { writeEvaluation } from './write-evaluation.js'

/** Makes maps by means of the caller's own. */
export interface Explainer {
  name: string
  /** What its maps depend on beside the model: an evaluation that was stopped goes on only where this is the same, as JSON. */
  options?: object
  /** @returns maps of [n, channels, height, width], one after the other */
  explain: (model: Model, images: Tensor, targets: Int32Array) => Promise<Float32Array>
}

export interface EvaluateOptions extends Omit<DataOptions, 'data' | 'seed'> {
  /** Rules, composites and other methods by name, or explainers of the caller's own. */
  methods?: (string | Explainer)[]
  /** Names of `METRICS`, or `all`. */
  metrics?: string[] | 'all'
  flipping?: GivenFlipping
  /** Draws of the random order that all methods are compared with (5). */
  draws?: number
  /** Parameter randomisation over so many images (0: not done). */
  randomisation?: number
  data?: string | Dataset
  split?: 'train' | 'valid' | 'test'
  input?: string[]
  /** At most so many images (100). */
  limit?: number
  /** Of the images, for the localisation metrics: masks or boxes, see `masksOf`. */
  mask?: Tensor
  patterns?: StateDict
  seed?: number
  /** Folder for evaluation.json, tables and charts; an evaluation that was stopped goes on from there. */
  output?: string
  onProgress?: (done: number, total: number) => void
  signal?: AbortSignal
}

const NAMES: Record<keyof EvaluateOptions, true> = {
  ...INPUT_NAMES,
  methods: true,
  metrics: true,
  flipping: true,
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

export const DEFAULT_METHODS = ['epsilon', 'alpha2beta1', 'epsilon-plus', 'gradient', 'input-x-gradient', 'random']

/** What is known of one image under one method. */
export interface ImageResult {
  scores: Record<string, number>
  morf: FlipCurve
  lerf: FlipCurve
}

/**
 * Compares explanation methods over images: perturbation curves, scores with bootstrap intervals, paired tests between the
 * methods, and, if asked for, parameter randomisation. The predicted class of every image is explained.
 * @throws LrpError INVALID_ARGUMENT for unknown methods and metrics; as `explain`
 */
export async function evaluate(model: Model, options: EvaluateOptions = {}): Promise<Evaluation> {
  checkNames(options, NAMES)
  const { draws = 5, randomisation = 0, limit = 100, seed = 0 } = checkOptions(schema, options)
  const settings = flippingFor(model, options.flipping)
  const classes = model.task === 'classification'
  const given = {
    classes,
    model: true,
    image: true,
    explainer: true,
    shift: canShift(model.graph),
    mask: options.mask !== undefined
  }
  const metrics = chooseMetrics(options.metrics ?? DEFAULT_METRICS, METRICS, given)
  const methods = chooseMethods(options.methods ?? DEFAULT_METHODS, options.patterns)
  const { input, names } = await readInputs(model, { ...options, limit })
  const mask = options.mask && masksOf(firstOf(options.mask, input.shape[0]!), input)
  const run = new Run(model, input, settings, metrics, seed, mask?.data, options.signal)
  await run.classify()
  const asked = {
    methods: methods.map(({ name }) => name),
    metrics: metrics.map(({ name }) => name),
    flipping: settings,
    draws,
    randomisation,
    seed
  }
  const progress = await Progress.open(options.output, {
    ...asked,
    images: names,
    logits: Array.from(run.logits.data),
    options: methods.map((method) => method.options),
    mask: mask && digest(mask.data),
    patterns: Array.from(options.patterns ?? [], ([name, { data }]) => [name, digest(data)])
  })
  const total = methods.length * names.length
  const results = new Map<string, ImageResult[]>()
  for (const [m, method] of methods.entries()) {
    const done = progress.of(method.name)
    for (let from = done.length; from < names.length; from += run.chunk) {
      const images = await run.images(method, from, Math.min(from + run.chunk, names.length))
      await progress.add(method.name, images)
      done.push(...images)
      options.onProgress?.(m * names.length + done.length, total)
    }
    results.set(method.name, done)
  }
  const random = await run.randomOrder(draws)
  const similarity: Record<string, Similarity[]> = {}
  if (randomisation > 0)
    for (const method of methods) similarity[method.name] = await run.randomise(method, randomisation)
  const evaluation = summarise({ asked, model: model.name, images: names, metrics, results, random, similarity })
  if (options.output !== undefined)
    await writeEvaluation(options.output, model, evaluation, await run.example(evaluation, methods))
  await progress.finish()
  return evaluation
}

function digest(data: NodeJS.ArrayBufferView): string {
  return createHash('sha256').update(data).digest('hex')
}

/** As many as `--limit` left of the images. */
function firstOf({ data, shape }: Tensor, images: number): Tensor {
  if (shape[0]! <= images) return { data, shape }
  const rest = shape.slice(1)
  return { data: data.subarray(0, images * sizeOf(rest)), shape: [images, ...rest] }
}

function chooseMethods(methods: (string | Explainer)[], patterns?: StateDict): Explainer[] {
  const chosen = methods.map((method): Explainer => (typeof method === 'string' ? byName(method, patterns) : method))
  const twice = chosen.find(({ name }, i) => chosen.findIndex((other) => other.name === name) !== i)
  if (twice) throw new LrpError('INVALID_ARGUMENT', `the method '${twice.name}' is named twice`)
  if (chosen.length === 0) throw new LrpError('INVALID_ARGUMENT', 'there is no method to evaluate')
  return chosen
}

function byName(name: string, patterns?: StateDict): Explainer {
  const options = { ...namedMethod(name), ...(name.startsWith('pattern') && { patterns }) }
  return {
    name,
    explain: async (model, images, targets) => (await explain(model, images, { ...options, targets })).relevance.data
  }
}

/** The images of an evaluation, and what is asked of them. */
class Run {
  /** Images that are explained and flipped together. */
  readonly chunk: number
  logits: Tensor = { data: new Float32Array(), shape: [0, 0] }
  private targets: Int32Array = new Int32Array()
  private readonly size: number

  constructor(
    private readonly model: Model,
    private readonly input: Tensor,
    private readonly settings: FlippingSettings,
    private readonly metrics: MetricDescription[],
    private readonly seed: number,
    private readonly mask?: Float32Array,
    private readonly signal?: AbortSignal
  ) {
    if (input.shape.length !== 4)
      throw new LrpError('INVALID_ARGUMENT', 'only images of channels, height and width can be evaluated')
    this.size = sizeOf(input.shape.slice(1))
    this.chunk = Math.max(1, Math.min(32, Math.floor(batchOf(model) / 8)))
  }

  async classify(): Promise<void> {
    this.logits = await this.model.forward(this.input, { batchSize: batchOf(this.model), signal: this.signal })
    this.targets = argmax(this.logits)
  }

  /** Everything about images `from` to `to` under one method. */
  async images(method: Explainer, from: number, to: number): Promise<ImageResult[]> {
    const maps = await this.maps(method, this.model, from, to)
    const contexts = Array.from({ length: to - from }, (_, i) => this.context(method, from + i, this.part(maps, i)))
    const orders = ['morf', 'lerf'] as const
    const tasks = orders.flatMap((order) => contexts.map((context) => ({ ...context, order })))
    const curves = await flipCurves(this.model, tasks, this.settings, this.signal)
    const results: ImageResult[] = []
    for (const [i, context] of contexts.entries()) {
      const [morf, lerf] = [curves[i]!, curves[i + contexts.length]!]
      const areas = flipScores(morf, lerf, this.settings.measure) as unknown as Record<string, number>
      const scores: Record<string, number> = {}
      for (const { name, score } of this.metrics) scores[name] = score ? await score(context) : areas[name]!
      results.push({ scores, morf, lerf })
    }
    return results
  }

  /** Curves of the random order, the mean of several draws for each image. */
  async randomOrder(draws: number): Promise<FlipCurve[]> {
    const result: FlipCurve[] = []
    for (let i = 0; i < this.targets.length; i++) {
      const image = this.part(this.input.data, i)
      const tasks = Array.from({ length: draws }, (_, draw) => ({
        image,
        relevance: image,
        target: this.targets[i]!,
        order: 'random' as const,
        seed: this.seed + draw * 7919 + i
      }))
      const curves = await flipCurves(this.model, tasks, this.settings, this.signal)
      const mean = (key: 'probabilities' | 'logits'): number[] =>
        curves[0]![key].map((_, k) => curves.reduce((sum, curve) => sum + curve[key][k]!, 0) / draws)
      result.push({ shares: curves[0]!.shares, probabilities: mean('probabilities'), logits: mean('logits') })
    }
    return result
  }

  async randomise(method: Explainer, images: number): Promise<Similarity[]> {
    const to = Math.min(images, this.targets.length)
    return parameterRandomisation(this.model, (model) => this.maps(method, model, 0, to), { seed: this.seed })
  }

  /** The first image and its map under the best method, for pictures. */
  async example(evaluation: Evaluation, methods: Explainer[]): Promise<ScoreContext> {
    const best = methods.find(({ name }) => name === evaluation.methods[0]!.name)!
    return this.context(best, 0, await this.maps(best, this.model, 0, 1))
  }

  private maps(method: Explainer, model: Model, from: number, to: number): Promise<Float32Array> {
    const data = this.input.data.subarray(from * this.size, to * this.size)
    return method.explain(
      model,
      { data, shape: [to - from, ...this.input.shape.slice(1)] },
      this.targets.slice(from, to)
    )
  }

  private part(values: Float32Array, i: number): Float32Array {
    return values.subarray(i * this.size, (i + 1) * this.size)
  }

  private context(method: Explainer, i: number, relevance: Float32Array): ScoreContext {
    const target = this.targets[i]!
    return {
      model: this.model,
      image: this.part(this.input.data, i),
      relevance,
      target,
      logit: this.logits.data[i * this.logits.shape[1]! + target]!,
      seed: this.seed + i,
      mask: this.mask && this.part(this.mask, i),
      explainer: (images, targets, model = this.model) => method.explain(model, images, targets),
      signal: this.signal
    }
  }
}
