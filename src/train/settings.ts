import { existsSync } from 'node:fs'
import { resolve } from 'node:path'
import type { z } from 'zod'
import { LrpError } from '../core/errors.js'
import { checkContent, checkOptions, optionError, withoutUndefined } from '../core/options.js'
import { entriesOf, pickOptions } from '../core/option.js'
import { checkEffects, checkUnchanged } from '../core/option-effects.js'
import { unknownName } from '../core/suggest.js'
import type { Experiment } from '../experiment/experiment.js'
import { ARCHITECTURES } from '../model/architectures/index.js'
import { FOR_CLASSES, trainSettings, type GivenSettings, type TrainOptions } from './options.js'

type Checked = z.output<typeof trainSettings>
export type TrainSettings = Checked & { loss: NonNullable<Checked['loss']> }

/**
 * Settings that are whole: options, or what stands in a file.
 * @throws LrpError INVALID_ARGUMENT naming the option, with the nearest name for an unknown one
 */
export function checkSettings(options: unknown, file?: string): TrainSettings {
  const given = file === undefined ? checkOptions(trainSettings, options) : checkContent(trainSettings, options, file)
  const settings = { ...given, loss: given.loss ?? OWN_LOSS[given.task] }
  const { model } = settings
  if (typeof model === 'string' && !model.endsWith('.json') && !Object.hasOwn(ARCHITECTURES, model))
    throw unknownName('model', model, Object.keys(ARCHITECTURES), { option: 'model' })
  checkLoss(settings)
  return settings
}

const OWN_LOSS = {
  classification: 'cross-entropy',
  regression: 'mse',
  multilabel: 'binary-cross-entropy',
  binary: 'binary-cross-entropy'
} as const

/** Task and loss must go together; drawing classes equally often needs one class for each image. */
function checkLoss({ task, loss, classWeights, balancedSampling }: TrainSettings): void {
  const forValues = [...FOR_CLASSES, 'binary-cross-entropy'].includes(loss) || classWeights || balancedSampling
  if (task === 'regression' && forValues)
    throw new LrpError(
      'INVALID_ARGUMENT',
      'the task regression needs the loss mse, mae or huber, without class weights or balanced sampling'
    )
  if (task === 'classification' && loss === 'binary-cross-entropy')
    throw optionError('loss', ' can be binary-cross-entropy only for the task binary or multilabel')
  if (task !== 'multilabel' && task !== 'binary') return
  if (loss !== 'binary-cross-entropy') throw optionError('loss', ` must be binary-cross-entropy for the task ${task}`)
  if (balancedSampling) throw optionError('balancedSampling', ` cannot be used with the task ${task}`)
}

/**
 * The settings of a stopped run, with what may change as it is asked for now.
 * @throws LrpError INVALID_ARGUMENT for another value of an option that the run depends on
 */
export function resumedSettings({ name, manifest }: Experiment, options: TrainOptions): TrainSettings {
  const data = typeof options.data === 'object' ? undefined : options.data
  const asked = withoutUndefined(withWholePaths(pickOptions(trainSettings, { ...options, data })))
  const free = Object.entries(asked).filter(([key]) => MAY_CHANGE.includes(key))
  const settings = checkSettings({ ...manifest.command, ...Object.fromEntries(free) }, 'experiment.json')
  checkUnchanged(
    trainSettings,
    name,
    settings,
    checkOptions(trainSettings, { ...settings, ...asked }),
    Object.keys(asked)
  )
  return settings
}

const MAY_CHANGE = entriesOf(trainSettings).flatMap(({ path, facts }) => (facts.resume === false ? path : []))

/** Settings that may name a file or folder, or several. */
const PATHS = ['dataPath', 'from', 'preprocess', 'exclude'] as const

/** Settings whose paths are absolute, so that a run can be resumed from another folder; names stay as they are. */
function withWholePaths<T extends Partial<Pick<TrainSettings, (typeof PATHS)[number]>>>(settings: T): T {
  const whole = PATHS.flatMap((name) => {
    const given = settings[name]
    if (given === undefined) return []
    const absolute = (path: string): string => (name === 'dataPath' || existsSync(path) ? resolve(path) : path)
    return [[name, typeof given === 'string' ? absolute(given) : given.map(absolute)] as const]
  })
  return { ...settings, ...Object.fromEntries(whole) }
}

/** Settings as experiment.json holds them: without those of a fresh network where the run starts from a model. */
export function recordedCommand(settings: TrainSettings): Record<string, unknown> {
  const { model: _model, hiddenSize: _size, activation: _activation, normalise: _normalise, ...others } = settings
  return { ...withWholePaths(settings.from === undefined ? settings : others), name: commandOf(settings) }
}

/** The command that a run with these settings began with. */
export function commandOf({ mode }: Pick<TrainSettings, 'mode'>): 'train' | 'finetune' {
  return mode === undefined ? 'train' : 'finetune'
}

const FRESH = ['model', 'hiddenSize', 'activation', 'normalise'] as const
const DECIDERS = ['model', 'optimizer', 'loss', 'scheduler'] as const

/**
 * What was asked for must have an effect. Trials of a search may combine what does not go together: `searched` are the
 * settings that differ among them.
 * @throws LrpError INVALID_ARGUMENT naming the option
 */
export function checkTrainEffects(
  options: { [name in keyof GivenSettings]?: unknown },
  settings: TrainSettings,
  searched: string[] = []
): void {
  const loaded = settings.from !== undefined
  const fresh = FRESH.find((name) => options[name])
  if (loaded && fresh !== undefined && options[fresh] !== 'none')
    throw optionError(fresh, " works only with a new network, not together with 'from'")
  const idle = (['architecture', 'inputShape'] as const).find((name) => options[name] !== undefined)
  if (!loaded && idle !== undefined) throw optionError(idle, " works only together with 'from', the network's file")
  const chosen = DECIDERS.filter((name) => !searched.includes(name)).map((name) => [name, settings[name]] as const)
  const named = chosen.map(([name, value]) => [name, typeof value === 'string' ? value : 'a list of layers'] as const)
  checkEffects(trainSettings, options, Object.fromEntries(named))
  if (options.nesterov && settings.momentum === 0 && !searched.includes('momentum'))
    throw optionError('nesterov', ' needs a momentum above 0')
}
