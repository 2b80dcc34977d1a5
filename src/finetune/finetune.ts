import { LrpError } from '../core/errors.js'
import { checkNames } from '../core/options.js'
import type { LoadOptions } from '../model/options.js'
import { checkEffects } from '../train/effects.js'
import { TRAIN_NAMES, type TrainOptions } from '../train/options.js'
import { loadStart, settingsOf, type Plan } from '../train/prepare.js'
import { resumeAndTest, trainAndTest, type TrainResult } from '../train/train.js'

export const FINETUNE_MODES = ['last-layer', 'whole'] as const
export type FinetuneMode = (typeof FINETUNE_MODES)[number]

export interface FinetuneOptions extends Omit<
  TrainOptions,
  'from' | 'model' | 'hiddenSize' | 'activation' | 'normalise' | 'load'
> {
  /** Experiment or model file to start from. */
  model?: string
  /** How the model is loaded. */
  load?: Omit<LoadOptions, 'experimentsRoot'>
  /** `last-layer` (default): the other layers are frozen, and their outputs computed once; `whole`: every weight is trained. */
  mode?: FinetuneMode
  /** A new last layer even where the classes are the model's own, or the values as many. Others always get one. */
  newHead?: boolean
}

/** A model that is there has its layers and its normalisation. */
const { from: _from, hiddenSize: _size, activation: _activation, normalise: _normalise, ...KEPT } = TRAIN_NAMES
const NAMES: Record<keyof FinetuneOptions, true> = { ...KEPT, mode: true, newHead: true }

/**
 * Continues the training of a model: `train` with a head that fits the data set and, in the mode `last-layer`, frozen layers
 * below it. The task is the model's own unless another is given. Random changes of the images need the frozen layers' outputs
 * again in every epoch.
 * @throws LrpError as `train`; UNSUPPORTED when the network does not end in a linear layer
 */
export async function finetune(options: FinetuneOptions): Promise<TrainResult> {
  checkNames(options, NAMES)
  const { model: from, resume, mode = 'last-layer', newHead = false, load = {}, ...rest } = options
  if (resume !== undefined) return resumeAndTest(resume, 'finetune', rest)
  if (!FINETUNE_MODES.includes(mode))
    throw new LrpError('INVALID_ARGUMENT', `there is no mode '${String(mode)}': last-layer, whole`)
  if (from === undefined) throw new LrpError('INVALID_ARGUMENT', "finetune needs 'model': what to start from")
  const loaded = await loadStart(from, options)
  const { task = loaded.task } = options
  const defaults = { epochs: 10, learningRate: mode === 'whole' ? 5e-4 : 2e-3 }
  const settings = settingsOf({ ...defaults, ...rest, task, from })
  checkEffects(options, settings)
  const plan: Plan = { name: 'finetune', mode, newHead, load }
  return trainAndTest(settings, plan, rest, loaded)
}
