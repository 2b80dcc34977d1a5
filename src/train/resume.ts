import { LrpError } from '../core/errors.js'
import { removeLeftovers } from '../core/files.js'
import { optionError, withoutUndefined } from '../core/options.js'
import { counted } from '../core/plural.js'
import { openExperiment, type Experiment } from '../experiment/experiment.js'
import { loadModelParts } from '../model/load.js'
import { hasCheckpoint, readCheckpoint, type Checkpoint } from './checkpoint.js'
import { checkSame, withWholePaths } from './experiment.js'
import type { Job } from './job.js'
import type { TrainOptions } from './options.js'
import { openTrainData, prepare, startOf, type Plan, type Start } from './prepare.js'
import { checkSettings, settingsSchema, type TrainSettings } from './settings.js'

/**
 * A stopped run as it was: from its last checkpoint, or from its beginning if it was killed before the first.
 * @param command that is to continue it
 * @throws LrpError INVALID_ARGUMENT for another data set, a setting that cannot change, a run of another command, or one
 * that is still running
 */
export async function resumeRun(
  name: string,
  command: Plan['name'],
  options: TrainOptions
): Promise<{ job: Job; start: Start }> {
  const experiment = await openStopped(name, command, options)
  try {
    const plan = experiment.manifest.command as unknown as Plan
    const settings = storedSettings(experiment, options)
    const checkpoint = hasCheckpoint(experiment) ? await readCheckpoint(experiment) : undefined
    if (checkpoint && settings.epochs < checkpoint.history.length)
      throw optionError(
        'epochs',
        `: ${experiment.name} has ${counted(checkpoint.history.length, 'epoch')} behind it, ask for more`
      )
    const start = checkpoint
      ? await savedStart(experiment, checkpoint, settings, options)
      : await startOf(settings, plan, options)
    checkSame(experiment, start.dataset)
    const { weights: _, ...from } = checkpoint?.snapshot ?? {}
    if (!options.group || options.group.rank === 0)
      await experiment.record({ command: { ...experiment.manifest.command, ...withWholePaths(settings) } })
    const stopped = checkpoint && { history: checkpoint.history, start: from as Job['start'] }
    return { job: { experiment, ...stopped, ...(await prepare(start, settings, plan, options)) }, start }
  } catch (error) {
    experiment.release()
    throw error
  }
}

/** The experiment, held by this process, without what a kill left half written. */
async function openStopped(name: string, command: Plan['name'], options: TrainOptions): Promise<Experiment> {
  const experiment = await openExperiment(name, options.experimentsRoot)
  if (options.experimentName !== undefined && options.experimentName !== experiment.name)
    throw optionError('experimentName', `: ${experiment.name} continues in its own folder, leave it out`)
  const began = String(experiment.manifest.command.name)
  if (began !== command) {
    const resume = `resume it with "lrp-native ${began} --resume"`
    throw new LrpError('INVALID_ARGUMENT', `${experiment.name} was begun by ${began}: ${resume}`)
  }
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

/** What may change when a run is resumed: none of it changes a step that was taken. */
const MAY_CHANGE = ['epochs', 'dataPath', 'cache', 'threads', 'tensorboard', 'checkpointSeconds'] as const

/**
 * Settings of a stopped experiment, some of which may be others now.
 * @throws LrpError INVALID_ARGUMENT naming a given one that is another, but must not be
 */
function storedSettings(experiment: Experiment, options: TrainOptions): TrainSettings {
  const { name, manifest } = experiment
  const data = typeof options.data === 'object' ? undefined : options.data
  const asked: Record<string, unknown> = withoutUndefined(withWholePaths({ ...options, data }))
  const changes = Object.fromEntries(MAY_CHANGE.filter((key) => key in asked).map((key) => [key, asked[key]]))
  const settings = checkSettings({ ...manifest.command, ...changes }, 'experiment.json')
  const known: Record<string, unknown> = settings
  const wanted: Record<string, unknown> = checkSettings({ ...settings, ...asked })
  const other = Object.keys(settingsSchema.shape).find(
    (key) => key in asked && JSON.stringify(wanted[key]) !== JSON.stringify(known[key])
  )
  if (other === undefined) return settings
  const was = JSON.stringify(known[other]) ?? 'not given'
  throw optionError(other, ` cannot change when resuming ${name} (it was ${was})`)
}
