import { LrpError } from '../core/errors.js'
import { probabilities as probabilitiesOf, twoClasses } from '../core/logits.js'
import { counted } from '../core/plural.js'
import type { Tensor } from '../core/tensor.js'
import type { Dataset, SplitName } from '../data/dataset.js'
import type { Model } from '../model/model.js'
import { provenanceOf } from '../model/provenance.js'
import { barChart, confusionChart, lineChart } from '../plot/chart.js'
import { ResultFolder } from '../plot/result-folder.js'
import { classificationMetrics, guessesOf, type ClassificationMetrics } from './classification.js'
import { precisionRecall } from './multilabel.js'
import type { TestOptions } from './options.js'
import { headOf, outputsOn, writes, type SplitOutputs, type SplitResult } from './split-outputs.js'
import { refuseThresholds, thresholdsFor } from './thresholds.js'
import { errorSheet, WORST } from './error-sheet.js'

/** Return value of `testClassifier`: metrics, throughput, and the logits of every image. */
export interface ClassificationResult extends SplitResult {
  /** Scores over all images. */
  metrics: ClassificationMetrics
  /** Logits [images, classes], or [images, 1] for a single logit. */
  logits: Tensor
  /** True class of each image, as the number of the model's output. */
  labels: Int32Array
}

/**
 * Classifies the images of a split and computes the scores. For a single logit, a positive value means the second
 * class.
 * @throws LrpError INVALID_ARGUMENT if the images do not fit the model, or the model predicts values
 */
export async function testClassifier(model: Model, options: TestOptions = {}): Promise<ClassificationResult> {
  if (model.task === 'regression')
    throw new LrpError(
      'INVALID_ARGUMENT',
      'testClassifier cannot score a model that predicts values: use testRegression'
    )
  return scoreClasses(model, await outputsOn(model, options), options)
}

/** Scores outputs on a split that are there already. */
export async function scoreClasses(
  model: Model,
  { dataset, split, outputs: logits, imagesPerSecond }: SplitOutputs,
  options: TestOptions
): Promise<ClassificationResult> {
  const { labels } = dataset.splits[split]
  const { name, classes } = dataset
  if (classes.length === 1)
    throw new LrpError(
      'INVALID_ARGUMENT',
      `the data set ${name} has only one class (${classes[0]}), so its accuracy would be meaningless`
    )
  refuseThresholds(options, logits)
  const [threshold] = logits.shape[1] === 1 ? await thresholdsFor(model, 1, options) : [0.5]
  const multilabel = model.outputKind(logits.shape[1]!) === 'multilabel'
  const metrics = classificationMetrics(logits, labels, dataset.classes, multilabel, threshold)
  const { skipped, notes } = dataset
  const provenance = await provenanceOf(model)
  const probabilities = probabilitiesOf(twoClasses(logits), multilabel)
  const result = { metrics, imagesPerSecond, logits, labels, skipped, notes, files: [] as string[], provenance }
  if (writes(options)) {
    const head = headOf(dataset, options, result)
    result.files = await writeResult(options.output!, dataset, split, { ...result, probabilities }, head)
  }
  return result
}

/**
 * metrics.json, confusion.csv, predictions.csv, charts and a sheet of the worst errors.
 * @returns the files that were written
 */
async function writeResult(
  folder: string,
  dataset: Dataset,
  split: SplitName,
  result: ClassificationResult & { probabilities: Float64Array },
  head: object
): Promise<string[]> {
  const out = new ResultFolder(folder)
  const { metrics, labels, probabilities } = result
  const { classes } = dataset
  const guesses = guessesOf(result.logits, metrics.threshold)
  const confusion = [['true \\ predicted', ...classes], ...metrics.confusion.map((row, i) => [classes[i]!, ...row])]
  const predictions = Array.from(labels, (label, i) => {
    const own = Array.from(probabilities.subarray(i * classes.length, (i + 1) * classes.length), (p) => p.toFixed(6))
    const image = dataset.splits[split].paths?.[i] ?? i
    return [image, classes[label]!, classes[guesses[i]!]!, own[guesses[i]!]!, ...own]
  })
  await out.json('metrics.json', { ...head, ...metrics })
  await out.csv('confusion.csv', confusion)
  await out.csv('predictions.csv', [
    ['image', 'true', 'predicted', 'confidence', ...classes.map((name) => `probability ${name}`)],
    ...predictions
  ])
  await out.chart('confusion', confusionChart(metrics.confusion, classes))
  await writeCurve(out, result)
  const accuracy = metrics.perClass.map((score) => score.recall)
  await out.chart('per-class', barChart('Accuracy per class', 'accuracy', classes, accuracy, { min: 0, max: 1 }))
  const sheet = await worstErrors(dataset, split, labels, guesses, probabilities)
  if (sheet) await out.write('worst-errors.png', sheet)
  return out.files
}

/** For two classes: the precision-recall curve of the second. */
async function writeCurve(
  out: ResultFolder,
  { metrics, labels, probabilities }: ClassificationResult & { probabilities: Float64Array }
): Promise<void> {
  if (metrics.perClass.length !== 2) return
  const scores = probabilities.filter((_, i) => i % 2 === 1)
  const line = { name: metrics.perClass[1]!.name, points: precisionRecall(scores, labels) }
  if (line.points.length === 0) return
  const title = `Precision-recall curve of ${line.name}`
  await out.chart('precision-recall', lineChart(title, 'recall', 'precision', [line], { min: 0, max: 1 }))
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
  const title = (i: number): string[] => [
    classes[labels[i]!]!,
    `as ${classes[guesses[i]!]}`,
    `${(confidence(i) * 100).toFixed(0)} %`
  ]
  const shown = Math.min(WORST, wrong.length)
  const caption = `The ${shown} most confident of ${counted(wrong.length, 'error')}: true class, predicted class, confidence`
  return errorSheet(dataset, split, wrong, title, caption)
}
