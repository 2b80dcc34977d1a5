import { existsSync } from 'node:fs'
import { optionError } from '../core/options.js'
import { describeMethod, METHODS } from '../explain/methods.js'
import type { Graph } from '../core/graph.js'
import { RULES } from '../rules/catalogue.js'
import type { RuleDescription } from '../rules/data-rule.js'
import { builtIn, readComposite } from '../rules/choose.js'
import { COMPOSITES } from '../rules/composites.js'
import { describeDataRule } from '../rules/data-rule.js'
import { entriesOf } from '../rules/resolve.js'
import { kindOf } from '../rules/treatment.js'
import type { Choice, Slider } from './protocol.js'
import { SLIDERS } from './sliders.js'

const NEEDS_PATTERNS = ['patternnet', 'patternattribution']

/** What the page offers: rules for weighted layers, composites and the other methods that the network can be asked with. */
export async function choicesFor(graph: Graph, patterns: boolean, files: string[]): Promise<Choice[]> {
  const rules = RULES.filter(
    ({ name, layers }) => layers === 'weighted' && (patterns || !NEEDS_PATTERNS.includes(name))
  )
  const names = new Set(rules.map(({ name }) => name))
  const kinds = graph.nodes.filter(({ name }) => name !== graph.output).map(kindOf)
  const fits = (needs?: 'convolution' | 'attention'): boolean => needs === undefined || kinds.includes(needs)
  return [
    ...(await Promise.all(files.map(choiceOf))),
    ...rules.map(({ name, formula, parameters }): Choice => ({
      name,
      kind: 'rule',
      description: formula,
      parameters: turned((parameter) => asNumber(parameters[parameter]))
    })),
    ...COMPOSITES.filter(({ name }) => !names.has(name)).map((composite): Choice => {
      const { name, description = '' } = composite
      const own = entriesOf(graph, composite).flatMap(({ rule }) =>
        Object.keys(RULES.find((one) => one.name === rule)?.parameters ?? {})
      )
      return {
        name,
        kind: 'composite',
        description,
        parameters: turned((parameter) => (own.includes(parameter) ? null : undefined))
      }
    }),
    ...METHODS.filter((name) => name !== 'lrp' && fits(describeMethod(name).needs)).map((name): Choice => ({
      name,
      kind: 'method',
      description: 'to compare with',
      parameters: {}
    }))
  ]
}

/** Rules of the user's own, by the name of their file. */
async function choiceOf(file: string): Promise<Choice> {
  const what = existsSync(file) ? undefined : builtIn(file)
  if (what) throw optionError('rules', ` takes JSON files: '${file}' is a ${what} that the page has already`)
  const { name, description, rules = [], layers } = await readComposite(file)
  const described = rules.map(describeDataRule)
  const of = (rule: string): RuleDescription | undefined => [...described, ...RULES].find((one) => one.name === rule)
  const alone = described.length === 1 && layers.length === 1 ? described[0] : undefined
  const own = layers.flatMap(({ rule }) => Object.keys(of(rule)?.parameters ?? {}))
  const named = described.flatMap(({ parameters }) => Object.entries(parameters)).filter(([one]) => !(one in SLIDERS))
  return {
    name: file,
    kind: 'rules',
    description: description ?? alone?.formula ?? name,
    parameters: {
      ...turned((parameter) =>
        alone ? asNumber(alone.parameters[parameter]) : own.includes(parameter) ? null : undefined
      ),
      ...Object.fromEntries(named.map(([one, value]) => [one, alone ? Number(value) : null]))
    },
    sliders: Object.fromEntries(named.map(([one, value]) => [one, sliderAround(Number(value))]))
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
