import { LrpError } from '../core/errors.js'
import type { Tensor } from '../core/tensor.js'
import type { Dataset, SplitName } from '../data/dataset.js'
import type { Model } from '../model/model.js'
import { provenanceOf } from '../model/provenance.js'
import { scatterChart } from '../plot/chart.js'
import { ResultFolder } from '../plot/result-folder.js'
import { regressionMetrics, type RegressionMetrics } from './regression.js'
import type { TestOptions } from './options.js'
import { headOf, outputsOn, writes, type SplitResult } from './split-outputs.js'
import { errorSheet, WORST } from './error-sheet.js'

/** Return value of `testRegression`: metrics, throughput, and the predictions for every image. */
export interface RegressionResult extends SplitResult {
  /** Scores over all images and outputs. */
  metrics: RegressionMetrics
  /** Predicted values, [images, outputs]. */
  predictions: Tensor
  /** True values, [images, outputs]. */
  values: Float32Array
}

/**
 * Predicts the values of the images of a split, and computes the scores.
 * @throws LrpError INVALID_ARGUMENT as `testClassifier`
 */
export async function testRegression(model: Model, options: TestOptions = {}): Promise<RegressionResult> {
  if (model.task !== 'regression')
    throw new LrpError('INVALID_ARGUMENT', 'testRegression cannot score a classifier: use testClassifier')
  const { dataset, split, outputs, imagesPerSecond } = await outputsOn(model, options)
  const values = dataset.splits[split].values!
  const metrics = regressionMetrics(outputs.data, values, dataset.classes)
  const { skipped, notes } = dataset
  const provenance = await provenanceOf(model)
  const result = {
    metrics,
    imagesPerSecond,
    predictions: outputs,
    values,
    skipped,
    notes,
    files: [] as string[],
    provenance
  }
  if (writes(options)) {
    const head = { task: 'regression', ...headOf(dataset, options, result) }
    result.files = await writeResult(options.output!, dataset, split, result, head)
  }
  return result
}

async function writeResult(
  folder: string,
  dataset: Dataset,
  split: SplitName,
  { metrics, predictions, values }: RegressionResult,
  head: object
): Promise<string[]> {
  const out = new ResultFolder(folder)
  const names = dataset.classes
  const row = (from: Float32Array, i: number): number[] =>
    Array.from(from.subarray(i * names.length, (i + 1) * names.length))
  const rows = Array.from({ length: metrics.images }, (_, i) => [
    dataset.splits[split].paths?.[i] ?? i,
    ...row(values, i),
    ...row(predictions.data, i)
  ])
  const headings = ['image', ...names.map((name) => `true ${name}`), ...names.map((name) => `predicted ${name}`)]
  await out.json('metrics.json', { ...head, ...metrics })
  await out.csv('predictions.csv', [headings, ...rows])
  const groups = names.map((name, output) => ({
    name,
    points: rows.map((_, i) => [row(values, i)[output]!, row(predictions.data, i)[output]!] as [number, number])
  }))
  await out.chart('predictions', scatterChart('Predicted and true values', 'true', 'predicted', groups))
  const error = (i: number): number =>
    Math.max(...row(values, i).map((value, output) => Math.abs(value - row(predictions.data, i)[output]!)))
  const worst = rows.map((_, i) => i).sort((a, b) => error(b) - error(a))
  const show = (numbers: number[]): string => numbers.map((value) => Number(value.toPrecision(3))).join(', ')
  const title = (i: number): string[] => [show(row(values, i)), `as ${show(row(predictions.data, i))}`]
  const shown = Math.min(WORST, rows.length)
  const caption = `The largest errors, ${shown} of ${rows.length}: true value, predicted value`
  await out.write('worst-errors.png', await errorSheet(dataset, split, worst, title, caption))
  return out.files
}
