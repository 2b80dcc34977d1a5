import { counted } from '../../core/plural.js'
import { Model } from '../../model/model.js'
import { oneInputOptions } from '../../model/options.js'
import type { ClassificationMetrics } from '../../scores/classification.js'
import type { MultilabelMetrics } from '../../scores/multilabel.js'
import { testOptions } from '../../scores/options.js'
import type { RegressionMetrics } from '../../scores/regression.js'
import type { SegmentationMetrics } from '../../scores/segmentation.js'
import { testModel, type TestResult } from '../../scores/test-model.js'
import { defineCommand, MODEL } from '../command.js'
import { downloadProgress, leftOut } from '../data-progress.js'

export const register = defineCommand<string | undefined>({
  argument: MODEL,
  options: [oneInputOptions, testOptions],
  examples: [
    'test',
    'test mlp-digits --json',
    'test path/to/model --data-path path/to/class-folders',
    'test segmenter.pt2 --preprocess imagenet --data-path path/to/images --masks path/to/masks'
  ],
  shared: true,
  run: async ({ argument, given, group, output, context: { signal } }) => {
    using model = await Model.load(argument, given(oneInputOptions))
    const { onProgress, done } = output.meter('images')
    const onDownload = downloadProgress(output)
    const asked = { ...given(testOptions), onDownload, group, onProgress, signal }
    const result = await testModel(model, asked).finally(done)
    const { metrics, imagesPerSecond, files, skipped, notes = [], task, folder, provenance } = result
    if (skipped.length > 0) output.note(leftOut(skipped))
    for (const note of notes) output.note(`note: ${note}`)
    output.result({ ...metrics, imagesPerSecond, files, skipped, provenance }, [
      scoreLine({ task, metrics } as Pick<TestResult, 'task' | 'metrics'>),
      `${Math.round(imagesPerSecond)} images per second`,
      ...(folder ? [`written to ${folder}`] : [])
    ])
  }
})

/** The scores of a test in one line. */
export function scoreLine({ task, metrics }: Pick<TestResult, 'task' | 'metrics'>): string {
  if (task === 'regression') return valuesLine(metrics as RegressionMetrics)
  if (task === 'segmentation') return pixelsLine(metrics as SegmentationMetrics)
  return task === 'multilabel'
    ? labelsLine(metrics as MultilabelMetrics)
    : classesLine(metrics as ClassificationMetrics)
}

function labelsLine({ images, meanAveragePrecision, microF1, exactMatch }: MultilabelMetrics): string {
  return `mean average precision ${meanAveragePrecision.toFixed(4)} on ${counted(images, 'image')}, micro F1 ${microF1.toFixed(4)}, all labels correct ${exactMatch.toFixed(4)}`
}

function classesLine(metrics: ClassificationMetrics): string {
  const { accuracy, images, macroF1, logLoss, perClass, rocAuc, averagePrecision } = metrics
  const two = perClass.length === 2
  const binary = two ? `, ROC AUC ${rocAuc.toFixed(4)}, average precision ${averagePrecision.toFixed(4)}` : ''
  return `accuracy ${accuracy.toFixed(4)} on ${counted(images, 'image')}, macro F1 ${macroF1.toFixed(4)}, log loss ${logLoss.toFixed(4)}${binary}`
}

function pixelsLine({ images, pixelAccuracy, meanIoU }: SegmentationMetrics): string {
  return `pixel accuracy ${pixelAccuracy.toFixed(4)} on ${counted(images, 'image')}, mean IoU ${meanIoU.toFixed(4)}`
}

/** How well values are predicted, in one line. */
export function valuesLine({ r2, mae, rmse, images }: RegressionMetrics): string {
  return `R2 ${r2.toFixed(4)} on ${counted(images, 'image')}, MAE ${mae.toPrecision(4)}, RMSE ${rmse.toPrecision(4)}`
}
