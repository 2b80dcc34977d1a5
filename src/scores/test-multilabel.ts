import { LrpError } from '../core/errors.js'
import { probabilities as probabilitiesOf } from '../core/logits.js'
import { counted } from '../core/plural.js'
import type { Tensor } from '../core/tensor.js'
import type { Dataset, SplitName } from '../data/dataset.js'
import type { Model } from '../model/model.js'
import { provenanceOf } from '../model/provenance.js'
import { barChart, lineChart, type Chart } from '../plot/chart.js'
import { ResultFolder } from '../plot/result-folder.js'
import { errorSheet, WORST } from './error-sheet.js'
import { multilabelMetrics, precisionRecall, type LabelScore, type MultilabelMetrics } from './multilabel.js'
import type { TestOptions } from './options.js'
import { headOf, outputsOn, writes, type SplitOutputs, type SplitResult } from './split-outputs.js'
import { thresholdsFor } from './thresholds.js'

/** Return value of `testMultilabel`. */
export interface MultilabelResult extends SplitResult {
  /** Scores over all images and labels. */
  metrics: MultilabelMetrics
  /** Logits, [images, labels]. */
  logits: Tensor
  /** True labels [images, labels], each 0 or 1. */
  values: Float32Array
}

/** Labels whose curves fit one chart. */
const MOST_CURVES = 10

/**
 * Predicts the labels of the images of a split, and computes the scores.
 * @throws LrpError INVALID_ARGUMENT as `testClassifier`
 */
export async function testMultilabel(model: Model, options: TestOptions = {}): Promise<MultilabelResult> {
  if (!model.multilabel)
    throw new LrpError(
      'INVALID_ARGUMENT',
      'testMultilabel cannot score a model whose classes exclude each other: use testClassifier'
    )
  return scoreLabels(model, await outputsOn(model, options), options)
}

/** Scores outputs on a split that are there already. */
export async function scoreLabels(
  model: Model,
  { dataset, split, outputs: logits, imagesPerSecond }: SplitOutputs,
  options: TestOptions
): Promise<MultilabelResult> {
  const { values } = dataset.splits[split]
  if (!values)
    throw new LrpError(
      'INVALID_ARGUMENT',
      `the data set ${dataset.name} has one class for each image, but a multilabel model needs several labels`
    )
  const thresholds = await thresholdsFor(model, dataset.classes.length, options)
  const metrics = multilabelMetrics(logits, values, dataset.classes, thresholds)
  const { skipped, notes } = dataset
  const provenance = await provenanceOf(model)
  const result = { metrics, imagesPerSecond, logits, values, skipped, notes, files: [] as string[], provenance }
  if (writes(options)) {
    const head = { task: 'multilabel', ...headOf(dataset, options, result) }
    result.files = await writeResult(options.output!, dataset, split, result, head)
  }
  return result
}

/** What a written result is made from. */
interface Written {
  dataset: Dataset
  split: SplitName
  result: MultilabelResult
  /** [images, labels] */
  probabilities: Float64Array
  isTrue: (image: number, label: number) => boolean
  /** The probability is above the label's threshold. */
  isGiven: (image: number, label: number) => boolean
}

/** @returns the files that were written */
async function writeResult(
  folder: string,
  dataset: Dataset,
  split: SplitName,
  result: MultilabelResult,
  head: object
): Promise<string[]> {
  const out = new ResultFolder(folder)
  const { metrics, logits, values } = result
  const { perLabel } = metrics
  const count = perLabel.length
  const probabilities = probabilitiesOf(logits, true)
  const written: Written = {
    dataset,
    split,
    result,
    probabilities,
    isTrue: (image, label) => values[image * count + label]! > 0.5,
    isGiven: (image, label) => probabilities[image * count + label]! > perLabel[label]!.threshold
  }
  await out.json('metrics.json', { ...head, ...metrics })
  await out.csv('labels.csv', labelTable(perLabel))
  await out.csv('predictions.csv', predictionTable(written))
  await out.chart('per-label', precisionChart(perLabel))
  await out.chart('precision-recall', curveChart(written))
  const sheet = await worstErrors(written)
  if (sheet) await out.write('worst-errors.png', sheet)
  return out.files
}

const COLUMNS = ['images', 'threshold', 'precision', 'recall', 'f1', 'averagePrecision', 'rocAuc'] as const

function labelTable(perLabel: LabelScore[]): (string | number)[][] {
  return [['label', ...COLUMNS], ...perLabel.map((one) => [one.name, ...COLUMNS.map((key) => one[key])])]
}

function predictionTable({ dataset, split, result, probabilities, isTrue, isGiven }: Written): (string | number)[][] {
  const { classes } = dataset
  const rows = Array.from({ length: result.metrics.images }, (_, image) => [
    dataset.splits[split].paths?.[image] ?? image,
    listed(classes, (label) => isTrue(image, label)),
    listed(classes, (label) => isGiven(image, label)),
    ...classes.map((_, label) => probabilities[image * classes.length + label]!.toFixed(6))
  ])
  return [['image', 'true', 'predicted', ...classes], ...rows]
}

const listed = (names: string[], has: (label: number) => boolean): string =>
  names.filter((_, label) => has(label)).join(';')

function precisionChart(perLabel: LabelScore[]): Promise<Chart> {
  const names = perLabel.map(({ name }) => name)
  const values = perLabel.map(({ averagePrecision }) => averagePrecision || 0)
  return barChart('Average precision per label', 'average precision', names, values, { min: 0, max: 1 })
}

/** Precision over recall; of many labels those with the lowest average precision. */
function curveChart({ result, probabilities }: Written): Promise<Chart> {
  const { metrics, values } = result
  const { perLabel, images } = metrics
  const column = (from: ArrayLike<number>, label: number): number[] =>
    Array.from({ length: images }, (_, image) => from[image * perLabel.length + label]!)
  const known = perLabel.map((one, label) => ({ ...one, label })).filter(({ images }) => images > 0)
  const weakest = known.toSorted((a, b) => a.averagePrecision - b.averagePrecision).slice(0, MOST_CURVES)
  const lines = weakest
    .toSorted((a, b) => a.label - b.label)
    .map(({ name, label }) => ({ name, points: precisionRecall(column(probabilities, label), column(values, label)) }))
  const which = lines.length < perLabel.length ? `, the ${lines.length} weakest labels` : ''
  return lineChart(`Precision-recall curves${which}`, 'recall', 'precision', lines, { min: 0, max: 1 })
}

/** The images with the surest wrong labels. */
async function worstErrors({
  dataset,
  split,
  result,
  probabilities,
  isTrue,
  isGiven
}: Written): Promise<Buffer | undefined> {
  const { classes } = dataset
  const sureness = (image: number): number =>
    Math.max(
      ...classes.map((_, label) => {
        if (isTrue(image, label) === isGiven(image, label)) return 0
        const p = probabilities[image * classes.length + label]!
        return isTrue(image, label) ? 1 - p : p
      })
    )
  const wrong = Array.from({ length: result.metrics.images }, (_, image) => image)
    .filter((image) => sureness(image) > 0)
    .sort((a, b) => sureness(b) - sureness(a))
  if (wrong.length === 0) return undefined
  const names = (has: (label: number) => boolean): string => listed(classes, has) || 'none'
  const title = (image: number): string[] => [
    names((label) => isTrue(image, label)),
    `as ${names((label) => isGiven(image, label))}`
  ]
  const shown = Math.min(WORST, wrong.length)
  const caption = `The ${shown} most confident of ${counted(wrong.length, 'image')} with wrong labels: true and predicted labels`
  return errorSheet(dataset, split, wrong, title, caption)
}
