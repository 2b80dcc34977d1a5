/** Counts of correct and wrong predictions of one class or label; precision, recall and F1 are from 0 to 1. */
export interface CountScore {
  /** Name of the class. */
  name: string
  /** Number of images of the class. */
  images: number
  /** Number of images of the class that are assigned to it. */
  truePositives: number
  /** Number of images of other classes that are assigned to this class. */
  falsePositives: number
  /** Number of images of the class that are not assigned to it. */
  falseNegatives: number
  /** Number of images of other classes that are not assigned to this class. */
  trueNegatives: number
  /** Share of the images assigned to the class that belong to it; 0 if no image is assigned. */
  precision: number
  /** Share of the images of the class that are assigned to it; 0 if the class has no images. */
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
