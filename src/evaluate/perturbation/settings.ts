import { checkEffects } from '../../core/option-effects.js'
import { optionError } from '../../core/options.js'
import type { Model } from '../../model/model.js'
import { perturbationOptions, type GivenPerturbation, type PerturbationSettings } from '../options.js'
import type { Perturbation } from './curves.js'
import { FILLS, type Fill } from './fills.js'
import type { Order } from './order.js'
import { stepsTo } from './steps.js'

/** Settings for a model: a regression and a layer have no probabilities. @throws LrpError INVALID_ARGUMENT */
export function settingsFor(model: Model, given: GivenPerturbation = {}): PerturbationSettings {
  const settings = perturbationOptions.parse({ ...(model.inputKind === 'tokens' && { fill: 'zero' }), ...given })
  checkFill(model, settings.fill)
  checkEffects(perturbationOptions, given, { fill: settings.fill })
  if (!model.givesValues) return settings
  const what = model.isInner ? 'a layer' : 'a regression'
  if (given.measure === 'probability')
    throw optionError('measure', ` must be logit, because ${what} has no probabilities`)
  return { ...settings, measure: 'logit' }
}

/** Tokens are names: only another token can replace one. Columns of a table have no neighbours to be filled in from. */
export function checkFill({ inputKind }: Model, fill: Fill): void {
  const allowed: Partial<Record<Model['inputKind'], readonly Fill[]>> = {
    tokens: ['zero', 'black', 'constant'],
    table: FILLS.filter((one) => !['blur', 'inpaint', 'noisy-linear'].includes(one))
  }
  const names = allowed[inputKind]
  if (names?.includes(fill) ?? true) return
  const what = inputKind === 'tokens' ? 'tokens (token 0 replaces other tokens)' : 'rows of a table'
  throw optionError('fill', ` must be one of ${names!.join(', ')} for ${what}, not ${fill}`)
}

export function perturbationOf(
  { patchSize: unit, fill, value, steps, growing, share }: PerturbationSettings,
  order: Order
): Perturbation {
  return { order, unit, fill, value, steps: stepsTo(share, steps, growing) }
}
