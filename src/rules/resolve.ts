import { LrpError } from '../core/errors.js'
import type { Graph, GraphNode } from '../core/graph.js'
import type { NodeRule, RuleParameters } from '../native/addon.js'
import { FURTHER_INPUT } from '../model/further-inputs.js'
import { unknownName } from '../core/suggest.js'
import { COMMON_PARAMETERS, RULES, ruleNames } from './catalogue.js'
import { describeDataRule, nativeShares, takesBox, type RuleDescription } from './data-rule.js'
import { signalOf } from './gates.js'
import { isTransformers, isWeighted, kindOf, ownRule, recordOf } from './treatment.js'
import type { Composite, CompositeEntry, LayerMatch } from './types.js'

/** What rules may need to know of the model besides its graph. */
export interface RuleContext {
  /** Values of black and white after preprocessing, per channel: zbox's box where none is given. */
  inputRange?: { low: number[]; high: number[] }
  /** Parameters that apply to every rule that has them: `--epsilon 0.01` on the command line. */
  overrides?: RuleParameters
}

/**
 * One rule for every node that carries relevance, parameters spelled out.
 * @throws LrpError INVALID_ARGUMENT for unknown rules and parameters, an entry that matches no layer by name, zbox
 *   without a box; UNSUPPORTED naming the node for which no rule is published.
 */
export function resolveRules(graph: Graph, composite: Composite, context: RuleContext = {}): NodeRule[] {
  return planNodes(graph, composite, context).map((plan) => {
    if (typeof plan === 'string') throw new LrpError('UNSUPPORTED', plan)
    return plan
  })
}

/** For every node its rule, or the sentence that says why there is none. @throws LrpError as `resolveRules`, but not UNSUPPORTED */
export function planNodes(graph: Graph, composite: Composite, context: RuleContext = {}): (NodeRule | string)[] {
  const layers = entriesOf(graph, composite)
  const selections = layers.map((entry) => select(graph, entry))
  checkOverrides(graph, composite, context.overrides ?? {})
  return graph.nodes.map((node) => {
    const entry = layers.find((_, i) => selections[i]!.has(node.name))
    if (entry) return toNodeRule(node, describe(entry.rule, composite), parametersOf(graph, node, entry), context)
    const own = ownRule(node)
    if (own) return { node: node.name, rule: own, parameters: {} }
    return `node '${node.name}' (${node.op}): ${obstacle(node, composite)}`
  })
}

/** The entries of a composite for one network. */
export function entriesOf(graph: Graph, { layers, entriesFor }: Composite): CompositeEntry[] {
  return [...layers, ...(entriesFor?.(graph) ?? [])]
}

/** A gated product is told which of its factors is the signal. */
function parametersOf(graph: Graph, node: GraphNode, { rule, parameters = {} }: CompositeEntry): RuleParameters {
  const signal = rule === 'gated' ? signalOf(graph, node) : undefined
  return signal === undefined ? parameters : { ...parameters, signal }
}

function obstacle(node: GraphNode, { name }: Composite): string {
  const unnamed = `composite '${name}' names no rule for it`
  if (isWeighted(node)) return `${unnamed}: add an entry that matches it`
  if (isTransformers(node)) return `${unnamed}: auto, attnlrp, attnlrp-gamma and attnlrp-cp do`
  return 'LRP has no published rule for it: use a gradient method, or choose a rule for it'
}

function describe(name: string, { rules = [] }: Composite): RuleDescription {
  const own = rules.find((rule) => rule.name === name)
  const found = own ? describeDataRule(own) : RULES.find((rule) => rule.name === name)
  if (!found) throw unknownName('rule', name, [...rules.map((rule) => rule.name), ...ruleNames()])
  return found
}

/** Names of the nodes an entry is for. */
function select(graph: Graph, match: CompositeEntry): Set<string> {
  let nodes = graph.nodes.filter((node) => matchesKind(node, match) && (!match.op || node.op === match.op))
  if (match.nodes) nodes = nodes.filter(({ name }) => match.nodes!.has(name))
  if (match.name !== undefined) {
    const pattern = globToRegExp(match.name)
    nodes = nodes.filter((node) => pattern.test(node.name))
    if (nodes.length === 0)
      throw unknownName(
        'layer',
        match.name,
        graph.nodes.map((node) => node.name)
      )
  }
  if (match.depth) {
    const depth = depths(graph)
    const [from, to] = match.depth
    nodes = nodes.filter((node) => depth.get(node.name)! >= from && depth.get(node.name)! <= to)
  }
  if (match.position === 'first') nodes = nodes.filter(({ name }) => behindImage(graph).has(name))
  if (match.position !== undefined) {
    const index = match.position === 'first' ? 0 : match.position === 'last' ? -1 : match.position
    nodes = nodes.slice(index, index === -1 ? undefined : index + 1)
  }
  return new Set(nodes.map((node) => node.name))
}

/** Nodes that the image leads to: a layer that reads metadata alone is not the first. */
function behindImage({ nodes }: Graph): Set<string> {
  const behind = new Set(['input'])
  for (const { name, op, inputs } of nodes)
    if (op !== FURTHER_INPUT && inputs.some((input) => behind.has(input))) behind.add(name)
  return behind
}

