import { z } from 'zod'
import { LrpError } from '../core/errors.js'
import { readJson } from '../core/files.js'
import { checkContent } from '../core/options.js'
import { unknownName } from '../core/suggest.js'
import { RULES, ruleNames } from './catalogue.js'
import { COMPOSITES, compositeNames } from './composites.js'
import type { Composite } from './types.js'

const value = z.union([z.number(), z.boolean(), z.string(), z.array(z.number())])

const compositeSchema = z.strictObject({
  name: z.string().default('custom'),
  description: z.string().optional(),
  layers: z
    .array(
      z.strictObject({
        name: z.string().optional(),
        kind: z.enum(['weighted', 'linear', 'convolution', 'sum', 'average', 'activation', 'any']).optional(),
        op: z.string().optional(),
        position: z.union([z.enum(['first', 'last']), z.int()]).optional(),
        depth: z.tuple([z.number(), z.number()]).optional(),
        rule: z.string(),
        parameters: z.record(z.string(), value).optional()
      })
    )
    .min(1)
})

/** What an explanation may be asked with: one of the three; by default the rule `epsilon`. */
export interface RuleChoice {
  /** One rule for all weighted layers, or the name of a preset such as `deep-taylor`. */
  rule?: string
  /** A preset by name, or a composite of the caller's own. */
  composite?: string | Composite
  /** A JSON file with a composite: `{ "layers": [{ "kind": "convolution", "rule": "zplus" }, ...] }`. */
  rules?: string
}

/** @throws LrpError INVALID_ARGUMENT for an unknown name or a malformed composite, NOT_FOUND for a missing file. */
export async function chooseComposite(choice: RuleChoice): Promise<Composite> {
  const given = [choice.rule, choice.composite, choice.rules].filter((one) => one !== undefined)
  if (given.length > 1) {
    throw new LrpError('INVALID_ARGUMENT', 'give only one of rule, composite and rules (--rule, --composite, --rules)')
  }
  if (choice.rules !== undefined) return readComposite(choice.rules)
  if (typeof choice.composite === 'object') return checkContent(compositeSchema, choice.composite, 'the composite')
  if (choice.composite !== undefined) return preset(choice.composite, 'composite', compositeNames())
  return byName(choice.rule ?? 'epsilon')
}

function byName(name: string): Composite {
  const rule = RULES.find((one) => one.name === name)
  if (rule && rule.layers === 'weighted') return { name, layers: [{ kind: 'weighted', rule: name }] }
  if (rule && !compositeNames().includes(name))
    throw new LrpError(
      'INVALID_ARGUMENT',
      `the rule '${name}' is for some layers only: name them in a file for --rules`
    )
  return preset(name, 'rule', [...ruleNames(), ...compositeNames()])
}

function preset(name: string, what: string, candidates: string[]): Composite {
  const found = COMPOSITES.find((composite) => composite.name === name)
  if (!found) throw unknownName(what, name, candidates)
  return found
}

async function readComposite(path: string): Promise<Composite> {
  return checkContent(compositeSchema, await readJson(path, `the rules file ${path} cannot be read`), path)
}
