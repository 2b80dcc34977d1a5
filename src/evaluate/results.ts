import type { RecordedSettings } from '../core/command-line.js'
import type { InputKind } from '../model/input-kind.js'
import type { Provenance } from '../model/provenance.js'
import type { MetricDescription } from './metrics/description.js'
import type { Similarity } from './metrics/randomisation.js'
import type { Curve } from './perturbation/curves.js'
import type { Fill } from './perturbation/fills.js'
import type { PerturbationSettings } from './options.js'
import type { Interval, PairedTest } from './statistics/intervals.js'

/** What is known about one image under one method. */
export interface ImageResult {
  /** Null where the image has no such score. */
  scores: Record<string, number | null>
  morf: Curve
  lerf: Curve
}

/** Settings of an evaluation. */
export interface EvaluationSettings {
  /** Names of the compared methods. */
  methods: string[]
  /** Names of the metrics. */
  metrics: string[]
  /** Settings of the perturbation: how pixels are replaced along the curves. */
  perturbation: PerturbationSettings
  /** Number of random orders over which the random curve is averaged. */
  draws: number
  /** Number of images for the parameter randomisation test; 0 skips the test. */
  randomisation: number
  /** Seed of all random draws. */
  seed: number
}

/** Mean over images at every step, with 95 % intervals. */
export interface MeanCurve {
  /** Share of the pixels that are replaced at each step, 0 to 1. */
  shares: number[]
  /** Mean over the images at each step. */
  mean: number[]
  /** Lower end of the 95 % interval at each step. */
  low: number[]
  /** Upper end of the 95 % interval at each step. */
  high: number[]
}

/** Mean score with its interval over the images that have a score, and the score of each image. */
export type MethodScore = Interval & { values: (number | null)[] }

/** Results of one method: its scores by metric, and its two curves. */
export interface MethodEvaluation {
  /** Name of the rule, composite or method. */
  name: string
  /** For LRP, the rule of every node. */
  rules?: Record<string, string>
  /** Scores by metric. */
  scores: Record<string, MethodScore>
  /**
   * Output for the explained class while the most relevant pixels are replaced: its probability or logit, depending on
   * `measure`.
   */
  morf: MeanCurve
  /** The same while the least relevant pixels are replaced. */
  lerf: MeanCurve
}

/** Return value of `evaluate`: the methods, best first, with scores, curves and tests. */
export interface Evaluation {
  /** Name of the model. */
  model: string
  /** Kind of the inputs, for example images. */
  inputKind: InputKind
  /** Settings of the evaluation. */
  settings: EvaluationSettings
  /** Options of the call, by the names of their flags. */
  asked: RecordedSettings
  /** Names of the images. */
  images: string[]
  /** Descriptions of the metrics. */
  metrics: Omit<MetricDescription, 'score'>[]
  /** Images that some metrics exclude, and the reasons. */
  notes: string[]
  /** The metric that ranks the methods. */
  rankedBy: string
  /** Results of the methods, best first. */
  methods: MethodEvaluation[]
  /** Curve for pixels in random order, as a reference. */
  random: MeanCurve
  /** Comparison of the best method with each other method, by the metric that ranks. */
  comparisons: ({ best: string; other: string } & PairedTest)[]
  /**
   * For each method, the similarity of its maps while the layers are randomised one after another, starting at the
   * output.
   */
  randomisation: Record<string, Similarity[]>
  /** Version of lrp-native, SHA-256 of the model, precision and preprocessing. */
  provenance: Provenance
}

/** One point of the curve of `removeFeatures`; confidences are from 0 to 1. */
export interface RemovalPoint {
  /** Share of the pixels that are removed, 0 to 1. */
  fraction: number
  /** Mean confidence of the explained class after removing this share of the most relevant pixels. */
  important: number
  /** The same for the least relevant pixels. */
  unimportant: number
}

/** Result of a feature removal. */
export interface RemovalResult {
  /** Name of the rule, composite or method. */
  method: string
  /** Kind of the inputs, for example images. */
  inputKind: InputKind
  /** Options of the call, by the names of their flags. */
  settings: RecordedSettings
  /** Fill: the values that replace removed pixels. */
  fill: Fill
  /** For LRP, the rule of every node. */
  rules: Record<string, string>
  /** Number of images used. */
  images: number
  /** Points of the curve, in ascending order from fraction 0. */
  curve: RemovalPoint[]
  /** Confidence of the explained class for each image, after removing the largest share. */
  perImage: { important: number[]; unimportant: number[] }
  /** Warnings about the curves. */
  notes: string[]
  /** Folder of the written files. */
  folder: string
  /** Version of lrp-native, SHA-256 of the model, precision and preprocessing. */
  provenance: Provenance
  /** Names of the written files. */
  files: string[]
}