function matchesKind(node: GraphNode, match: LayerMatch): boolean {
  if (!match.kind || match.kind === 'any') return true
  if (match.kind === 'relu') return recordOf(node).cut === 'relu'
  return match.kind === 'weighted' ? isWeighted(node) : kindOf(node) === match.kind
}

/** Depth of each node as a share, counted in weighted layers: 0 at the first, 1 at the last. */
function depths(graph: Graph): Map<string, number> {
  const total = Math.max(1, graph.nodes.filter(isWeighted).length - 1)
  let passed = -1
  return new Map(
    graph.nodes.map((node) => {
      if (isWeighted(node)) passed++
      return [node.name, Math.max(0, passed) / total]
    })
  )
}

function globToRegExp(glob: string): RegExp {
  const escaped = glob
    .replace(/[.+^${}()|[\]\\]/g, '\\$&')
    .replace(/\*/g, '.*')
    .replace(/\?/g, '.')
  return new RegExp(`^${escaped}$`)
}

function toNodeRule(node: GraphNode, rule: RuleDescription, given: RuleParameters, context: RuleContext): NodeRule {
  const allowed = allowedParameters(rule)
  checkGiven(rule, given)
  const overrides = Object.entries(context.overrides ?? {}).filter(([name]) => allowed.includes(name))
  const asked: RuleParameters = { ...given, ...Object.fromEntries(overrides) }
  const all: RuleParameters = { ...rule.parameters, ...asked, ...rule.fixed }
  if (takesBox(rule)) addBox(all, node, context, rule.name)
  const named = { node: node.name, rule: rule.native, parameters: all }
  if (rule.shares) {
    checkRange(rule.name, { epsilon: all.epsilon! })
    return { ...named, name: rule.name, shares: nativeShares(rule, all) }
  }
  if ('alpha' in rule.parameters) completePair(all, asked)
  checkRange(rule.name, all)
  return named
}

/** An entry must name a rule, and parameters that it has. @throws LrpError INVALID_ARGUMENT */
export function checkEntry({ rule, parameters = {} }: CompositeEntry, composite: Composite): void {
  checkGiven(describe(rule, composite), parameters)
}

function checkGiven(rule: RuleDescription, given: RuleParameters): void {
  const allowed = allowedParameters(rule)
  for (const name of Object.keys(given)) {
    if (!allowed.includes(name)) throw unknownName('parameter', name, allowed, { owner: `rule '${rule.name}'` })
  }
}

/** alpha - beta is 1: where one of them is given, the other follows. */
function completePair(all: RuleParameters, { alpha, beta }: RuleParameters): void {
  if (alpha === undefined && typeof beta === 'number') all.alpha = beta + 1
  if (beta === undefined && typeof alpha === 'number') all.beta = alpha - 1
}

function allowedParameters(rule: RuleDescription): string[] {
  const own = Object.keys(rule.parameters)
  if (rule.name === 'gated') return ['signal']
  if (rule.layers !== 'weighted') return own
  return [...own, ...Object.keys(COMMON_PARAMETERS), ...(takesBox(rule) ? ['low', 'high'] : [])]
}

function addBox(parameters: RuleParameters, node: GraphNode, context: RuleContext, rule: string): void {
  parameters.low ??= context.inputRange?.low as number[]
  parameters.high ??= context.inputRange?.high as number[]
  if (parameters.low === undefined || parameters.high === undefined) {
    const needs = `the rule ${rule} needs the lowest and the highest input value`
    throw new LrpError('INVALID_ARGUMENT', `node '${node.name}': ${needs}; pass --low and --high`)
  }
}

function checkRange(rule: string, parameters: RuleParameters): void {
  for (const name of ['epsilon', 'gamma', 'alpha', 'beta']) {
    const value = parameters[name]
    if (value === undefined || (typeof value === 'number' && value >= 0 && Number.isFinite(value))) continue
    throw new LrpError(
      'INVALID_ARGUMENT',
      `the parameter '${name}' of rule '${rule}' must be a number of 0 or more, not ${String(value)}`
    )
  }
  const { alpha, beta } = parameters as { alpha?: number; beta?: number }
  if (alpha !== undefined && beta !== undefined && Math.abs(alpha - beta - 1) > 1e-9) {
    throw new LrpError(
      'INVALID_ARGUMENT',
      `the parameters of rule '${rule}' must satisfy alpha - beta = 1, but alpha - beta is ${alpha - beta}`
    )
  }
}

/** Whether a rule of the composite has a parameter of this name. */
export function takesParameter(graph: Graph, composite: Composite, name: string): boolean {
  return entriesOf(graph, composite).some(({ rule }) => allowedParameters(describe(rule, composite)).includes(name))
}

/** A parameter that no rule of the composite takes would do nothing: refused. */
function checkOverrides(graph: Graph, composite: Composite, overrides: RuleParameters): void {
  for (const name of Object.keys(overrides)) {
    if (takesParameter(graph, composite, name)) continue
    throw new LrpError('INVALID_ARGUMENT', `the composite '${composite.name}' has no parameter '${name}'`)
  }
}
