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
  /** How pixels are replaced along the curves. */
  perturbation: PerturbationSettings
  /** Random orders that the curve of chance is the mean of. */
  draws: number
  /** Images whose maps are compared under random weights; 0 for none. */
  randomisation: number
  /** Seed of all random draws. */
  seed: number
}

/** Mean over images at every step, with the ends of the 95 % intervals. */
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

/** Mean with interval over the images that have the score, and the value of each image. */
export type MethodScore = Interval & { values: (number | null)[] }

/** One method of an evaluation: its scores by metric, and its two curves. */
export interface MethodEvaluation {
  /** Name of the rule, composite or method. */
  name: string
  /** The rule of every node; of LRP. */
  rules?: Record<string, string>
  /** By metric. */
  scores: Record<string, MethodScore>
  /** Probability (or logit, as `measure` says) of the explained class while the most (least) relevant pixels are replaced. */
  morf: MeanCurve
  /** The same while the least relevant pixels are replaced. */
  lerf: MeanCurve
}

/** What `evaluate` returns: methods, best first, with scores, curves and tests. */
export interface Evaluation {
  /** Name of the model. */
  model: string
  /** What one input is. */
  inputKind: InputKind
  /** What was measured, and how. */
  settings: EvaluationSettings
  /** The options that were given, by their flags. */
  asked: RecordedSettings
  /** Names of the images. */
  images: string[]
  /** Descriptions of the metrics. */
  metrics: Omit<MetricDescription, 'score'>[]
  /** Images that some metrics leave out, and why. */
  notes: string[]
  /** The metric that ranks the methods. */
  rankedBy: string
  /** Best first. */
  methods: MethodEvaluation[]
  /** Pixels in random order: what a curve of chance looks like. */
  random: MeanCurve
  /** The best method against each other one, by the metric that ranks. */
  comparisons: ({ best: string; other: string } & PairedTest)[]
  /** Per method: similarity of maps when layer after layer, from the output on, is randomised. */
  randomisation: Record<string, Similarity[]>
  /** Version, digest of the model, precision and preprocessing. */
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

/** What feature removal finds. */
export interface RemovalResult {
  /** Name of the rule, composite or method. */
  method: string
  /** What one input is. */
  inputKind: InputKind
  /** The options that were given, by their flags. */
  settings: RecordedSettings
  /** What removed pixels become. */
  fill: Fill
  /** The rule of every node; of LRP. */
  rules: Record<string, string>
  /** How many images were used. */
  images: number
  /** From fraction 0 on, rising. */
  curve: RemovalPoint[]
  /** Confidence of each image's class after removing the largest share. */
  perImage: { important: number[]; unimportant: number[] }
  /** What the curves cannot show. */
  notes: string[]
  /** Where the files are. */
  folder: string
  /** Version, digest of the model, precision and preprocessing. */
  provenance: Provenance
  /** Names of the files that were written. */
  files: string[]
}
