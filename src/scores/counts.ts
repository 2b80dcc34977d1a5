/** How often one class or label was predicted and true; precision, recall and F1 are from 0 to 1. */
export interface CountScore {
  /** Name of the class. */
  name: string
  /** Images of the class. */
  images: number
  /** Images of the class that are called so. */
  truePositives: number
  /** Images of other classes that are called so. */
  falsePositives: number
  /** Images of the class that are called something else. */
  falseNegatives: number
  /** Images of other classes that are called something else. */
  trueNegatives: number
  /** Share of the images called so that are of the class; 0 without any. */
  precision: number
  /** Share of the images of the class that are called so; 0 without any. */
  recall: number
  /** Harmonic mean of precision and recall. */
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
