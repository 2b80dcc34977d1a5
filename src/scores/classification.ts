import { argmax, probabilities as probabilitiesOf, twoClasses } from '../core/logits.js'
import type { Tensor } from '../core/tensor.js'
import { countScore, ratio, type CountScore } from './counts.js'

/** Scores of a classifier, as scikit-learn defines them. */
export interface ClassificationMetrics {
  /** Number of images. */
  images: number
  /** Share of the images that are classified correctly, 0 to 1. */
  accuracy: number
  /** Share of the images whose true class is among the 3 most probable; missing for 3 classes or fewer. */
  top3Accuracy?: number
  /** Share of the images whose true class is among the 5 most probable; missing for 5 classes or fewer. */
  top5Accuracy?: number
  /** Mean recall over the classes that occur, 0 to 1. */
  balancedAccuracy: number
  /** Mean precision over the classes that occur as true or predicted classes. */
  macroPrecision: number
  /** Mean recall over the classes that occur as true or predicted classes. */
  macroRecall: number
  /** Mean F1 over the classes that occur as true or predicted classes. */
  macroF1: number
  /** Mean precision, weighted by the number of images of each class. */
  weightedPrecision: number
  /** Mean recall, weighted by the number of images of each class. */
  weightedRecall: number
  /** Mean F1, weighted by the number of images of each class. */
  weightedF1: number
  /** F1 over all images together, which equals the accuracy. */
  microF1: number
  /** Mean negative logarithm (base e) of the true class's probability. */
  logLoss: number
  /** Area under the ROC curve, one class against the rest, averaged over classes; NaN if a class has no images. */
  rocAuc: number
  /** Average precision, averaged over classes; for a single logit, the average precision of the second class. */
  averagePrecision: number
  /** Cohen's kappa: agreement beyond chance, at most 1. */
  cohenKappa: number
  /** Matthews correlation coefficient, -1 to 1. */
  matthews: number
  /** For a single logit: the probability above which the second class is assigned. */
  threshold?: number
  /** For two classes: scores of the second class as the positive one. */
  binary?: BinaryScores
  /** Expected calibration error with 15 bins of equal width. */
  calibrationError: number
  /** Confusion matrix: rows are true classes, columns are predicted classes. */
  confusion: number[][]
  /** The scores of each class. */
  perClass: ClassScore[]
}

/** Scores for two classes; the second class is the positive class. */
export interface BinaryScores {
  /** Name of the positive class. */
  positive: string
  /** Share of the images of the positive class that are classified as positive, 0 to 1. */
  sensitivity: number
  /** Share of the images of the negative class that are classified as negative, 0 to 1. */
  specificity: number
}

/** Scores of one class against all other classes. */
export type ClassScore = CountScore

