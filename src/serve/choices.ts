import { existsSync } from 'node:fs'
import { basename } from 'node:path'
import { isLrpError } from '../core/errors.js'
import { optionError } from '../core/options.js'
import { describeMethod, METHODS } from '../explain/methods.js'
import type { Graph } from '../core/graph.js'
import { RULES } from '../rules/catalogue.js'
import { builtIn, readComposite } from '../rules/choose.js'
import { COMPOSITES } from '../rules/composites.js'
import { describeDataRule } from '../rules/data-rule.js'
import { planNodes, takesParameter } from '../rules/resolve.js'
import { kindOf } from '../rules/treatment.js'
import type { Composite } from '../rules/types.js'
import type { Model } from '../model/model.js'
import type { NodeRule } from '../native/addon.js'
import type { Choice, Slider } from './protocol.js'
import { SLIDERS } from './sliders.js'

const NEEDS_PATTERNS = ['patternnet', 'patternattribution']

/** What the page offers: rules for weighted layers, composites and the other methods that the network can be asked with. */
export async function choicesFor(model: Model, patterns: boolean, files: string[]): Promise<Choice[]> {
  const { graph } = model
  const rules = RULES.filter(
    ({ name, layers }) => layers === 'weighted' && (patterns || !NEEDS_PATTERNS.includes(name))
  )
  const names = new Set(rules.map(({ name }) => name))
  const kinds = graph.nodes.filter(({ name }) => name !== graph.output).map(kindOf)
  const fits = (needs?: 'convolution' | 'attention'): boolean => needs === undefined || kinds.includes(needs)
  return [
    ...(await Promise.all(files.map((file) => choiceOf(model, file, files)))),
    ...rules.map(({ name, formula, parameters }): Choice => ({
      name,
      kind: 'rule',
      description: formula,
      parameters: turned((parameter) => asNumber(parameters[parameter]))
    })),
    ...COMPOSITES.filter(({ name }) => !names.has(name)).map((composite): Choice => {
      const { name, description = '' } = composite
      return { name, kind: 'composite', description, parameters: turned(inEffect(model, composite)) }
    }),
    ...METHODS.filter((name) => name !== 'lrp' && fits(describeMethod(name).needs)).map((name): Choice => ({
      name,
      kind: 'method',
      description: 'for comparison',
      parameters: {}
    }))
  ]
}

/** Rules of the user's own, by the name of their file. */
async function choiceOf(model: Model, file: string, files: string[]): Promise<Choice> {
  const what = existsSync(file) ? undefined : builtIn(file)
  if (what)
    throw optionError('rules', ` takes JSON files, but '${file}' is a built-in ${what}, which the page offers anyway`)
  const composite = await readComposite(file)
  const { name, description, rules = [], layers } = composite
  const described = rules.map(describeDataRule)
  const alone = described.length === 1 && layers.length === 1 ? described[0] : undefined
  const named = described.flatMap(({ parameters }) => Object.entries(parameters)).filter(([one]) => !(one in SLIDERS))
  const value = inEffect(model, composite)
  const isOnly = files.filter((other) => basename(other) === basename(file)).length === 1
  return {
    name: file,
    ...(isOnly && { label: basename(file) }),
    kind: 'rules',
    description: description ?? alone?.formula ?? name,
    parameters: {
      ...turned(value),
      ...Object.fromEntries(named.map(([one]) => [one, value(one) ?? null]))
    },
    sliders: Object.fromEntries(named.map(([one, value]) => [one, sliderAround(Number(value))]))
  }
}

/** Of a parameter the number that all layers have which take it; null where they differ, undefined where none takes it. */
function inEffect(
  { graph, inputRange }: Model,
  composite: Composite
): (parameter: string) => number | null | undefined {
  const rules = plannedRules(graph, composite, inputRange)
  return (parameter) => {
    if (!takesParameter(graph, composite, parameter)) return undefined
    const values = new Set(rules.flatMap(({ parameters }) => asNumber(parameters[parameter]) ?? []))
    return values.size === 1 ? [...values][0]! : null
  }
}

/** The rules of the nodes that have one; none where the composite does not fit the network. */
function plannedRules(graph: Graph, composite: Composite, inputRange: Model['inputRange']): NodeRule[] {
  try {
    return planNodes(graph, composite, { inputRange }).filter((plan) => typeof plan !== 'string')
  } catch (error) {
    if (!isLrpError(error)) throw error
    return []
  }
}

/** From 0, or from as far below it, to twice the default. */
function sliderAround(value: number): Slider {
  const end = 2 * Math.abs(value) || 1
  return { min: value < 0 ? -end : 0, max: end, step: end / 100 }
}

function turned(value: (parameter: string) => number | null | undefined): Choice['parameters'] {
  return Object.fromEntries(
    Object.keys(SLIDERS)
      .map((name) => [name, value(name)] as const)
      .filter(([, given]) => given !== undefined)
  )
}

function asNumber(value: unknown): number | undefined {
  return typeof value === 'number' ? value : undefined
}
