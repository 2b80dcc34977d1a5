import { describe, expect, test } from '@jest/globals'
import { explain } from '../../src/explain/explain.js'
import { readSafetensors } from '../../src/model/import/safetensors.js'
import { Model } from '../../src/model/model.js'
import { explainLayer } from '../layer.js'
import type { RuleParameters } from '../../src/native/addon.js'
import type { Composite } from '../../src/rules/types.js'
import type { RawTensor } from '../../src/core/tensor.js'
import { floats, golden, readJson, relativeError, values } from '../shared.js'

interface Operation {
  case: string
  settings: { dim?: number; temperature?: number; epsilon?: number; eps?: number; stride?: number }
}

/** How LXT's operations are called here. Its RMS norm and normalisation are no ops of ours. */
const OPS: Record<string, { op: string; rule: string; attributes?: Record<string, unknown> }> = {
  softmax: { op: 'softmax', rule: 'attention', attributes: { dim: -1 } },
  softmax_causal_mask: { op: 'softmax', rule: 'attention', attributes: { dim: -1 } },
  softmax_temperature: { op: 'softmax', rule: 'attention', attributes: { dim: -1 } },
  matmul: { op: 'matmul', rule: 'attention' },
  linear_epsilon: { op: 'linear', rule: 'epsilon' },
  'linear_epsilon_nobias_0.1': { op: 'linear', rule: 'epsilon' },
  layer_norm: { op: 'layer_norm', rule: 'epsilon', attributes: { normalized_shape: [8] } },
  layer_norm_plain: { op: 'layer_norm', rule: 'epsilon', attributes: { normalized_shape: [8] } },
  gelu: { op: 'gelu', rule: 'pass' },
  silu: { op: 'silu', rule: 'pass' },
  add: { op: 'add', rule: 'norm' },
  multiply: { op: 'mul', rule: 'uniform' },
  multiply_constant: { op: 'mul_scalar', rule: 'pass', attributes: { value: 0.5 } },
  mean_tokens: { op: 'mean', rule: 'norm', attributes: { dim: [1], keepdim: true } },
  conv2d_epsilon: { op: 'conv2d', rule: 'epsilon', attributes: { stride: [4, 4] } }
}

describe('AttnLRP: every operation of the reference values', () => {
  const operations = readJson<Operation[]>(golden('attention', 'operations.json'))

  test.each(operations.filter((one) => one.case in OPS).map((one) => [one.case, one] as const))(
    '%s',
    async (name, { settings }) => {
      const all = await readSafetensors(golden('attention', 'operations.safetensors'))
      const own = (role: string): RawTensor | undefined => all.get(`${name}.${role}`)
      const { op, rule, attributes = {} } = OPS[name]!
      const { temperature = 1, epsilon, eps } = settings
      // LXT stabilises the sum where our mean stabilises the mean
      const share = op === 'mean' ? own('input')!.shape[1]! : 1
      const ruleParameters: RuleParameters = { stabiliser: 'plain', ...(epsilon && { epsilon: epsilon / share }) }
      const given = [own('input') ?? own('input_a')!, own('input_b')].filter((one) => one !== undefined)
      for (const [i, suffix] of given.length === 2 ? ['_a', '_b'].entries() : [''].entries()) {
        const found = await explainLayer({
          op,
          attributes: { ...attributes, ...(eps !== undefined && { eps }) },
          parameters: Object.fromEntries(['weight', 'bias'].flatMap((role) => (own(role) ? [[role, own(role)!]] : []))),
          inputs: given.map((one) =>
            changed(one, (value, i) => (name === 'softmax_causal_mask' && isLater(i) ? -Infinity : value / temperature))
          ),
          relevance: own('output_relevance')!,
          rule,
          ruleParameters: rule === 'pass' || rule === 'uniform' ? {} : ruleParameters,
          input: i
        })
        expect(relativeError(found, own(`input${suffix}_relevance`)!)).toBeLessThan(1e-4)
      }
    }
  )
})