const mean = (values: number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length

/**
 * Computes the scores of predicted classes.
 * @param multilabel whether the classes are independent; if so, probabilities are sigmoids, and the log loss is the
 * mean of the binary log losses
 * @param threshold for a single logit: the probability above which the second class is assigned (0.5)
 * @param given logits [images, classes]; or [images, 1], whose sigmoid is the probability of the second class
 */
export function classificationMetrics(
  given: Tensor,
  labels: Int32Array,
  classes: string[],
  multilabel = false,
  threshold = 0.5
): ClassificationMetrics {
  const count = classes.length
  const logits = twoClasses(given)
  const images = labels.length
  const probabilities = probabilitiesOf(logits, multilabel)
  const guesses = guessesOf(given, threshold)
  const confusion = classes.map(() => Array<number>(count).fill(0))
  labels.forEach((label, i) => confusion[label]![guesses[i]!]!++)
  const perClass = classes.map((name, c) => classScore(name, confusion, c, images))
  const present = perClass.filter((score) => score.images > 0)
  const occurring = perClass.filter((score) => score.images + score.falsePositives > 0)
  const accuracy = mean(Array.from(labels, (label, i) => Number(guesses[i] === label)))
  const weighted = (value: (score: ClassScore) => number): number =>
    perClass.reduce((sum, score) => sum + value(score) * score.images, 0) / images
  const oneAgainstRest = classes.map((_, c) => ({
    positive: labels.map((label) => Number(label === c)),
    score: (i: number): number => probabilities[i * count + c]!
  }))
  return {
    images,
    accuracy,
    ...(count > 3 && { top3Accuracy: topAccuracy(probabilities, labels, count, 3) }),
    ...(count > 5 && { top5Accuracy: topAccuracy(probabilities, labels, count, 5) }),
    balancedAccuracy: mean(present.map((score) => score.recall)),
    macroPrecision: mean(occurring.map((score) => score.precision)),
    macroRecall: mean(occurring.map((score) => score.recall)),
    macroF1: mean(occurring.map((score) => score.f1)),
    weightedPrecision: weighted((score) => score.precision),
    weightedRecall: weighted((score) => score.recall),
    weightedF1: weighted((score) => score.f1),
    microF1: accuracy,
    logLoss: logLoss(probabilities, labels, count, multilabel),
    rocAuc: mean(oneAgainstRest.map(({ positive, score }) => rocAuc(positive, score))),
    averagePrecision: mean(
      oneAgainstRest.slice(given.shape[1] === 1 ? 1 : 0).map(({ positive, score }) => averagePrecision(positive, score))
    ),
    ...agreement(confusion, images),
    ...(given.shape[1] === 1 && { threshold }),
    ...(count === 2 && { binary: binaryScores(perClass) }),
    calibrationError: calibrationError(probabilities, guesses, labels, count),
    confusion,
    perClass
  }
}

/** Predicted class of each row; for a single logit, the second class if its sigmoid is above the threshold. */
export function guessesOf(given: Tensor, threshold = 0.5): Int32Array {
  if (given.shape[1] !== 1) return argmax(given)
  const limit = Math.log(threshold / (1 - threshold))
  return Int32Array.from(given.data, (logit) => Number(logit > limit))
}

function binaryScores([negative, positive]: ClassScore[]): BinaryScores {
  return { positive: positive!.name, sensitivity: positive!.recall, specificity: negative!.recall }
}

function classScore(name: string, confusion: number[][], c: number, images: number): ClassScore {
  const actual = confusion[c]!.reduce((sum, n) => sum + n, 0)
  const predicted = confusion.reduce((sum, row) => sum + row[c]!, 0)
  return countScore(name, confusion[c]![c]!, actual, predicted, images)
}

function logLoss(probabilities: Float64Array, labels: Int32Array, classes: number, multilabel: boolean): number {
  const loss = (p: number): number => -Math.log(Math.max(p, Number.EPSILON))
  if (!multilabel) return mean(Array.from(labels, (label, i) => loss(probabilities[i * classes + label]!)))
  const isTrue = (i: number): boolean => labels[Math.floor(i / classes)] === i % classes
  return mean(Array.from(probabilities, (p, i) => loss(isTrue(i) ? p : 1 - p)))
}

function topAccuracy(probabilities: Float64Array, labels: Int32Array, classes: number, k: number): number {
  return mean(
    Array.from(labels, (label, i) => {
      const row = probabilities.subarray(i * classes, (i + 1) * classes)
      return Number(row.filter((p) => p > row[label]!).length < k)
    })
  )
}

/**
 * Area under the ROC curve by ranks; ties share their mean rank. `positive` contains 0 and 1. NaN if one of them is
 * missing.
 */
export function rocAuc(positive: ArrayLike<number>, score: (i: number) => number): number {
  const order = Array.from({ length: positive.length }, (_, i) => i).sort((a, b) => score(a) - score(b))
  let rankSum = 0
  let positives = 0
  for (let i = 0; i < order.length;) {
    let j = i
    while (j < order.length && score(order[j]!) === score(order[i]!)) j++
    const rank = (i + 1 + j) / 2
    for (let k = i; k < j; k++) {
      if (positive[order[k]!] !== 1) continue
      rankSum += rank
      positives++
    }
    i = j
  }
  const negatives = positive.length - positives
  if (positives === 0 || negatives === 0) return NaN
  return (rankSum - (positives * (positives + 1)) / 2) / (positives * negatives)
}

/** Mean precision over the rises of recall (scikit-learn's average_precision_score); NaN without positives. */
export function averagePrecision(positive: ArrayLike<number>, score: (i: number) => number): number {
  const order = Array.from({ length: positive.length }, (_, i) => i).sort((a, b) => score(b) - score(a))
  let [found, sum] = [0, 0]
  for (let from = 0; from < order.length;) {
    let to = from
    let rise = 0
    while (to < order.length && score(order[to]!) === score(order[from]!)) rise += positive[order[to++]!]!
    found += rise
    sum += (rise * found) / to
    from = to
  }
  return found === 0 ? NaN : sum / found
}

/** Cohen's kappa and Matthews' correlation from the confusion matrix. */
function agreement(confusion: number[][], images: number): { cohenKappa: number; matthews: number } {
  const rows = confusion.map((row) => row.reduce((sum, n) => sum + n, 0))
  const columns = confusion.map((_, c) => confusion.reduce((sum, row) => sum + row[c]!, 0))
  const right = confusion.reduce((sum, row, c) => sum + row[c]!, 0)
  const dot = (a: number[], b: number[]): number => a.reduce((sum, value, i) => sum + value * b[i]!, 0)
  const chance = dot(rows, columns) / images ** 2
  const spread = Math.sqrt((images ** 2 - dot(columns, columns)) * (images ** 2 - dot(rows, rows)))
  return {
    cohenKappa: ratio(right / images - chance, 1 - chance),
    matthews: ratio(right * images - dot(rows, columns), spread)
  }
}

function calibrationError(
  probabilities: Float64Array,
  guesses: Int32Array,
  labels: Int32Array,
  classes: number
): number {
  const BINS = 15
  const bins = Array.from({ length: BINS }, () => ({ images: 0, right: 0, confidence: 0 }))
  labels.forEach((label, i) => {
    const confidence = probabilities[i * classes + guesses[i]!]!
    const bin = bins[Math.min(BINS - 1, Math.floor(confidence * BINS))]!
    bin.images++
    bin.right += Number(guesses[i] === label)
    bin.confidence += confidence
  })
  return bins.reduce((sum, bin) => sum + Math.abs(bin.right - bin.confidence) / labels.length, 0)
}
