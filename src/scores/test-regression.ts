import { join } from 'node:path'
import type { Asked } from '../core/command-line.js'
import { toCsv } from '../core/csv.js'
import { LrpError } from '../core/errors.js'
import { makeFolder, writeAtomic } from '../core/files.js'
import type { Tensor } from '../core/tensor.js'
import type { Dataset, SplitName } from '../data/dataset.js'
import type { Model } from '../model/model.js'
import { provenanceOf, type Provenance } from '../model/provenance.js'
import { scatterChart, writeChart } from '../plot/chart.js'
import { regressionMetrics, type RegressionMetrics } from './regression.js'
import type { TestOptions } from './options.js'
import { askedOf, outputsOn, writes } from './split-outputs.js'
import { errorSheet, WORST } from './error-sheet.js'

/** What `testRegression` returns: metrics, throughput, and the predictions for every image. */
export interface RegressionResult {
  metrics: RegressionMetrics
  /** Images per second of the forward passes, the first batch (warm-up) left out. */
  imagesPerSecond: number
  /** [images, outputs] */
  predictions: Tensor
  /** [images, outputs] */
  values: Float32Array
  /** Images that could not be read and were left out. */
  skipped: string[]
  /** Files written, if any. */
  files: string[]
  provenance: Provenance
}

/** Predicts the values of a split and scores them. @throws LrpError INVALID_ARGUMENT as `testClassifier` */
export async function testRegression(model: Model, options: TestOptions = {}): Promise<RegressionResult> {
  if (model.task !== 'regression')
    throw new LrpError('INVALID_ARGUMENT', 'the model is a classifier: testClassifier scores it')
  const { dataset, split, outputs, imagesPerSecond } = await outputsOn(model, options)
  const values = dataset.splits[split].values!
  const metrics = regressionMetrics(outputs.data, values, dataset.classes)
  const { skipped } = dataset
  const provenance = await provenanceOf(model)
  const result = { metrics, imagesPerSecond, predictions: outputs, values, skipped, files: [] as string[], provenance }
  if (writes(options)) {
    const about = { settings: askedOf(options), provenance }
    result.files = await writeResult(options.output!, dataset, split, result, about)
  }
  return result
}

async function writeResult(
  folder: string,
  dataset: Dataset,
  split: SplitName,
  { metrics, imagesPerSecond, predictions, values }: RegressionResult,
  about: { settings: Asked; provenance: Provenance }
): Promise<string[]> {
  await makeFolder(folder)
  const names = dataset.classes
  const head = { task: 'regression', data: dataset.name, split, ...about, imagesPerSecond, skipped: dataset.skipped }
  const row = (from: Float32Array, i: number): number[] =>
    Array.from(from.subarray(i * names.length, (i + 1) * names.length))
  const rows = Array.from({ length: metrics.images }, (_, i) => [
    dataset.splits[split].paths?.[i] ?? i,
    ...row(values, i),
    ...row(predictions.data, i)
  ])
  const headings = ['image', ...names.map((name) => `true ${name}`), ...names.map((name) => `predicted ${name}`)]
  await writeAtomic(join(folder, 'metrics.json'), JSON.stringify({ ...head, ...metrics }, null, 2) + '\n')
  await writeAtomic(join(folder, 'predictions.csv'), toCsv([headings, ...rows]))
  const groups = names.map((name, output) => ({
    name,
    points: rows.map((_, i) => [row(values, i)[output]!, row(predictions.data, i)[output]!] as [number, number])
  }))
  await writeChart(
    join(folder, 'predictions'),
    await scatterChart('Predicted and true values', 'true', 'predicted', groups)
  )
  const error = (i: number): number =>
    Math.max(...row(values, i).map((value, output) => Math.abs(value - row(predictions.data, i)[output]!)))
  const worst = rows.map((_, i) => i).sort((a, b) => error(b) - error(a))
  const show = (numbers: number[]): string => numbers.map((value) => Number(value.toPrecision(3))).join(', ')
  const title = (i: number): string[] => [show(row(values, i)), `as ${show(row(predictions.data, i))}`]
  const shown = Math.min(WORST, rows.length)
  const caption = `The largest errors, ${shown} of ${rows.length}: true value, predicted value`
  const sheet = await errorSheet(dataset, split, worst, title, caption)
  await writeAtomic(join(folder, 'worst-errors.png'), sheet)
  const files = ['metrics.json', 'predictions.csv', 'predictions.svg', 'predictions.png', 'worst-errors.png']
  return files.map((name) => join(folder, name))
}
