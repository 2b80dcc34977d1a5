import { probabilities as probabilitiesOf } from '../core/logits.js'
import type { Tensor } from '../core/tensor.js'
import { averagePrecision, rocAuc } from './classification.js'
import { countScore, f1Of, ratio, type CountScore } from './counts.js'

/** Scores of independent classes; the definitions are scikit-learn's. A score without images or guesses is 0. */
export interface MultilabelMetrics {
  /** Number of images. */
  images: number
  /** Share of the images whose labels are all right. */
  exactMatch: number
  /** Share of all labels that are right: 1 - the Hamming loss. */
  labelAccuracy: number
  /** Mean precision over the labels. */
  macroPrecision: number
  /** Mean recall over the labels. */
  macroRecall: number
  /** Mean F1 over the labels. */
  macroF1: number
  /** Precision over all labels of all images together. */
  microPrecision: number
  /** Recall over all labels of all images together. */
  microRecall: number
  /** F1 over all labels of all images together. */
  microF1: number
  /** Mean over the labels that occur, NaN where none does. */
  meanAveragePrecision: number
  /** Mean over the labels that some images have and others lack. */
  rocAuc: number
  /** Binary cross-entropy, mean over images and labels. */
  logLoss: number
  /** The scores of each label. */
  perLabel: LabelScore[]
}

/** Scores of one label. */
export interface LabelScore extends CountScore {
  /** The probability above which the label is given. */
  threshold: number
  /** Area under precision over recall; NaN where no image has the label. */
  averagePrecision: number
  /** NaN where no image has the label, or all have. */
  rocAuc: number
}

function mean(values: number[]): number {
  const known = values.filter((value) => !Number.isNaN(value))
  return known.length === 0 ? NaN : known.reduce((sum, value) => sum + value, 0) / known.length
}

/**
 * Scores logits [images, labels] of independent classes.
 * @param values [images, labels] of 0 and 1
 * @param thresholds one probability per label
 */
export function multilabelMetrics(
  logits: Tensor,
  values: Float32Array,
  names: string[],
  thresholds: number[]
): MultilabelMetrics {
  const count = names.length
  const images = values.length / count
  const probabilities = probabilitiesOf(logits, true)
  const perLabel = names.map((name, label) => {
    const column = <T>(from: ArrayLike<T>): T[] => Array.from({ length: images }, (_, i) => from[i * count + label]!)
    return labelScore(name, column(probabilities), column(values), thresholds[label]!)
  })
  const total = (key: 'truePositives' | 'falsePositives' | 'falseNegatives' | 'trueNegatives'): number =>
    perLabel.reduce((sum, one) => sum + one[key], 0)
  const [hits, guessed] = [total('truePositives'), total('truePositives') + total('falsePositives')]
  const [microPrecision, microRecall] = [ratio(hits, guessed), ratio(hits, hits + total('falseNegatives'))]
  const isRight = (i: number): boolean => probabilities[i]! > thresholds[i % count]! === values[i]! > 0.5
  const exact = Array.from({ length: images }, (_, i) => i).filter((i) =>
    names.every((_, label) => isRight(i * count + label))
  )
  const loss = (p: number): number => -Math.log(Math.max(p, Number.EPSILON))
  return {
    images,
    exactMatch: exact.length / images,
    labelAccuracy: (hits + total('trueNegatives')) / values.length,
    macroPrecision: mean(perLabel.map(({ precision }) => precision)),
    macroRecall: mean(perLabel.map(({ recall }) => recall)),
    macroF1: mean(perLabel.map(({ f1 }) => f1)),
    microPrecision,
    microRecall,
    microF1: f1Of(microPrecision, microRecall),
    meanAveragePrecision: mean(perLabel.map((one) => one.averagePrecision)),
    rocAuc: mean(perLabel.map((one) => one.rocAuc)),
    logLoss: mean(Array.from(probabilities, (p, i) => loss(values[i]! > 0.5 ? p : 1 - p))),
    perLabel
  }
}

function labelScore(name: string, scores: number[], values: number[], threshold: number): LabelScore {
  const positive = values.map((value) => Number(value > 0.5))
  const given = scores.filter((p) => p > threshold).length
  const hits = scores.filter((p, i) => p > threshold && positive[i] === 1).length
  const actual = positive.reduce((sum, one) => sum + one, 0)
  return {
    ...countScore(name, hits, actual, given, scores.length),
    threshold,
    averagePrecision: averagePrecision(positive, (i) => scores[i]!),
    rocAuc: rocAuc(positive, (i) => scores[i]!)
  }
}

/** Precision over recall as the threshold falls, one point for each score that occurs, thinned if there are too many. */
export function precisionRecall(
  scores: ArrayLike<number>,
  positive: ArrayLike<number>,
  most = 200
): [number, number][] {
  const order = Array.from({ length: scores.length }, (_, i) => i).sort((a, b) => scores[b]! - scores[a]!)
  const all = order.reduce((sum, i) => sum + positive[i]!, 0)
  const points: [number, number][] = []
  let found = 0
  order.forEach((i, k) => {
    found += positive[i]!
    const isLast = k + 1 === order.length || scores[order[k + 1]!] !== scores[i]
    if (isLast && all > 0) points.push([found / all, found / (k + 1)])
  })
  const every = Math.max(1, Math.ceil(points.length / most))
  return points.filter((_, k) => k % every === 0 || k === points.length - 1)
}

/** The threshold with the highest F1, halfway to the next lower score; 0.5 where no image is positive. */
export function bestThreshold(scores: number[], positive: ArrayLike<number>): number {
  const order = Array.from(scores.keys()).sort((a, b) => scores[b]! - scores[a]!)
  const all = order.reduce((sum, i) => sum + positive[i]!, 0)
  let [best, threshold, found] = [0, 0.5, 0]
  order.forEach((i, k) => {
    found += positive[i]!
    const next = order[k + 1]
    if (next !== undefined && scores[next] === scores[i]) return
    const f1 = (2 * found) / (k + 1 + all)
    if (f1 > best) [best, threshold] = [f1, (scores[i]! + (next === undefined ? 0 : scores[next]!)) / 2]
  })
  return threshold
}
