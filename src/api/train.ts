/**
 * Training, fine-tuning, hyperparameter search, experiments.
 * @module lrp-native/train
 */
import { finetune as fineTuned } from '../finetune/finetune.js'
import type { FinetuneOptions } from '../finetune/options.js'
import { train as trained, type TrainOptions, type TrainResult } from '../train/train.js'
import { Model } from './model.js'

type WithModel<T> = Omit<T, 'model'> & { model: Model }

/**
 * Trains a network and writes its experiment folder (docs/training.md).
 * @throws LrpError INVALID_ARGUMENT, NOT_FOUND, NUMERIC (the loss is not finite), IO
 */
export async function train(options: TrainOptions = {}): Promise<WithModel<TrainResult>> {
  return withModel(await trained(options))
}

/**
 * Fine-tunes the last layer or all layers of a model, also for new classes (docs/training.md).
 * @throws LrpError as `train`
 */
export async function finetune(options: FinetuneOptions = {}): Promise<WithModel<TrainResult>> {
  return withModel(await fineTuned(options))
}

function withModel<T extends TrainResult>(result: T): WithModel<T> {
  return { ...result, model: Model.of(result.model, result.experiment) }
}

export { LOSSES, OPTIMIZERS, type TrainOptions, type TrainResult } from '../train/train.js'
export { FINETUNE_MODES } from '../train/options.js'
export type { FinetuneOptions } from '../finetune/options.js'
export { tune, type Measure, type Trial, type TuneResult } from '../tune/tune.js'
export type { GivenSpace, TuneOptions } from '../tune/options.js'
export type { BatchEvent, EpochEvent } from '../native/train-types.js'
export {
  createExperiment,
  Experiment,
  listExperiments,
  newestExperiment,
  openExperiment,
  type Manifest
} from '../experiment/experiment.js'
export { joinProcessGroup, ProcessGroup, ranksOf, type Ranks } from '../distributed/process-group.js'
export type { ProcessGroupOptions } from '../distributed/options.js'
