import { z } from 'zod'
import { loadImages, type Dataset, type SplitName } from '../data/dataset.js'
import { asked, type Asked } from '../core/command-line.js'
import { IMAGE_SETTINGS } from '../explain/settings.js'
import { imageSheet } from '../data/image-sheet.js'
import { batchFor, shareOfImages, type ProcessGroup } from '../distributed/process-group.js'
import { fitTo, openFor } from '../data/for-model.js'
import { DATA_NAMES, type DataOptions } from '../data/open.js'
import { LrpError } from '../core/errors.js'
import { makeFolder, writeAtomic } from '../core/files.js'
import { normaliseBytes } from '../model/preprocessing.js'
import type { Model } from '../model/model.js'
import { checkNames, checkOptions } from '../core/options.js'
import { barChart, confusionChart, writeChart } from '../plot/chart.js'
import { counted } from '../core/plural.js'
import { type Tensor } from '../core/tensor.js'
import { argmax, softmax } from '../core/logits.js'
import { classificationMetrics, type ClassificationMetrics } from './classification.js'
import { join } from 'node:path'

export interface TestOptions extends Omit<DataOptions, 'data'> {
  data?: string | Dataset
  split?: SplitName
  limit?: number
  batchSize?: number
  /** Folder for metrics.json, confusion.csv, predictions.csv and charts; nothing is written without it. */
  output?: string
  /** Processes that each take a share of the images (`joinProcessGroup`); all have the result, rank 0 writes it. */
  group?: ProcessGroup
  onProgress?: (done: number, total: number) => void
  signal?: AbortSignal
}

const NAMES: Record<keyof TestOptions, true> = {
  ...DATA_NAMES,
  split: true,
  limit: true,
  batchSize: true,
  output: true,
  group: true,
  onProgress: true,
  signal: true
}

export interface TestResult {
  metrics: ClassificationMetrics
  /** Images per second of the forward passes, the first batch (warm-up) left out. */
  imagesPerSecond: number
  logits: Tensor
  /** Numbers of the model's outputs. */
  labels: Int32Array
  /** Images that could not be read and were left out. */
  skipped: string[]
  /** Files written, if any. */
  files: string[]
}

/** Pictures on a sheet of errors. */
export const WORST = 20

const schema = z.object({
  split: z.enum(['train', 'valid', 'test']).optional(),
  limit: z.int().positive().optional(),
  batchSize: z.int().positive().optional()
})

/**
 * Classifies a split and scores it.
 * @throws LrpError INVALID_ARGUMENT when images and model do not fit together, or the model predicts values (`testRegression`)
 */
export async function test(model: Model, options: TestOptions = {}): Promise<TestResult> {
  if (model.task === 'regression')
    throw new LrpError('INVALID_ARGUMENT', 'the model predicts values: testRegression scores it')
  const { dataset, split, outputs: logits, imagesPerSecond } = await outputsOn(model, options)
  const { labels } = dataset.splits[split]
  const metrics = classificationMetrics(logits, labels, dataset.classes)
  const { skipped } = dataset
  const result = { metrics, imagesPerSecond, logits, labels, skipped, files: [] as string[] }
  if (writes(options)) result.files = await writeResult(options.output!, dataset, split, result, askedOf(options))
  return result
}

/** A network's outputs on a split. */
export interface SplitOutputs {
  /** With the images that were taken. */
  dataset: Dataset
  split: SplitName
  /** [images, outputs] */
  outputs: Tensor
  imagesPerSecond: number
}

/** @throws LrpError INVALID_ARGUMENT when images and model do not fit together */
export async function outputsOn(model: Model, options: TestOptions): Promise<SplitOutputs> {
  checkNames(options, NAMES)
  const { split = 'test', batchSize: given } = checkOptions(schema, options)
  const opened = typeof options.data === 'object' ? options.data : await openFor(model, options)
  const dataset = await fitTo(model, opened, split, options.limit)
  const total = dataset.splits[split].labels.length
  const batchSize = given ?? batchFor(256, total, options.group)
  return { dataset, split, ...(await forward(model, dataset, split, total, batchSize, options)) }
}

/** Of several processes one writes. */
export function writes({ output, group }: TestOptions): boolean {
  return output !== undefined && (group?.rank ?? 0) === 0
}

