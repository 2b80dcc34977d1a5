import type { z } from 'zod'
import { LrpError } from '../core/errors.js'
import { checkEffects } from '../core/option-effects.js'
import { checkOptions, optionError } from '../core/options.js'
import { unknownName } from '../core/suggest.js'
import { furtherInputs } from '../model/further-inputs.js'
import { tokenLookups } from '../model/input-kind.js'
import type { Model } from '../model/model.js'
import { native, type AttributeOptions, type LrpSettings, type NodeRule } from '../native/addon.js'
import { withDefaults } from '../rules/catalogue.js'
import { chooseComposite } from '../rules/choose.js'
import { parametersIn } from '../rules/options.js'
import { resolveRules } from '../rules/resolve.js'
import { alsoComputing, settingsOf } from './methods.js'
import { explainOptions, type ExplainOptions } from './options.js'
import { patternsFor } from './patterns.js'
import { flatTarget, withoutHead, type Flat } from './targets/options.js'

export type GivenOptions = Flat<z.output<typeof explainOptions>>

/** What an explanation needs besides its images: it follows from the model and the options. */
export interface Prepared extends Plan {
  /** The network that ends at the chosen head. */
  model: Model
  given: GivenOptions
  /** What C++ gets, except the target. */
  settings: Omit<AttributeOptions, 'target' | 'inputs'>
}

/** The rules of an explanation, and its name. */
export interface Plan {
  /** Name of the rule, composite or method. */
  name: string
  /** The rule of every node; empty for other methods than LRP. */
  rules: NodeRule[]
}

/**
 * Checks the options and resolves the rules. For a small network this takes as long as a pass, so a call reuses the
 * result of a recent call with the same options and model.
 * @throws LrpError as `explain`
 */
export async function prepare(model: Model, options: ExplainOptions): Promise<Prepared> {
  const key = keyOf(options)
  const known = key !== undefined && prepared.get(model)?.get(key)
  if (known) return known
  const checked = checkOptions(explainOptions, options)
  const given = flatTarget(checked)
  if (given.head !== undefined) return prepare(await model.head(given.head), withoutHead(options))
  checkExplainEffects(checked)
  checkFurther(model, given)
  const plan = await planOf(model, checked)
  const settings = await settingsFor(model, given, plan.rules)
  const result = { ...plan, model, given, settings }
  if (key !== undefined && !dependsOnFiles(options, settings)) keep(model, key, result)
  return result
}

/** Calls whose preparation is kept for each model: comparisons alternate between methods and targets. */
const MOST_KEPT = 32
const prepared = new WeakMap<Model, Map<string, Prepared>>()

function keep(model: Model, key: string, result: Prepared): void {
  const calls = prepared.get(model) ?? new Map<string, Prepared>()
  if (calls.size === MOST_KEPT) calls.clear()
  prepared.set(model, calls.set(key, result))
}

/** Undefined for options that hold more than numbers, strings and lists of them. */
function keyOf(options: ExplainOptions): string | undefined {
  const isPlain = (value: unknown): boolean =>
    Array.isArray(value) ? value.every(isPlain) : !['object', 'function', 'bigint', 'symbol'].includes(typeof value)
  if (isPlain(options) || !Object.values(options).every(isPlain)) return undefined
  return JSON.stringify(Object.entries(options)) // of entries: names without a value count as well
}

/** A file may have changed since. */
function dependsOnFiles({ rule, composite, rules }: ExplainOptions, { patterns }: Prepared['settings']): boolean {
  return rules !== undefined || patterns !== undefined || [rule, composite].some((one) => String(one).endsWith('.json'))
}

/** @throws LrpError INVALID_ARGUMENT for an option without effect under the method, or under one of those compared */
export function checkExplainEffects(options: ExplainOptions, compared: string[] = []): void {
  const { method = 'lrp', low, high } = options
  checkEffects(explainOptions, options, { method: [method, ...compared] })
  if (low === undefined || high === undefined) return
  const [lows, highs] = [[low].flat(), [high].flat()]
  if (lows.some((value, i) => value >= (highs[i] ?? highs[0]!)))
    throw optionError('low', ` must be smaller than option 'high'`)
}

/** The rules and the name of an explanation, without computing it; methods other than LRP have no rules. */
export async function planOf(model: Model, options: ExplainOptions): Promise<Plan> {
  const { method = 'lrp' } = options
  return method === 'lrp' ? rulesOf(model, options) : { name: method, rules: [] }
}

/** Returns the rule that each node gets for a choice of rules, without computing an explanation. */
export async function planRules(model: Model, options: ExplainOptions): Promise<Plan> {
  const given = checkOptions(explainOptions, options)
  if (given.method !== 'lrp')
    throw optionError('method', ` must be lrp to show rules, because ${given.method} has none`)
  checkExplainEffects(given)
  return rulesOf(model, given)
}

async function rulesOf(model: Model, options: ExplainOptions): Promise<Plan> {
  const composite = await chooseComposite(options)
  const rules = resolveRules(model.graph, composite, {
    inputRange: model.inputRange,
    overrides: parametersIn(options)
  })
  return { name: composite.name, rules }
}

/** @throws LrpError UNSUPPORTED if the method cannot explain further inputs */
function checkFurther({ graph }: Model, { method }: GivenOptions): void {
  const further = furtherInputs(graph).find(({ explained }) => explained)
  if (!further || alsoComputing('inputs').includes(method)) return
  const who = `${method} computes no relevance for the input '${further.name}'`
  throw new LrpError('UNSUPPORTED', `the method ${who}: load the model without explainInputs`)
}

async function settingsFor(model: Model, options: GivenOptions, rules: NodeRule[]): Promise<Prepared['settings']> {
  const { method, together = false, start = 'logit', concepts = {}, exclusive = false } = options
  const { channelLayers = [], topK = 1, conservation = false, attentionHeads: attention = false, camLayer } = options
  const layers = options.layers === 'all' ? model.graph.nodes.map((node) => node.name) : (options.layers ?? [])
  const named = [...layers, ...channelLayers, ...Object.keys(concepts), camLayer]
  for (const layer of named) if (layer !== undefined) checkLayer(model, layer)
  const fitted = rules.some(({ rule }) => rule.startsWith('pattern'))
  const patterns = fitted || options.patterns ? await patternsFor(model, options.patterns) : undefined
  const begins: LrpSettings['start'] = start === 'probability' && model.multilabel ? 'sigmoid' : start
  const lrp = (): LrpSettings => ({
    rules: new (native().ResolvedRules)(rules.map(withDefaults)),
    together,
    start: begins,
    concepts,
    exclusive,
    channels: channelLayers,
    topK,
    conservation,
    attention
  })
  return {
    method,
    settings: settingsOf(method, options),
    layers,
    lookups: model.inputKind === 'tokens' ? tokenLookups(model.graph) : undefined,
    lrp: method === 'lrp' ? lrp() : undefined,
    patterns: patterns && Object.fromEntries(patterns)
  }
}

function checkLayer(model: Model, name: string): void {
  const names = model.graph.nodes.map((node) => node.name)
  if (!names.includes(name)) throw unknownName('layer', name, names)
}
