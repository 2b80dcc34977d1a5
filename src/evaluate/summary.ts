import type { ImageResult } from './evaluate.js'
import { measured } from './flipping/areas.js'
import type { FlipCurve, FlippingSettings } from './flipping/curve.js'
import type { MetricDescription } from './metrics/index.js'
import type { Similarity } from './metrics/randomisation.js'
import { bootstrapMean, pairedTest, type Interval, type PairedTest } from './statistics.js'

/** What was asked of an evaluation. */
export interface EvaluationSettings {
  methods: string[]
  metrics: string[]
  flipping: FlippingSettings
  draws: number
  randomisation: number
  seed: number
}

/** Mean over images at every step, with the ends of the 95 % intervals. */
export interface MeanCurve {
  shares: number[]
  mean: number[]
  low: number[]
  high: number[]
}

export interface MethodEvaluation {
  name: string
  /** Per metric: mean with interval, and the value of each image. */
  scores: Record<string, Interval & { values: number[] }>
  /** Probability (or logit, as `measure` says) of the explained class while the most (least) relevant pixels go. */
  morf: MeanCurve
  lerf: MeanCurve
}

export interface Evaluation {
  model: string
  settings: EvaluationSettings
  images: string[]
  metrics: Omit<MetricDescription, 'score'>[]
  /** The metric that methods are ranked by. */
  rankedBy: string
  /** Best first. */
  methods: MethodEvaluation[]
  /** Pixels in random order: what a curve of chance looks like. */
  random: MeanCurve
  /** The best method against each other one, by the metric that ranks. */
  comparisons: ({ best: string; other: string } & PairedTest)[]
  /** Per method: similarity of maps when layer after layer, from the output on, is randomised. */
  randomisation: Record<string, Similarity[]>
}

interface Found {
  asked: EvaluationSettings
  model: string
  images: string[]
  metrics: MetricDescription[]
  results: Map<string, ImageResult[]>
  random: FlipCurve[]
  similarity: Record<string, Similarity[]>
}

/** Means, intervals, ranking and paired tests of what was found for each image. */
export function summarise({ asked, model, images, metrics, results, random, similarity }: Found): Evaluation {
  const ranking = metrics.find((metric) => metric.better) ?? metrics[0]!
  const sign = ranking.better === 'lower' ? 1 : -1
  const methods = [...results]
    .map(([name, found]): MethodEvaluation => ({
      name,
      scores: Object.fromEntries(metrics.map((metric) => [metric.name, scoreOf(found, metric.name, asked.seed)])),
      morf: meanCurve(
        found.map((one) => one.morf),
        asked
      ),
      lerf: meanCurve(
        found.map((one) => one.lerf),
        asked
      )
    }))
    .sort((a, b) => sign * (a.scores[ranking.name]!.mean - b.scores[ranking.name]!.mean))
  const best = methods[0]!
  const comparisons = methods.slice(1).map((other) => {
    const [a, b] = [best, other].map((one) => one.scores[ranking.name]!.values) as [number[], number[]]
    return { best: best.name, other: other.name, ...pairedTest(a, b, asked.seed) }
  })
  return {
    model,
    settings: asked,
    images,
    metrics: metrics.map(({ name, family, needs, better, definition, reference }) => ({
      name,
      family,
      needs,
      better,
      definition,
      reference
    })),
    rankedBy: ranking.name,
    methods,
    random: meanCurve(random, asked),
    comparisons,
    randomisation: similarity
  }
}

function scoreOf(found: ImageResult[], metric: string, seed: number): Interval & { values: number[] } {
  const values = found.map((one) => one.scores[metric]!)
  return { ...bootstrapMean(values, seed), values }
}

function meanCurve(curves: FlipCurve[], { flipping, seed }: EvaluationSettings): MeanCurve {
  const values = curves.map((curve) => measured(curve, flipping.measure))
  const points = curves[0]!.shares.map((_, k) =>
    bootstrapMean(
      values.map((one) => one[k]!),
      seed
    )
  )
  return {
    shares: curves[0]!.shares,
    mean: points.map((point) => point.mean),
    low: points.map((point) => point.low),
    high: points.map((point) => point.high)
  }
}
