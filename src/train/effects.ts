import { optionError } from '../core/options.js'
import type { GivenSettings, TrainSettings } from './settings.js'

type Decider = 'model' | 'optimizer' | 'loss' | 'scheduler'

/** Settings that only some choices of another setting look at. */
const EFFECTS: { option: keyof GivenSettings; of: Decider; choices: string[] }[] = [
  { option: 'hiddenSize', of: 'model', choices: ['mlp'] },
  { option: 'activation', of: 'model', choices: ['mlp', 'lenet'] },
  { option: 'momentum', of: 'optimizer', choices: ['sgd', 'rmsprop'] },
  { option: 'nesterov', of: 'optimizer', choices: ['sgd'] },
  { option: 'labelSmoothing', of: 'loss', choices: ['cross-entropy'] },
  { option: 'classWeights', of: 'loss', choices: ['cross-entropy', 'nll'] },
  { option: 'schedulerStep', of: 'scheduler', choices: ['step'] },
  { option: 'schedulerGamma', of: 'scheduler', choices: ['step', 'plateau'] },
  { option: 'schedulerPatience', of: 'scheduler', choices: ['plateau'] }
]

/**
 * What was asked for must have an effect; 0 and `false` ask for nothing. Trials of a search may combine what does not go
 * together: `searched` are the settings that differ among them.
 * @throws LrpError INVALID_ARGUMENT naming the option
 */
export function checkEffects(
  options: { [name in keyof GivenSettings]?: unknown },
  settings: TrainSettings,
  searched: string[] = []
): void {
  const fresh = (['model', 'hiddenSize', 'activation', 'normalise'] as const).find((name) => options[name])
  if (options.from !== undefined && fresh !== undefined && options[fresh] !== 'none')
    throw optionError(fresh, ' is for a fresh network: one that a run starts from stays as it is')
  for (const { option, of, choices } of EFFECTS) {
    const chosen = typeof settings[of] === 'string' ? settings[of] : 'a list of layers'
    if (!options[option] || searched.includes(of) || choices.includes(chosen)) continue
    throw optionError(option, ` goes with the ${of} ${choices.join(' or ')}, not ${chosen}`)
  }
  if (options.nesterov && settings.momentum === 0 && !searched.includes('momentum'))
    throw optionError('nesterov', ' needs a momentum above 0')
}
