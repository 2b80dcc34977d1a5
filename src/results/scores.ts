import * as z from 'zod'
import { count, number, provenance, settings, share } from './parts.js'

const about = {
  data: z.string(),
  split: z.enum(['train', 'valid', 'test']),
  settings,
  provenance,
  imagesPerSecond: number,
  skipped: z.array(z.string()).describe('Images that could not be read.'),
  images: count
}
const counts = {
  truePositives: count,
  falsePositives: count,
  falseNegatives: count,
  trueNegatives: count,
  precision: number,
  recall: number,
  f1: number
}
const value = { r2: number, mae: number, rmse: number }

/** Schema of metrics.json for a classifier. */
export const classificationResult = z.object({
  ...about,
  accuracy: number,
  top3Accuracy: number
    .optional()
    .describe('Share of the images whose true class is among the 3 most probable; missing for 3 classes or fewer.'),
  top5Accuracy: number
    .optional()
    .describe('Share of the images whose true class is among the 5 most probable; missing for 5 classes or fewer.'),
  balancedAccuracy: number,
  macroPrecision: number,
  macroRecall: number,
  macroF1: number,
  weightedPrecision: number,
  weightedRecall: number,
  weightedF1: number,
  microF1: number,
  logLoss: number,
  rocAuc: number,
  averagePrecision: number,
  cohenKappa: number,
  matthews: number,
  calibrationError: number,
  threshold: share.optional().describe('For a single logit: the probability above which the second class is assigned.'),
  binary: z
    .object({ positive: z.string(), sensitivity: number, specificity: number })
    .optional()
    .describe('For two classes; the second class is positive.'),
  confusion: z.array(z.array(count)).describe('Rows: true classes; columns: predicted classes.'),
  perClass: z.array(
    z.object({
      name: z.string(),
      images: count,
      ...counts
    })
  )
})

/** Schema of metrics.json for independent classes. */
export const multilabelResult = z.object({
  task: z.literal('multilabel'),
  ...about,
  exactMatch: share.describe('Share of the images with all labels correct.'),
  labelAccuracy: share.describe('Share of all labels that are correct.'),
  macroPrecision: number,
  macroRecall: number,
  macroF1: number,
  microPrecision: number,
  microRecall: number,
  microF1: number,
  meanAveragePrecision: number.describe('Mean over the labels that occur.'),
  rocAuc: number,
  logLoss: number,
  perLabel: z.array(
    z.object({
      name: z.string(),
      images: count.describe('Number of images with this label.'),
      threshold: share.describe('The probability above which the label is assigned.'),
      ...counts,
      averagePrecision: number,
      rocAuc: number
    })
  )
})

/** Schema of metrics.json for a regression. */
export const regressionResult = z.object({
  task: z.literal('regression'),
  ...about,
  ...value,
  perOutput: z.array(z.object({ name: z.string(), ...value }))
})

/** Schema of metrics.json for a dense network that is scored with masks. */
export const segmentationResult = z.object({
  task: z.literal('segmentation'),
  data: z.string(),
  masks: z.string(),
  settings,
  provenance,
  imagesPerSecond: number,
  skipped: about.skipped,
  images: count,
  pixels: count,
  pixelAccuracy: number,
  meanIoU: number.describe('Mean over the classes that occur in the masks or in the predictions.'),
  perClass: z.array(
    z.object({
      class: z.string(),
      iou: number.describe(
        'Intersection over union; null if the class occurs neither in the masks nor in the predictions.'
      ),
      pixels: count
    })
  ),
  confusion: z.array(z.array(count)).describe('Rows: true classes; columns: predicted classes.')
})
