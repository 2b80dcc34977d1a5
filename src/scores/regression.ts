import { join } from 'node:path'
import type { Asked } from '../core/command-line.js'
import type { Dataset, SplitName } from '../data/dataset.js'
import { imageSheet } from '../data/image-sheet.js'
import { LrpError } from '../core/errors.js'
import { makeFolder, writeAtomic } from '../core/files.js'
import type { Model } from '../model/model.js'
import { scatterChart, writeChart } from '../plot/chart.js'
import type { Tensor } from '../core/tensor.js'
import { askedOf, outputsOn, toCsv, WORST, writes, type TestOptions } from './test-model.js'

/** How well values are predicted. */
export interface ValueScore {
  /** Coefficient of determination: 1 is perfect, 0 as good as the mean; of constant values 1 when all are hit, else 0. */
  r2: number
  /** Mean absolute error. */
  mae: number
  /** Root of the mean squared error. */
  rmse: number
}

/** Means over the outputs, as scikit-learn's `uniform_average`. */
export interface RegressionMetrics extends ValueScore {
  images: number
  perOutput: ({ name: string } & ValueScore)[]
}

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
}

/**
 * Scores predicted values, [images, outputs] row-major.
 * @param names of the outputs
 */
export function regressionMetrics(
  predictions: ArrayLike<number>,
  values: ArrayLike<number>,
  names: string[]
): RegressionMetrics {
  const images = values.length / names.length
  const perOutput = names.map((name, output) => {
    const column = (from: ArrayLike<number>): number[] =>
      Array.from({ length: images }, (_, i) => from[i * names.length + output]!)
    return { name, ...scoreOf(column(predictions), column(values)) }
  })
  const mean = (key: keyof ValueScore): number => perOutput.reduce((sum, one) => sum + one[key], 0) / names.length
  return { images, r2: mean('r2'), mae: mean('mae'), rmse: mean('rmse'), perOutput }
}

function scoreOf(predictions: number[], values: number[]): ValueScore {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length
  let [absolute, squared, spread] = [0, 0, 0]
  values.forEach((value, i) => {
    const error = predictions[i]! - value
    absolute += Math.abs(error)
    squared += error * error
    spread += (value - mean) ** 2
  })
  const r2 = spread > 0 ? 1 - squared / spread : Number(squared === 0)
  return { r2, mae: absolute / values.length, rmse: Math.sqrt(squared / values.length) }
}

/** Predicts the values of a split and scores them. @throws LrpError INVALID_ARGUMENT, as for a model of classes */
export async function testRegression(model: Model, options: TestOptions = {}): Promise<RegressionResult> {
  if (model.task !== 'regression')
    throw new LrpError('INVALID_ARGUMENT', 'the model tells classes apart: test scores it')
  const { dataset, split, outputs, imagesPerSecond } = await outputsOn(model, options)
  const values = dataset.splits[split].values!
  const metrics = regressionMetrics(outputs.data, values, dataset.classes)
  const { skipped } = dataset
  const result = { metrics, imagesPerSecond, predictions: outputs, values, skipped, files: [] as string[] }
  if (writes(options)) result.files = await writeResult(options.output!, dataset, split, result, askedOf(options))
  return result
}

async function writeResult(
  folder: string,
  dataset: Dataset,
  split: SplitName,
  { metrics, imagesPerSecond, predictions, values }: RegressionResult,
  settings: Asked
): Promise<string[]> {
  await makeFolder(folder)
  const names = dataset.classes
  const head = { task: 'regression', data: dataset.name, split, settings, imagesPerSecond, skipped: dataset.skipped }
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
  const images = worst.slice(0, WORST).map((index) => ({
    index,
    title: `${show(row(values, index))} as ${show(row(predictions.data, index))}`
  }))
  const caption = `The largest errors, ${images.length} of ${rows.length}: true value, predicted value`
  const sheet = await imageSheet(dataset, split, images, caption, { columns: 5, size: 120 })
  await writeAtomic(join(folder, 'worst-errors.png'), sheet)
  const files = ['metrics.json', 'predictions.csv', 'predictions.svg', 'predictions.png', 'worst-errors.png']
  return files.map((name) => join(folder, name))
}
