import type { RecordedSettings } from '../core/command-line.js'
import type { InputKind } from '../model/input-kind.js'
import type { Provenance } from '../model/provenance.js'
import type { MetricDescription } from './metrics/description.js'
import type { Similarity } from './metrics/randomisation.js'
import { measured } from './perturbation/areas.js'
import type { Curve } from './perturbation/curves.js'
import type {
  Evaluation,
  EvaluationSettings,
  ImageResult,
  MeanCurve,
  MethodEvaluation,
  MethodScore
} from './results.js'
import { bootstrapMean, pairedTest } from './statistics/intervals.js'

interface Found {
  asked: RecordedSettings
  settings: EvaluationSettings
  model: string
  inputKind: InputKind
  images: string[]
  notes: string[]
  metrics: MetricDescription[]
  results: Map<string, ImageResult[]>
  random: Curve[]
  similarity: Record<string, Similarity[]>
  /** By method. */
  rules: Map<string, Record<string, string>>
  provenance: Provenance
}

/** Means, intervals, ranking and paired tests of what was found for each image. */
export function summarise({ settings, metrics, results, random, similarity, rules, ...found }: Found): Evaluation {
  const ranking = metrics.find((metric) => metric.better) ?? metrics[0]!
  const sign = ranking.better === 'lower' ? 1 : -1
  const curve = (curves: Curve[]): MeanCurve => meanCurve(curves, settings)
  const methods = [...results]
    .map(([name, images]): MethodEvaluation => ({
      name,
      ...(rules.has(name) && { rules: rules.get(name) }),
      scores: Object.fromEntries(metrics.map((metric) => [metric.name, scoreOf(images, metric.name, settings.seed)])),
      morf: curve(images.map((one) => one.morf)),
      lerf: curve(images.map((one) => one.lerf))
    }))
    .sort((a, b) => sign * (a.scores[ranking.name]!.mean - b.scores[ranking.name]!.mean))
  const best = methods[0]!
  const comparisons = methods.slice(1).map((other) => {
    const [a, b] = [best, other].map((one) => one.scores[ranking.name]!.values) as [
      MethodScore['values'],
      MethodScore['values']
    ]
    const both = a.flatMap((value, i): [number, number][] => (value === null || b[i] == null ? [] : [[value, b[i]]]))
    const test = pairedTest(
      both.map(([one]) => one),
      both.map(([, two]) => two),
      settings.seed
    )
    return { best: best.name, other: other.name, ...test }
  })
  return {
    ...found,
    settings,
    metrics,
    rankedBy: ranking.name,
    methods,
    random: curve(random),
    comparisons,
    randomisation: similarity
  }
}

function scoreOf(images: ImageResult[], metric: string, seed: number): MethodScore {
  const values = images.map((one) => one.scores[metric]!)
  return {
    ...bootstrapMean(
      values.filter((value) => value !== null),
      seed
    ),
    values
  }
}

function meanCurve(curves: Curve[], { perturbation, seed }: EvaluationSettings): MeanCurve {
  const values = curves.map((curve) => measured(curve, perturbation.measure))
  const { shares } = curves[0]!
  const points = shares.map((_, k) =>
    bootstrapMean(
      values.map((one) => one[k]!),
      seed
    )
  )
  const column = (key: 'mean' | 'low' | 'high'): number[] => points.map((point) => point[key])
  return { shares, mean: column('mean'), low: column('low'), high: column('high') }
}
