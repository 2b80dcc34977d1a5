import type { Model } from '../model/model.js'
import type { TestOptions } from './options.js'
import { testClassifier, type ClassificationResult } from './test-classifier.js'
import { testSegmentation, type SegmentationResult } from './test-segmentation.js'
import { testRegression, type RegressionResult } from './test-regression.js'

/** What `testModel` returns: scores of classes or of values, as `task` says. */
export type TestResult = { folder?: string } & (
  | ({ task: 'classification' } & ClassificationResult)
  | ({ task: 'regression' } & RegressionResult)
  | ({ task: 'segmentation' } & SegmentationResult)
)

/**
 * Scores a network on a split: its classes or its values, whichever it predicts; with `masks` the class of every pixel.
 * @throws LrpError INVALID_ARGUMENT when images and model do not fit together
 */
export async function testModel(model: Model, options: TestOptions = {}): Promise<TestResult> {
  const folder = options.output ?? model.experiment?.path('test')
  const asked = { ...options, output: folder }
  if (options.masks !== undefined) return { task: 'segmentation', folder, ...(await testSegmentation(model, asked)) }
  return model.task === 'regression'
    ? { task: 'regression', folder, ...(await testRegression(model, asked)) }
    : { task: 'classification', folder, ...(await testClassifier(model, asked)) }
}
