import { basename } from 'node:path'
import { pickOptions } from '../core/option.js'
import { safeName } from '../core/paths.js'
import { isOwnData } from '../data/for-model.js'
import { dataOptions } from '../data/options.js'
import type { Model } from '../model/model.js'
import type { TestOptions } from './options.js'
import { scoreClasses, type ClassificationResult } from './test-classifier.js'
import { outputsOn } from './split-outputs.js'
import { scoreLabels, type MultilabelResult } from './test-multilabel.js'
import { testSegmentation, type SegmentationResult } from './test-segmentation.js'
import { testRegression, type RegressionResult } from './test-regression.js'

/** Return value of `testModel`. `task` determines whether it contains scores of classes, of labels or of values. */
export type TestResult = { folder?: string } & (
  | ({ task: 'classification' } & ClassificationResult)
  | ({ task: 'multilabel' } & MultilabelResult)
  | ({ task: 'regression' } & RegressionResult)
  | ({ task: 'segmentation' } & SegmentationResult)
)

/**
 * Scores a network on a split: classes, labels if an image can have several, or values. With `masks`, it scores the
 * class of every pixel.
 * @throws LrpError INVALID_ARGUMENT if the images do not fit the model
 */
export async function testModel(model: Model, options: TestOptions = {}): Promise<TestResult> {
  const folder = options.output ?? folderOf(model, options)
  const asked = { ...options, output: folder }
  if (options.masks !== undefined) return { task: 'segmentation', folder, ...(await testSegmentation(model, asked)) }
  if (model.task === 'regression') return { task: 'regression', folder, ...(await testRegression(model, asked)) }
  const found = await outputsOn(model, asked)
  return found.dataset.task === 'multilabel'
    ? { task: 'multilabel', folder, ...(await scoreLabels(model, found, asked)) }
    : { task: 'classification', folder, ...(await scoreClasses(model, found, asked)) }
}

/** The experiment's own test has a folder of its own, which the report shows; other images have one each. */
function folderOf({ experiment }: Model, options: TestOptions): string | undefined {
  const { data, dataPath, split = 'test', limit, exclude } = options
  const isWhole = split === 'test' && limit === undefined && exclude === undefined
  if (!experiment || (isWhole && isOwnData(experiment, { data, dataPath }))) return experiment?.path('test')
  const own = pickOptions(dataOptions, experiment.manifest.command)
  const name = typeof data === 'object' ? data.name : basename(dataPath ?? data ?? own.dataPath ?? own.data ?? 'data')
  return experiment.path('tests', `${safeName(name)}-${split}`)
}
