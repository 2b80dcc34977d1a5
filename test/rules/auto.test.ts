import { expect, test } from '@jest/globals'
import { explain } from '../../src/explain/explain.js'
import { Model } from '../../src/model/model.js'
import { signalOf } from '../../src/rules/gates.js'
import { node, weight } from '../models.js'

const gated = [
  node('conv', 'conv2d', ['input'], {}, { weight: 'conv' }),
  node('pool', 'adaptive_avg_pool2d', ['conv'], { output_size: 1 }),
  node('gate', 'sigmoid', ['pool']),
  node('product', 'mul', ['conv', 'gate']),
  node('shifted', 'add_scalar', ['product'], { value: 3 }),
  node('clipped', 'relu6', ['shifted']),
  node('swish', 'mul', ['product', 'clipped']),
  node('flat', 'flatten', ['swish']),
  node('head', 'linear', ['flat'], {}, { weight: 'head' })
]
const graph = { inputShape: [null, 1, 2, 2], nodes: gated, output: 'head' }

test('a gate and a decomposed activation leave the relevance to the signal', () => {
  expect(signalOf(graph, gated[3]!)).toBe(0)
  expect(signalOf(graph, gated[6]!)).toBe(0)
})

test('without a rule every network is explained by auto, and conserves relevance without biases', async () => {
  using model = await Model.create({
    name: 'gated',
    graph,
    tensors: new Map([
      ['conv', weight([1, 1, 1, 1], [1])],
      ['head', weight([2, 4], [1, 2, 3, 4, 1, 1, 1, 1])]
    ])
  })
  const { name, sums, logits, rules } = await explain(model, { data: Float32Array.of(1, 2, 3, 4), shape: [1, 1, 2, 2] })
  expect(name).toBe('auto')
  expect(sums[0]).toBeCloseTo(Math.max(...logits.data), 3)
  expect(rules.find((rule) => rule.node === 'product')).toMatchObject({ rule: 'uniform', parameters: { signal: 0 } })
})
