import { LrpError } from '../core/errors.js'
import { checkOptions } from '../core/options.js'
import type { Dataset } from '../data/dataset.js'
import type { ModelParts } from '../core/graph.js'
import { testClassifier, type ClassificationResult } from '../scores/test-classifier.js'
import { testMultilabel, type MultilabelResult } from '../scores/test-multilabel.js'
import { testRegression, type RegressionResult } from '../scores/test-regression.js'
import { beginExperiment } from './experiment.js'
import { runJob, type Job, type RunResult } from './job.js'
import { trainOptions, type TrainOptions } from './options.js'
import { prepare, settingsOf, startOf } from './prepare.js'
import { resumeRun, type ResumeOptions } from './resume.js'
import { checkTrainEffects, type TrainSettings } from './settings.js'

export { LOSSES, OPTIMIZERS, PRECISIONS, SCHEDULERS, type TrainOptions } from './options.js'

/** Return value of `train` and `finetune`: the best model, its experiment, and the history of the epochs. */
export interface TrainResult extends RunResult {
  /**
   * Scores of the best model on the test split. Undefined if this split is empty or contains only one class, if the run
   * was stopped, or if `test` is false.
   */
  test?: ClassificationResult
  /** For a regression, its scores instead of `test`. */
  testRegression?: RegressionResult
  /** For independent classes, their scores instead of `test`. */
  testMultilabel?: MultilabelResult
}

/**
 * Trains a classifier, or a regression, and writes its experiment folder: settings, best weights, last checkpoint, history,
 * charts, and in test/ the scores on the test split. The same seed on the same machine gives bit-identical weights on the CPU.
 * An abort ends it after the batch at hand; what is done is saved.
 * @throws LrpError INVALID_ARGUMENT, NOT_FOUND, INVALID_FILE, IO, NUMERIC (a loss that is not finite)
 */
export async function train(options: TrainOptions = {}): Promise<TrainResult> {
  checkOptions(trainOptions, options)
  if (options.resume === undefined) checkTrainEffects(options, settingsOf(options))
  return trainWith(options)
}

/** `train` with settings of which some may have no effect: those of a trial of a search. */
export async function trainWith(options: TrainOptions): Promise<TrainResult> {
  if (options.resume !== undefined) return resumeAndTest(options.resume, 'train', options)
  return trainAndTest(settingsOf(options), options)
}

/** A run from its beginning. The folder is made when nothing can prevent the run any more. */
export async function trainAndTest(
  settings: TrainSettings,
  options: TrainOptions,
  loaded?: ModelParts
): Promise<TrainResult> {
  const start = await startOf(settings, options, loaded)
  const job = await prepare(start, settings, options)
  let experiment
  try {
    checkPrecision(job)
    experiment = await beginExperiment(start, settings, options)
  } catch (error) {
    job.model.dispose()
    throw error
  }
  return runAndTest({ ...job, experiment }, start.dataset, options)
}

/** A stopped run to its end. */
export async function resumeAndTest(
  name: string,
  command: 'train' | 'finetune',
  options: ResumeOptions
): Promise<TrainResult> {
  const { job, start } = await resumeRun(name, command, options)
  return runAndTest(job, start.dataset, options)
}

/** Images per pass of the test, unless training takes fewer. */
const MOST_TESTED = 256

async function runAndTest(job: Job, dataset: Dataset, options: TrainOptions): Promise<TrainResult> {
  const { experiment } = job
  try {
    options.onExperiment?.(experiment)
    const result = await runJob(job)
    const { model, completed } = result
    const { splits, classes, task = 'classification' } = dataset
    const isTested = splits.test.labels.length > 0 && (task !== 'classification' || classes.length > 1)
    if (options.test === false || !completed || !isTested) return result
    const { group, signal } = options
    const batchSize = Math.min(MOST_TESTED, job.options.batchSize)
    const asked = { data: dataset, output: experiment.path('test'), batchSize, group, signal }
    if (model.task === 'regression') return { ...result, testRegression: await testRegression(model, asked) }
    if (model.multilabel) return { ...result, testMultilabel: await testMultilabel(model, asked) }
    return { ...result, test: await testClassifier(model, asked) }
  } finally {
    experiment.release()
  }
}

/** @throws LrpError UNSUPPORTED */
function checkPrecision({ options, model }: Omit<Job, 'experiment'>): void {
  if (options.precision !== 'fp16' || model.device !== 'cpu') return
  throw new LrpError('UNSUPPORTED', 'precision fp16 needs a CUDA device: use fp32 or bf16 on the CPU')
}