async function forward(
  model: Model,
  dataset: Dataset,
  split: SplitName,
  total: number,
  batchSize: number,
  options: TestOptions
): Promise<{ outputs: Tensor; imagesPerSecond: number }> {
  const { group } = options
  const [first, last] = shareOfImages(total, batchSize, group)
  const parts: Tensor[] = []
  let seconds = 0
  let timed = 0
  for (let from = first; from < last; from += batchSize) {
    const to = Math.min(last, from + batchSize)
    const { bytes, shape } = await loadImages(dataset, split, from, to)
    const input = normaliseBytes(bytes, shape, model.preprocessing!)
    const begun = performance.now()
    parts.push(await model.forward(input, { signal: options.signal }))
    if (from > first || to === last) {
      seconds += (performance.now() - begun) / 1000
      timed += to - from
    }
    options.onProgress?.(to - first, last - first)
  }
  const own = { parts, seconds, timed }
  const all = group ? await group.gather(own) : [own]
  const outputs = joinRows(all.flatMap((one) => one.parts))
  const slowest = Math.max(...all.map((one) => one.seconds))
  return { outputs, imagesPerSecond: all.reduce((sum, one) => sum + one.timed, 0) / slowest }
}

function joinRows(parts: Tensor[]): Tensor {
  const classes = parts[0]!.shape[1]!
  const data = new Float32Array(parts.reduce((sum, part) => sum + part.data.length, 0))
  let at = 0
  for (const part of parts) {
    data.set(part.data, at)
    at += part.data.length
  }
  return { data, shape: [data.length / classes, classes] }
}

/** What a test was asked for, for the report. */
export function askedOf(options: TestOptions): Asked {
  return asked(options, [...IMAGE_SETTINGS, 'batchSize'])
}

async function writeResult(
  folder: string,
  dataset: Dataset,
  split: SplitName,
  result: TestResult,
  settings: Asked
): Promise<string[]> {
  await makeFolder(folder)
  const { metrics, logits, labels } = result
  const { classes } = dataset
  const probabilities = softmax(logits)
  const guesses = argmax(logits)
  const json = {
    data: dataset.name,
    split,
    settings,
    imagesPerSecond: result.imagesPerSecond,
    skipped: dataset.skipped,
    ...metrics
  }
  const confusion = [['true \\ predicted', ...classes], ...metrics.confusion.map((row, i) => [classes[i]!, ...row])]
  const predictions = Array.from(labels, (label, i) => {
    const confidence = probabilities[i * classes.length + guesses[i]!]!
    return [dataset.splits[split].paths?.[i] ?? i, classes[label]!, classes[guesses[i]!]!, confidence.toFixed(6)]
  })
  const texts: Record<string, string> = {
    'metrics.json': JSON.stringify(json, null, 2) + '\n',
    'confusion.csv': toCsv(confusion),
    'predictions.csv': toCsv([['image', 'true', 'predicted', 'confidence'], ...predictions])
  }
  for (const [name, text] of Object.entries(texts)) await writeAtomic(join(folder, name), text)
  await writeChart(join(folder, 'confusion'), await confusionChart(metrics.confusion, classes))
  const accuracy = metrics.perClass.map((score) => score.recall)
  await writeChart(
    join(folder, 'per-class'),
    await barChart('Accuracy per class', 'accuracy', classes, accuracy, { min: 0, max: 1 })
  )
  const sheet = await worstErrors(dataset, split, labels, guesses, probabilities)
  if (sheet) await writeAtomic(join(folder, 'worst-errors.png'), sheet)
  const charts = [
    'confusion.svg',
    'confusion.png',
    'per-class.svg',
    'per-class.png',
    ...(sheet ? ['worst-errors.png'] : [])
  ]
  return [...Object.keys(texts), ...charts].map((name) => join(folder, name))
}

/** The wrong guesses the model was surest of. */
async function worstErrors(
  dataset: Dataset,
  split: SplitName,
  labels: Int32Array,
  guesses: Int32Array,
  probabilities: Float64Array
): Promise<Buffer | undefined> {
  const { classes } = dataset
  const confidence = (i: number): number => probabilities[i * classes.length + guesses[i]!]!
  const wrong = Array.from(labels.keys())
    .filter((i) => guesses[i] !== labels[i])
    .sort((a, b) => confidence(b) - confidence(a))
  if (wrong.length === 0) return undefined
  const images = wrong.slice(0, WORST).map((index) => ({
    index,
    title: `${classes[labels[index]!]} as ${classes[guesses[index]!]}, ${(confidence(index) * 100).toFixed(0)} %`
  }))
  const caption = `The ${images.length} surest of ${counted(wrong.length, 'error')}: true class, predicted class, confidence`
  return imageSheet(dataset, split, images, caption, { columns: 5, size: 120 })
}

/** Rows as CSV; cells with commas or quotes are quoted. */
export function toCsv(rows: (string | number)[][]): string {
  const cell = (value: string | number): string =>
    /[",\n]/.test(String(value)) ? `"${String(value).replace(/"/g, '""')}"` : String(value)
  return rows.map((row) => row.map(cell).join(',')).join('\n') + '\n'
}