function changed(tensor: RawTensor, change: (value: number, i: number) => number): RawTensor {
  const data = Float32Array.from(values(tensor), change)
  return { ...tensor, data: new Uint8Array(data.buffer) }
}

/** Above the diagonal of 5x5 scores. */
function isLater(index: number): boolean {
  return index % 5 > Math.floor(index / 5) % 5
}

/** Names of the nodes whose arriving relevance the reference values hold, in each file. */
const NODES: Record<string, Record<string, string>> = {
  'model.pt2': {
    'tokens.0': 'add',
    'tokens.1': 'add_2',
    'tokens.2': 'add_4',
    'attention.0.q': 'view_3',
    'attention.0.k': 'view_4',
    'attention.0.v': 'view_5',
    'attention.1.q': 'view_11',
    'attention.1.k': 'view_12',
    'attention.1.v': 'view_13'
  },
  'model.onnx': {
    'tokens.0': 'node_add_17',
    'tokens.1': 'node_add_169',
    'attention.0.scores': 'encoder.layers.encoder_layer_0.self_attention#24',
    'attention.0.weights': 'encoder.layers.encoder_layer_0.self_attention#25',
    'attention.1.scores': 'encoder.layers.encoder_layer_1.self_attention#24',
    'attention.1.weights': 'encoder.layers.encoder_layer_1.self_attention#25'
  }
}

describe('AttnLRP: the tiny vision transformer', () => {
  const folder = golden('attention', 'vit_tiny')

  describeFile('model.pt2')
  describeFile('model.onnx')

  function describeFile(file: string): void {
    const nodes = NODES[file]!
    test.each([
      ['attnlrp', 'attnlrp'],
      ['attnlrp-cp', 'cp']
    ])(`${file}: %s`, async (composite, name) => {
      const tensors = await readSafetensors(`${folder}/tensors.safetensors`)
      using model = await Model.load(`${folder}/${file}`)
      const input = floats(tensors.get('input')!)
      const found = await explain(model, input, { composite, layers: Object.values(nodes) })
      expect([...found.targets]).toEqual(Array.from(values(tensors.get('target')!), Number))
      expect(relativeError(found.logits, tensors.get('logits')!)).toBeLessThan(1e-5)
      expect(relativeError(found.relevance, tensors.get(`relevance.${name}`)!)).toBeLessThan(1e-4)
      expect(relativeError(found.relevance, tensors.get(`efficient.${name}`)!)).toBeLessThan(1e-3)
      const traced = Object.entries(nodes).filter(([part]) => tensors.has(`relevance.${name}.${part}`))
      expect(traced.length).toBeGreaterThan(1)
      for (const [part, node] of traced) {
        const error = relativeError(found.layers[node]!, tensors.get(`relevance.${name}.${part}`)!)
        expect({ part, close: error < 1e-4 }).toEqual({ part, close: true })
      }
    })
  }

  test('held attention weights with gamma, as LXT and zennit together', async () => {
    const tensors = await readSafetensors(`${folder}/tensors.safetensors`)
    using model = await Model.load(`${folder}/model.pt2`)
    const plain = { stabiliser: 'plain' }
    const gamma = (value: number, match: object): Composite['layers'][number] => ({
      ...match,
      rule: 'gamma',
      parameters: { gamma: value, epsilon: 1e-10 }
    })
    const composite: Composite = {
      name: 'cp-gamma',
      layers: [
        gamma(0.25, { kind: 'convolution' }),
        gamma(0.05, { kind: 'linear', name: '*mlp*' }),
        gamma(0.05, { kind: 'linear', name: 'heads*' }),
        { kind: 'linear', rule: 'epsilon', parameters: { ...plain } },
        { op: 'layer_norm', rule: 'epsilon', parameters: { ...plain } },
        { kind: 'sum', rule: 'norm', parameters: { ...plain, epsilon: 1e-8 } },
        { op: 'scaled_dot_product_attention', rule: 'attention-cp' }
      ]
    }
    const found = await explain(model, floats(tensors.get('input')!), { composite })
    expect(relativeError(found.relevance, tensors.get('efficient.cp-gamma')!)).toBeLessThan(1e-3)
  })
})
