import * as z from 'zod'
import { option, pickOptions } from '../core/option.js'
import { optionError } from '../core/options.js'
import type { RuleParameters } from '../native/addon.js'
import type { DataRule } from './data-rule.js'
import type { Composite } from './types.js'

const only = { method: ['lrp'] }

/** One rule, a preset or a file; at most one of them. */
export const ruleChoice = z.strictObject({
  rule: option(z.string(), {
    help: "one rule for all weighted layers, or a composite; 'lrp-native rules' and 'lrp-native composites' list the names",
    group: 'how',
    unit: 'name',
    default: 'auto',
    aliases: ['lrp-rule'],
    only
  }),
  composite: option(
    z.union([
      z.string(),
      z.custom<Composite | DataRule>(
        (value) => typeof value === 'object' && value !== null,
        'must be a name or an object'
      )
    ]),
    {
      help: "composite, which assigns a rule to each kind of layer; 'lrp-native composites' lists the names",
      group: 'how',
      unit: 'name',
      only
    }
  ),
  rules: option(z.string(), {
    help: 'JSON file with your own rule or composite (docs/rules.md)',
    group: 'how',
    unit: 'file',
    files: 'settings',
    only
  })
})

/** At most one of the three; by default the composite `auto`. */
export type RuleChoice = z.input<typeof ruleChoice>

/** The file that `rule` or `composite` names is one for `rules`. */
export function withRuleFile<T extends Pick<RuleChoice, 'rule' | 'composite' | 'rules'>>(choice: T): T {
  const { rule, composite, ...rest } = choice
  const file = [rule, composite].find((one) => typeof one === 'string' && one.endsWith('.json'))
  return file === undefined || (rule !== undefined && composite !== undefined)
    ? choice
    : ({ ...rest, rules: file } as T)
}

const bound = z.union([z.number(), z.array(z.number())])

/** Parameters that apply to every rule of the choice that has them. */
export const ruleParameters = z.strictObject({
  epsilon: option(z.number().min(0), {
    help: 'parameter epsilon of all rules; it keeps denominators away from zero',
    group: 'how',
    default: 'depends on the rule',
    only,
    slider: { min: -9, max: 2, step: 0.1, powers: true }
  }),
  gamma: option(z.number().min(0), {
    help: 'parameter gamma of the gamma rules',
    group: 'how',
    default: 'depends on the rule',
    only,
    slider: { min: -3, max: 2, step: 0.05, powers: true }
  }),
  alpha: option(z.number(), {
    help: 'parameter alpha of the rule alphabeta',
    group: 'how',
    default: '2',
    only,
    slider: { min: 1, max: 5, step: 0.1 }
  }),
  beta: option(z.number(), {
    help: 'parameter beta of the rule alphabeta',
    group: 'how',
    default: 'alpha - 1',
    only,
    slider: { min: 0, max: 4, step: 0.1 }
  }),
  low: option(bound, {
    help: 'lowest input value for the rule zbox: one number, or one number for each channel',
    group: 'how',
    default: 'black, if the model has preprocessing',
    only
  }),
  high: option(bound, {
    help: 'highest input value for the rule zbox: one number, or one number for each channel',
    group: 'how',
    default: 'white, if the model has preprocessing',
    only
  }),
  ignoreBias: option(z.boolean(), { help: 'treat biases as 0 in the rules', group: 'how', only }),
  stabiliser: option(z.enum(['signed', 'signed-below', 'at-zero', 'plain']), {
    help: 'form of the stabiliser, which keeps denominators away from zero (docs/rules.md)',
    group: 'how',
    default: 'signed',
    only
  }),
  parameters: option(z.record(z.string(), z.number()), {
    help: 'values for the parameters of your own rules',
    group: 'how',
    unit: 'name=number',
    flag: 'parameter',
    read: (texts) => Object.fromEntries(texts.map(parameterOf)),
    write: (parameters: Record<string, number>) => Object.entries(parameters).map((one) => one.join('=')),
    only
  })
})

function parameterOf(text: string): [name: string, value: number] {
  const [, name, value] = /^([A-Za-z]\w*)=(\S+)$/.exec(text.trim()) ?? []
  const number = Number(value)
  if (name === undefined || Number.isNaN(number))
    throw optionError('parameters', ` must be NAME=NUMBER (got '${text}')`)
  return [name, number]
}

/** The parameters that options ask every rule for which has them. */
export function parametersIn(options: z.input<typeof ruleParameters>): RuleParameters {
  const { parameters, ...own } = pickOptions(ruleParameters, options)
  return { ...own, ...parameters } as RuleParameters
}
