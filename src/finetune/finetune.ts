import { checkOptions, withoutUndefined } from '../core/options.js'
import { newestExperiment } from '../experiment/experiment.js'
import { ownData } from '../data/for-model.js'
import type { LoadedModel } from '../model/load.js'
import { loadStart, settingsOf } from '../train/prepare.js'
import { checkTrainEffects } from '../train/settings.js'
import { resumeAndTest, trainAndTest, type TrainResult } from '../train/train.js'
import { finetuneOptions, type FinetuneOptions } from './options.js'

/** The images that a model's experiment was trained on, unless others are named: split as they were, without those it left out. */
function ownImages(loaded: LoadedModel, given: FinetuneOptions): Partial<FinetuneOptions> {
  const { data, dataPath, validSplit, testSplit, splitSeed, imageSize, channels } = ownData(loaded, given)
  const isNamed = given.data !== undefined || given.dataPath !== undefined
  const exclude = isNamed ? undefined : (loaded.experiment?.manifest.command.exclude as FinetuneOptions['exclude'])
  return withoutUndefined({ data, dataPath, validSplit, testSplit, splitSeed, imageSize, channels, exclude })
}

/**
 * Continues the training of a model: `train` with a head that fits the data set and, in the mode `last-layer`, frozen layers
 * below it. Task and images are the model's own unless others are given. Random changes of the images need the frozen layers' outputs
 * again in every epoch.
 * @throws LrpError as `train`; UNSUPPORTED when the network does not end in a linear layer
 */
export async function finetune(options: FinetuneOptions = {}): Promise<TrainResult> {
  checkOptions(finetuneOptions, options)
  const { model, ...given } = withoutUndefined(options)
  if (given.resume !== undefined) return resumeAndTest(given.resume, 'finetune', { ...given, from: model })
  const from = model ?? (await newestExperiment(given.experimentsRoot)).folder
  const loaded = await loadStart(from, given)
  const { mode = 'last-layer', newHead = false, task = loaded.parts.task } = given
  const defaults = { epochs: 10, learningRate: mode === 'whole' ? 5e-4 : 2e-3 }
  const images = typeof given.data === 'object' ? {} : ownImages(loaded, given)
  const settings = settingsOf({ ...defaults, ...images, ...given, task, mode, newHead, from })
  checkTrainEffects(given, settings)
  return trainAndTest(settings, given, loaded.parts)
}
