import { pickOptions } from '../core/option.js'
import { effective } from '../core/option-effects.js'
import { optionError } from '../core/options.js'
import { namedMethod } from '../explain/named-method.js'
import { explainOptions, type ExplainOptions } from '../explain/options.js'
import type { Model } from '../model/model.js'
import { chooseComposite } from '../rules/choose.js'
import { ruleParameters } from '../rules/options.js'
import { takesParameter } from '../rules/resolve.js'
import type { MethodChoice } from './methods.js'

/**
 * Rules, composites and methods by name, each with those settings that have an effect on it.
 * @param settings options of `explain` that choose no method
 * @throws LrpError INVALID_ARGUMENT for unknown names, and for a setting that has an effect on none of them
 */
export async function methodsWith(
  model: Model,
  names: readonly string[],
  settings: ExplainOptions
): Promise<MethodChoice[]> {
  const found = await Promise.all(names.map(async (name) => [name, await settingsFor(model, name, settings)] as const))
  const everyone = names.join(', ')
  for (const [option, value] of Object.entries(settings)) {
    const values = found.map(([, own]) => own[option as keyof ExplainOptions])
    if (option !== 'parameters') {
      if (values.every((one) => one === undefined)) throw optionError(option, ` has no effect on ${everyone}`)
      continue
    }
    const idle = Object.keys(value as object).find((name) => !values.some((one) => one && name in (one as object)))
    if (idle !== undefined) throw optionError(option, ` ${idle} has no effect on ${everyone}`)
  }
  return found.map(([name, own]) => (Object.keys(own).length > 0 ? { ...namedMethod(name), ...own } : name))
}

/** The settings that have an effect on a method. */
async function settingsFor(model: Model, name: string, settings: ExplainOptions): Promise<ExplainOptions> {
  const choice = namedMethod(name)
  const { method = 'lrp' } = choice
  const { parameters = {}, ...own } = effective(explainOptions, settings, { method })
  if (method !== 'lrp') return own
  const composite = await chooseComposite(choice)
  const isTaken = ([parameter]: [string, unknown]): boolean => takesParameter(model.graph, composite, parameter)
  const named = Object.fromEntries(Object.entries(parameters).filter(isTaken))
  const flags = pickOptions(ruleParameters, own)
  const rest = Object.fromEntries(Object.entries(own).filter((one) => !(one[0] in flags) || isTaken(one)))
  return { ...rest, ...(Object.keys(named).length > 0 && { parameters: named }) }
}
