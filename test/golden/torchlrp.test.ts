import { describe, expect, test } from '@jest/globals'
import { explain } from '../../src/explain/explain.js'
import type { ExplainOptions } from '../../src/explain/options.js'
import type { PatternKind } from '../../src/explain/file-options.js'
import { fitPatterns } from '../../src/explain/patterns.js'
import { sliceBatch } from '../../src/explain/batches.js'
import type { GraphNode } from '../../src/core/graph.js'
import { readSafetensors } from '../../src/model/import/safetensors.js'
import { Model } from '../../src/model/model.js'
import { explainLayer } from '../layer.js'
import type { Composite, CompositeEntry } from '../../src/rules/types.js'
import type { StateDict } from '../../src/core/tensor.js'
import { floats, golden, readJson, relativeError, values } from '../shared.js'

const folder = (name: string): string => golden('torchlrp', name)

const node = (name: number, op: string, attributes: GraphNode['attributes'] = {}): GraphNode => ({
  name: String(name),
  op,
  inputs: [name === 0 ? 'input' : String(name - 1)],
  attributes,
  parameters: /linear|conv/.test(op) ? { weight: `${name}.weight`, bias: `${name}.bias` } : {}
})
const pool = { kernel_size: 2, stride: 2 }
const NODES: Record<string, GraphNode[]> = {
  mlp: [node(0, 'flatten'), node(1, 'linear'), node(2, 'relu'), node(3, 'linear'), node(4, 'relu'), node(5, 'linear')],
  cnn: [
    node(0, 'conv2d', { padding: 1 }),
    node(1, 'relu'),
    node(2, 'max_pool2d', pool),
    node(3, 'conv2d', { padding: 1 }),
    node(4, 'relu'),
    node(5, 'max_pool2d', pool),
    node(6, 'flatten'),
    node(7, 'linear'),
    node(8, 'relu'),
    node(9, 'linear')
  ]
}

/** TorchLRP's rule for the weighted layers, the plain gradient for all else, relevance started from 1. */
function asTorchLrp(entry: Omit<CompositeEntry, 'kind'>): ExplainOptions {
  const normalise = entry.parameters?.normalise === true
  const composite: Composite = {
    name: 'TorchLRP',
    layers: [
      { kind: 'weighted', ...entry },
      ...(normalise ? [{ op: 'flatten', rule: 'pass', parameters: { normalise } }] : []),
      { kind: 'any', rule: 'gradient' }
    ]
  }
  return { composite, start: 'one' }
}

const alphabeta = { ignoreBias: true, stabiliser: 'at-zero' }
const RULES: Record<string, Omit<CompositeEntry, 'kind'>> = {
  epsilon: { rule: 'epsilon', parameters: { epsilon: 0.1, stabiliser: 'signed-below' } },
  alpha1beta0: { rule: 'alpha1beta0', parameters: alphabeta },
  alpha2beta1: { rule: 'alpha2beta1', parameters: alphabeta },
  patternnet: { rule: 'patternnet', parameters: { normalise: true } },
  patternattribution: { rule: 'patternattribution', parameters: { normalise: true } }
}

function patternsOf(expected: StateDict, kind: string, nodes: GraphNode[]): StateDict {
  const weighted = nodes.filter((one) => one.parameters.weight)
  return new Map(weighted.map((one, i) => [one.name, expected.get(`pattern.${kind}.${i}`)!]))
}

describe('TorchLRP', () => {
  describe.each(Object.keys(NODES))('%s', (name) => {
    const nodes = NODES[name]!
    const load = async (): Promise<{ model: Model; expected: StateDict }> => {
      const tensors = await readSafetensors(folder(`${name}.weights.safetensors`))
      const graph = { inputShape: [null, 1, 28, 28], nodes, output: nodes.at(-1)!.name }
      return {
        model: await Model.create({ name, graph, tensors }),
        expected: await readSafetensors(folder(`${name}.safetensors`))
      }
    }

    test.each(Object.keys(RULES))('%s', async (rule) => {
      const { model, expected } = await load()
      const kinds = rule.startsWith('pattern') ? ['.all', '.positive'] : ['']
      for (const kind of kinds) {
        const options = asTorchLrp(RULES[rule]!)
        if (kind) options.patterns = patternsOf(expected, kind.slice(1), nodes)
        const { relevance } = await explain(model, floats(expected.get('input')!), options)
        expect(relativeError(relevance, expected.get(`relevance.${rule}${kind}`)!)).toBeLessThan(1e-4)
      }
      model.dispose()
    })

    test.each(['all', 'positive'])('patterns fitted to %s samples, however they are batched', async (kind) => {
      const { model, expected } = await load()
      const bytes = (await readSafetensors(folder('fit_input.safetensors'))).get('fit_input')!
      const images = { data: Float32Array.from(values(bytes), (v) => v / 255), shape: bytes.shape }
      for (const size of [64, 100]) {
        const batches = []
        for (let from = 0; from < 256; from += size) batches.push(sliceBatch(images, from, Math.min(256, from + size)))
        const patterns = await fitPatterns(model, batches, kind as PatternKind)
        for (const [layer, pattern] of patternsOf(expected, kind, nodes)) {
          expect(relativeError(patterns.get(layer)!, pattern)).toBeLessThan(1e-3)
        }
      }
      model.dispose()
    })
  })

  const cases = readJson<{ case: string; layer: string; rule: string }[]>(folder('layers.json')).filter(
    ({ rule }) => rule in RULES
  )
  test.each(cases.map((one) => [one.case, one] as const))('%s', async (_, one) => {
    const all = await readSafetensors(folder('layers.safetensors'))
    const get = (role: string): ReturnType<StateDict['get']> => all.get(`${one.case}.${role}`)
    const { ignoreBias, normalise: _normalise, ...settings } = RULES[one.rule]!.parameters!
    const fixed: Record<string, object> = { alpha1beta0: { alpha: 1, beta: 0 }, alpha2beta1: { alpha: 2, beta: 1 } }
    const call = {
      op: one.layer.startsWith('conv') ? 'conv2d' : 'linear',
      attributes: one.layer.startsWith('conv') ? { padding: 1 } : {},
      parameters: Object.fromEntries(['weight', 'bias'].flatMap((role) => (get(role) ? [[role, get(role)!]] : []))),
      inputs: [get('input')!],
      relevance: get('output_relevance')!,
      rule: one.rule.startsWith('alpha') ? 'alphabeta' : one.rule,
      ruleParameters: {
        ...settings,
        ...fixed[one.rule],
        ...(ignoreBias && { ignoreBias: true }),
        epsilon: one.rule === 'epsilon' ? 0.1 : 1e-6
      },
      pattern: get('pattern')
    }
    const relevance = await explainLayer(call)
    expect(relativeError(relevance, get('input_relevance')!)).toBeLessThan(1e-4)
  })
})
