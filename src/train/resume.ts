import { removeLeftovers } from '../core/files.js'
import { optionError } from '../core/options.js'
import { counted } from '../core/plural.js'
import { openExperiment, type Experiment } from '../experiment/experiment.js'
import { loadModelParts } from '../model/load.js'
import { hasCheckpoint, readCheckpoint, type Checkpoint } from './checkpoint.js'
import { checkContinues, checkSame } from './experiment.js'
import type { Job } from './job.js'
import type { GivenSettings, TrainOptions } from './options.js'
import { openTrainData, prepare, startOf, type Start } from './prepare.js'
import { recordedCommand, resumedSettings, type TrainSettings } from './settings.js'

/** What may be given where a run is resumed; `mode` and `newHead` are those of fine-tuning. */
export type ResumeOptions = TrainOptions & Pick<GivenSettings, 'mode' | 'newHead'>

/**
 * A stopped run as it was: from its last checkpoint, or from its beginning if it was killed before the first.
 * @param command that is to continue it
 * @throws LrpError INVALID_ARGUMENT for another data set, a setting that cannot change, a run of another command, or one
 * that is still running
 */
export async function resumeRun(
  name: string,
  command: 'train' | 'finetune',
  options: ResumeOptions
): Promise<{ job: Job; start: Start }> {
  const experiment = await openStopped(name, command, options)
  try {
    const settings = resumedSettings(experiment, options)
    const checkpoint = hasCheckpoint(experiment) ? await readCheckpoint(experiment) : undefined
    if (checkpoint && settings.epochs < checkpoint.history.length)
      throw optionError(
        'epochs',
        ` must be larger than the ${counted(checkpoint.history.length, 'epoch')} that ${experiment.name} already has`
      )
    const start = checkpoint
      ? await savedStart(experiment, checkpoint, settings, options)
      : await startOf(settings, options)
    checkSame(experiment, start.dataset)
    const { weights: _, ...from } = checkpoint?.snapshot ?? {}
    if (!options.group || options.group.rank === 0)
      await experiment.record({ command: { ...experiment.manifest.command, ...recordedCommand(settings) } })
    const stopped = checkpoint && { history: checkpoint.history, start: from as Job['start'] }
    return { job: { experiment, ...stopped, ...(await prepare(start, settings, options)) }, start }
  } catch (error) {
    experiment.release()
    throw error
  }
}

/** The experiment, held by this process, without what a kill left half written. */
async function openStopped(name: string, command: string, options: TrainOptions): Promise<Experiment> {
  const experiment = await openExperiment(name, options.experimentsRoot)
  checkContinues(experiment, command, options)
  if (options.group && options.group.rank > 0) return experiment
  experiment.hold()
  for (const folder of [experiment.folder, experiment.path('checkpoints')]) await removeLeftovers(folder)
  return experiment
}

/** The experiment's own model with the weights of its last checkpoint. */
async function savedStart(
  experiment: Experiment,
  { snapshot }: Checkpoint,
  settings: TrainSettings,
  options: TrainOptions
): Promise<Start> {
  const saved = await loadModelParts(experiment.folder)
  const tensors = new Map([...saved.tensors, ...Object.entries(snapshot.weights)])
  return { parts: { ...saved, tensors }, dataset: await openTrainData(settings, options, saved.preprocessing) }
}
