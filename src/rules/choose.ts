import { existsSync } from 'node:fs'
import * as z from 'zod'
import { LrpError, isLrpError } from '../core/errors.js'
import { readJson } from '../core/files.js'
import { checkContent, optionError } from '../core/options.js'
import { unknownName } from '../core/suggest.js'
import { RULES, ruleNames } from './catalogue.js'
import {
  checkParameters,
  dataRuleSchema,
  describeDataRule,
  takesBox,
  type DataRule,
  type RuleDescription
} from './data-rule.js'
import { COMPOSITES, compositeNames } from './composites.js'
import { withRuleFile, type RuleChoice } from './options.js'
import { checkEntry } from './resolve.js'
import { LAYER_KINDS, type Composite } from './types.js'

const value = z.union([z.number(), z.boolean(), z.string(), z.array(z.number())])

const compositeSchema = z.strictObject({
  name: z.string().default('custom'),
  description: z.string().optional(),
  rules: z.array(dataRuleSchema).optional(),
  layers: z
    .array(
      z.strictObject({
        name: z.string().optional(),
        kind: z.enum(LAYER_KINDS).optional(),
        op: z.string().optional(),
        position: z.union([z.enum(['first', 'last']), z.int()]).optional(),
        depth: z.tuple([z.number(), z.number()]).optional(),
        rule: z.string(),
        parameters: z.record(z.string(), value).optional()
      })
    )
    .min(1)
})

/** @throws LrpError INVALID_ARGUMENT for an unknown name or a malformed composite, NOT_FOUND for a missing file. */
export async function chooseComposite(choice: RuleChoice): Promise<Composite> {
  const given = [choice.rule, choice.composite, choice.rules].filter((one) => one !== undefined)
  if (given.length > 1) {
    throw new LrpError('INVALID_ARGUMENT', 'give only one of rule, composite and rules (--rule, --composite, --rules)')
  }
  const { rules: file } = withRuleFile(choice)
  if (file !== undefined) return readComposite(checkedFile(file))
  if (typeof choice.composite === 'object') return ownComposite(choice.composite, 'the composite')
  if (choice.composite !== undefined) return preset(choice.composite, 'composite', compositeNames())
  const { rule = 'auto' } = choice
  return byName(WORDS[rule] ?? rule)
}

/** @throws LrpError INVALID_ARGUMENT for what is not a file but the name of a rule or composite, or several of them */
function checkedFile(file: string): string {
  if (existsSync(file)) return file
  const what = builtIn(file)
  if (what)
    throw optionError('rules', ` takes a JSON file, but '${file}' is a built-in ${what}: pass it as option '${what}'`)
  if (file.includes(',')) throw optionError('rules', ` takes only one JSON file here, not '${file}'`)
  return file
}

/** Whether a name is that of a rule or a composite that needs no file. */
export function builtIn(name: string): 'rule' | 'composite' | undefined {
  if (ruleNames().includes(name)) return 'rule'
  return compositeNames().includes(name) ? 'composite' : undefined
}

/** What other tools call some rules. */
const WORDS: Record<string, string> = { simple: '0', 'gamma+epsilon': 'epsilon-gamma' }

function byName(name: string): Composite {
  const rule = RULES.find((one) => one.name === name)
  if (rule && rule.layers === 'weighted') return forWeighted(rule)
  if (rule && !compositeNames().includes(name))
    throw new LrpError(
      'INVALID_ARGUMENT',
      `the rule '${name}' cannot apply to all layers: write a JSON file that names its layers, and pass it as --rules`
    )
  return preset(name, 'rule', [...ruleNames(), ...compositeNames()])
}

/** One rule for all weighted layers. One that needs the range of its input is for the first alone: it says so. */
function forWeighted(rule: RuleDescription): Composite {
  const { name } = rule
  if (!takesBox(rule)) return { name, layers: [{ kind: 'weighted', rule: name }] }
  const above = 'alpha1beta0'
  return {
    name: `${name} at the first layer, ${above} above`,
    layers: [
      { kind: 'weighted', position: 'first', rule: name },
      { kind: 'weighted', rule: above }
    ]
  }
}

function preset(name: string, what: 'rule' | 'composite', candidates: string[]): Composite {
  const found = COMPOSITES.find((composite) => composite.name === name)
  if (!found) throw unknownName(what, name, candidates, { option: what })
  return found
}

/**
 * The composite that a JSON file holds; one rule alone is for all weighted layers.
 * @throws LrpError NOT_FOUND, INVALID_FILE, INVALID_ARGUMENT naming the file
 */
export async function readComposite(path: string): Promise<Composite> {
  const content = await readJson(path, `the rules file ${path} cannot be read`)
  return ownComposite(content, path)
}

/** @throws LrpError INVALID_ARGUMENT for what is neither a composite nor a rule, and for rules of one name */
function ownComposite(content: unknown, where: string): Composite {
  if (typeof content === 'object' && content !== null && 'shares' in content) {
    const rule = checkContent(dataRuleSchema, content, where)
    checkRules([rule], where)
    return { ...forWeighted(describeDataRule(rule)), rules: [rule] }
  }
  const composite = checkContent(compositeSchema, content, where)
  checkRules(composite.rules ?? [], where)
  composite.layers.forEach((entry, i) => {
    try {
      checkEntry(entry, composite)
    } catch (error) {
      if (!isLrpError(error)) throw error
      throw new LrpError(error.code, `${where}: layers[${i}]: ${error.message}`)
    }
  })
  return composite
}

function checkRules(rules: readonly DataRule[], where: string): void {
  rules.forEach((rule, i) => {
    const { name } = rule
    if (ruleNames().includes(name))
      throw new LrpError('INVALID_ARGUMENT', `${where}: '${name}' is a built-in rule: choose another name`)
    if (rules.findIndex((other) => other.name === name) !== i)
      throw new LrpError('INVALID_ARGUMENT', `${where}: the rule '${name}' is defined twice`)
    checkParameters(rule, where)
  })
}
