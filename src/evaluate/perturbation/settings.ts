import { checkEffects } from '../../core/option-effects.js'
import { optionError } from '../../core/options.js'
import type { Model } from '../../model/model.js'
import { perturbationOptions, type GivenPerturbation, type PerturbationSettings } from '../options.js'
import type { Perturbation } from './curves.js'
import type { Order } from './order.js'
import { stepsTo } from './steps.js'

/** Settings for a model: a regression has no probabilities. @throws LrpError INVALID_ARGUMENT */
export function settingsFor(model: Model, given: GivenPerturbation = {}): PerturbationSettings {
  const settings = perturbationOptions.parse(given)
  checkEffects(perturbationOptions, given, { fill: settings.fill })
  if (model.task === 'classification') return settings
  if (given.measure === 'probability') throw optionError('measure', ' must be logit: a regression has no probabilities')
  return { ...settings, measure: 'logit' }
}

export function perturbationOf(
  { patchSize: unit, fill, value, steps, growing, share }: PerturbationSettings,
  order: Order
): Perturbation {
  return { order, unit, fill, value, steps: stepsTo(share, steps, growing) }
}
