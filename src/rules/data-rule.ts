import * as z from 'zod'
import { LrpError } from '../core/errors.js'
import { listed } from '../core/plural.js'
import { unknownName } from '../core/suggest.js'
import type { NativePart, NativeShare, NativeTerm, RuleParameters } from '../native/addon.js'

/** A number, or the name of one of the rule's parameters, with a minus before it where it is taken away. */
const factor = z.union([z.number(), z.string().regex(/^-?[A-Za-z]\w*$/, 'must be a number or the name of a parameter')])

const WHOLE = ['all', 'positive', 'negative', 'absolute', 'squared', 'ones'] as const
const part = z.union([
  z.enum(WHOLE),
  z.strictObject({ all: factor, positive: factor, negative: factor, absolute: factor }).partial()
])

const termSchema = z.strictObject({
  /** Factor of the term (1). */
  factor: factor.optional(),
  /**
   * Part of the input x: x itself (the default), max(x, 0), min(x, 0), |x|, x^2, ones, or the lowest or highest value
   * of the input.
   */
  input: z.enum(['all', 'positive', 'negative', 'absolute', 'squared', 'ones', 'low', 'high']).optional(),
  /**
   * Part of the weights: all (the default), one part, or a sum of parts, for example `{ "all": 1, "positive": "gamma"
   * }`.
   */
  weight: part.optional(),
  /** Part of the bias, in the same form; none by default. */
  bias: part.optional()
})

/** A rule that is a sum of shares, as it is written in JSON; docs/rules.md explains it. */
export const dataRuleSchema = z.strictObject({
  name: z.string().min(1),
  description: z.string().optional(),
  reference: z.string().optional(),
  /** Parameters that users may set, with their defaults. Every rule has `epsilon` (1e-6). */
  parameters: z.record(z.string(), z.number()).optional(),
  shares: z
    .array(
      z.strictObject({
        factor: factor.optional(),
        /** Outputs to which the share applies: any (the default), outputs above 0, or outputs below 0. */
        output: z.enum(['any', 'positive', 'negative']).optional(),
        terms: z.array(termSchema).min(1),
        /** Denominator by which R is divided; by default, the sum of the terms. */
        denominator: z.array(termSchema).min(1).optional()
      })
    )
    .min(1)
})

export type DataRule = z.infer<typeof dataRuleSchema>
type Term = z.infer<typeof termSchema>
type Factor = z.infer<typeof factor>

/** Description of a rule for users: its name and formula, and its counterpart in C++. */
export interface RuleDescription {
  /** Name for `--rule` and composites. */
  name: string
  /**
   * Formula of the rule. x: input, W: weight, b: bias, R: relevance, S: stabilised denominator, + and -: positive and
   * negative parts.
   */
  formula: string
  /** The paper that defines it. */
  reference: string
  /** Parameters that users may set, with their defaults. */
  parameters: RuleParameters
  /** Name of the rule in C++. */
  native: string
  /** Parameters with fixed values under this name. */
  fixed?: RuleParameters
  /** Layers for which the rule is intended. */
  layers: 'weighted' | 'relu' | 'any'
  /** The shares, if the rule is defined as data. */
  shares?: DataRule['shares']
}

/**
 * What a rule declares, its shares must use, and the reverse; every rule has `epsilon`.
 * @throws LrpError INVALID_ARGUMENT naming the file and the parameter
 */
export function checkParameters({ name: rule, parameters = {}, shares }: DataRule, where: string): void {
  const declared = Object.keys(parameters)
  const used = new Set(namesIn(shares))
  const place = `${where}: rule '${rule}'`
  const missing = [...used].find((name) => name !== 'epsilon' && !declared.includes(name))
  const idle = declared.find((name) => name !== 'epsilon' && !used.has(name))
  const others = declared.length > 0 ? ` (it lists ${listed(declared)})` : ''
  if (missing !== undefined)
    throw new LrpError(
      'INVALID_ARGUMENT',
      `${place} uses the parameter '${missing}', which 'parameters' does not list${others}`
    )
  if (idle !== undefined)
    throw new LrpError('INVALID_ARGUMENT', `${place} has the parameter '${idle}', which none of its shares uses`)
}

/** Names of parameters that stand where factors may. */
function namesIn(shares: DataRule['shares']): string[] {
  const ofPart = (given: z.infer<typeof part> | undefined): Factor[] =>
    typeof given === 'object' ? Object.values(given).filter((one) => one !== undefined) : []
  const ofTerm = ({ factor = 1, weight, bias }: Term): Factor[] => [factor, ...ofPart(weight), ...ofPart(bias)]
  const factors = shares.flatMap(({ factor = 1, terms, denominator = [] }) => [
    factor,
    ...[...terms, ...denominator].flatMap(ofTerm)
  ])
  return factors.flatMap((one) => (typeof one === 'string' ? [one.replace(/^-/, '')] : []))
}

/** A rule given as data, described like those of the catalogue. */
export function describeDataRule(rule: DataRule): RuleDescription {
  return {
    name: rule.name,
    formula: rule.description ?? 'your own rule',
    reference: rule.reference ?? '',
    parameters: { epsilon: 1e-6, ...rule.parameters },
    native: 'shares',
    layers: 'weighted',
    shares: rule.shares
  }
}

/** Whether a rule needs the lowest and highest value of its input. */
export function takesBox({ native, shares }: RuleDescription): boolean {
  const terms = (shares ?? []).flatMap(({ terms, denominator = [] }) => [...terms, ...denominator])
  return native === 'zbox' || terms.some(({ input }) => input === 'low' || input === 'high')
}

/**
 * Shares with their factors as numbers, as C++ takes them.
 * @throws LrpError INVALID_ARGUMENT for a factor that is not one of the rule's parameters
 */
export function nativeShares(rule: RuleDescription, parameters: RuleParameters): NativeShare[] {
  const value = (given: Factor = 1): number => {
    if (typeof given === 'number') return given
    const name = given.replace(/^-/, '')
    const found = parameters[name]
    if (found === undefined)
      throw unknownName('parameter', name, Object.keys(rule.parameters), { owner: `rule '${rule.name}'` })
    if (typeof found !== 'number')
      throw new LrpError(
        'INVALID_ARGUMENT',
        `the parameter '${name}' of rule '${rule.name}' must be a number, because a share uses it as a factor`
      )
    return given.startsWith('-') ? -found : found
  }
  const term = (one: Term): NativeTerm => ({
    factor: value(one.factor),
    input: one.input ?? 'all',
    weight: nativePart(one.weight ?? 'all', value),
    bias: one.bias && nativePart(one.bias, value)
  })
  return (rule.shares ?? []).map((share) => ({
    factor: value(share.factor),
    output: share.output ?? 'any',
    terms: share.terms.map(term),
    denominator: share.denominator?.map(term)
  }))
}

/** Factors of max(W, 0) and min(W, 0), or the name of a part that is not such a sum. */
function nativePart(given: z.infer<typeof part>, value: (factor?: Factor) => number): NativePart {
  if (given === 'squared' || given === 'ones') return { kind: given, above: 1, below: 1 }
  const sum = typeof given === 'string' ? { [given]: 1 } : given
  const of = (name: 'all' | 'positive' | 'negative' | 'absolute'): number => (sum[name] ? value(sum[name]) : 0)
  const [all, absolute] = [of('all'), of('absolute')]
  return { kind: 'split', above: all + absolute + of('positive'), below: all - absolute + of('negative') }
}
