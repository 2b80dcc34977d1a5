import type { Asked } from '../core/command-line.js'
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
  methods: string[]
  metrics: string[]
  perturbation: PerturbationSettings
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

/** Mean with interval over the images that have the score, and the value of each image. */
export type MethodScore = Interval & { values: (number | null)[] }

/** One method of an evaluation: its scores by metric, and its two curves. */
export interface MethodEvaluation {
  name: string
  /** The rule of every node; of LRP. */
  rules?: Record<string, string>
  /** By metric. */
  scores: Record<string, MethodScore>
  /** Probability (or logit, as `measure` says) of the explained class while the most (least) relevant pixels are replaced. */
  morf: MeanCurve
  lerf: MeanCurve
}

/** What `evaluate` returns: methods, best first, with scores, curves and tests. */
export interface Evaluation {
  model: string
  settings: EvaluationSettings
  /** The options that were given, by their flags. */
  asked: Asked
  images: string[]
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
  provenance: Provenance
}

/** One point of the curve of `removeFeatures`; confidences are from 0 to 1. */
export interface RemovalPoint {
  fraction: number
  /** Mean confidence of the explained class after removing this share of the most relevant pixels. */
  important: number
  /** The same for the least relevant pixels. */
  unimportant: number
}

/** What feature removal finds. */
export interface RemovalResult {
  method: string
  settings: Asked
  fill: Fill
  /** The rule of every node; of LRP. */
  rules: Record<string, string>
  images: number
  /** From fraction 0 on, rising. */
  curve: RemovalPoint[]
  /** Confidence of each image's class after removing the largest share. */
  perImage: { important: number[]; unimportant: number[] }
  /** Where the files are. */
  folder: string
  provenance: Provenance
  files: string[]
}
