import { probabilities as probabilitiesOf } from '../core/logits.js'
import type { Tensor } from '../core/tensor.js'
import { averagePrecision, rocAuc } from './classification.js'
import { countScore, f1Of, ratio, type CountScore } from './counts.js'

/**
 * Scores of independent classes, as scikit-learn defines them. A score is 0 if there are no images or no predictions
 * for it.
 */
export interface MultilabelMetrics {
  /** Number of images. */
  images: number
  /** Share of the images with all labels correct. */
  exactMatch: number
  /** Share of all labels that are correct: 1 - Hamming loss. */
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
  /** Average precision, averaged over the labels that occur; NaN if none occurs. */
  meanAveragePrecision: number
  /** ROC AUC, averaged over the labels that some images have and others lack. */
  rocAuc: number
  /** Binary cross-entropy, averaged over images and labels. */
  logLoss: number
  /** The scores of each label. */
  perLabel: LabelScore[]
}

/** Scores of one label. */
export interface LabelScore extends CountScore {
  /** Probability above which the label is assigned. */
  threshold: number
  /** Average precision: area under the precision-recall curve; NaN if no image has the label. */
  averagePrecision: number
  /** ROC AUC; NaN if no image or every image has the label. */
  rocAuc: number
}

function mean(values: number[]): number {
  const known = values.filter((value) => !Number.isNaN(value))
  return known.length === 0 ? NaN : known.reduce((sum, value) => sum + value, 0) / known.length
}

/**
 * Computes the scores of independent classes from logits [images, labels].
 * @param values true labels [images, labels], each 0 or 1
 * @param thresholds for each label, the probability above which it is assigned
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
