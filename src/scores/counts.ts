/** How often one class was given and true; precision, recall and F1 are from 0 to 1. */
export interface CountScore {
  name: string
  /** Of this class. */
  images: number
  truePositives: number
  falsePositives: number
  falseNegatives: number
  trueNegatives: number
  precision: number
  recall: number
  f1: number
}

/** A share; 0 of nothing. */
export const ratio = (part: number, whole: number): number => (whole === 0 ? 0 : part / whole)

/** The harmonic mean of precision and recall. */
export const f1Of = (precision: number, recall: number): number => ratio(2 * precision * recall, precision + recall)

/**
 * Scores of one class, all others taken as one.
 * @param actual images of the class
 * @param predicted images that were given it
 * @param images in all
 */
export function countScore(
  name: string,
  truePositives: number,
  actual: number,
  predicted: number,
  images: number
): CountScore {
  const [precision, recall] = [ratio(truePositives, predicted), ratio(truePositives, actual)]
  return {
    name,
    images: actual,
    truePositives,
    falsePositives: predicted - truePositives,
    falseNegatives: actual - truePositives,
    trueNegatives: images - actual - predicted + truePositives,
    precision,
    recall,
    f1: f1Of(precision, recall)
  }
}
