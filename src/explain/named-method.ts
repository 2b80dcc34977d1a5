import { compositeNames } from '../rules/composites.js'
import { ruleNames } from '../rules/catalogue.js'
import { unknownName } from '../core/suggest.js'
import { METHODS } from './methods.js'
import type { ExplainOptions } from './options.js'

/**
 * Options of `explain` for a method that is given by name: a rule, a composite, a method other than LRP, or a JSON
 * file of rules.
 * @throws LrpError INVALID_ARGUMENT with the nearest name
 */
export function namedMethod(name: string): Pick<ExplainOptions, 'rule' | 'composite' | 'rules' | 'method'> {
  const others = METHODS.filter((method) => method !== 'lrp')
  const method = others.find((other) => other === name)
  if (method) return { method }
  if (ruleNames().includes(name)) return { rule: name }
  if (compositeNames().includes(name)) return { composite: name }
  if (name.endsWith('.json')) return { rules: name }
  throw unknownName('rule, composite or method', name, [...ruleNames(), ...compositeNames(), ...others])
}
