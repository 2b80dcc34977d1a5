import type { Model } from '../model/model.js'
import type { TestOptions } from './options.js'
import { scoreClasses, type ClassificationResult } from './test-classifier.js'
import { outputsOn } from './split-outputs.js'
import { scoreLabels, type MultilabelResult } from './test-multilabel.js'
import { testSegmentation, type SegmentationResult } from './test-segmentation.js'
import { testRegression, type RegressionResult } from './test-regression.js'

/** What `testModel` returns: scores of classes or of values, as `task` says. */
export type TestResult = { folder?: string } & (
  | ({ task: 'classification' } & ClassificationResult)
  | ({ task: 'multilabel' } & MultilabelResult)
  | ({ task: 'regression' } & RegressionResult)
  | ({ task: 'segmentation' } & SegmentationResult)
)

/**
 * Scores a network on a split: its classes, its labels where images have several, or its values; with `masks` the class
 * of every pixel.
 * @throws LrpError INVALID_ARGUMENT when images and model do not fit together
 */
export async function testModel(model: Model, options: TestOptions = {}): Promise<TestResult> {
  const folder = options.output ?? model.experiment?.path('test')
  const asked = { ...options, output: folder }
  if (options.masks !== undefined) return { task: 'segmentation', folder, ...(await testSegmentation(model, asked)) }
  if (model.task === 'regression') return { task: 'regression', folder, ...(await testRegression(model, asked)) }
  const found = await outputsOn(model, asked)
  return found.dataset.task === 'multilabel'
    ? { task: 'multilabel', folder, ...(await scoreLabels(model, found, asked)) }
    : { task: 'classification', folder, ...(await scoreClasses(model, found, asked)) }
}
