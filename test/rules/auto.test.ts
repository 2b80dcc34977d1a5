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

test('dense layers whose places share a batch norm are convolutions of one place; one that a convolution reads makes it gamma', async () => {
  const norm = { weight: 'n', bias: 'n', running_mean: 'n', running_var: 'n' }
  const nodes = [
    node('stem', 'conv1d', ['input'], { padding: 1 }, { weight: 'c' }),
    node('first', 'linear', ['stem'], {}, { weight: 'w' }),
    node('rows', 'reshape', ['first'], { shape: [-1, 4] }),
    node('norm', 'batch_norm', ['rows'], {}, norm),
    node('back', 'reshape', ['norm'], { shape: [-1, 4, 4] }),
    node('second', 'linear', ['back'], {}, { weight: 'w' }),
    node('turned', 'permute', ['second'], { dims: [0, 2, 1] }),
    node('conv', 'conv1d', ['turned'], { padding: 1 }, { weight: 'c' }),
    node('after', 'relu', ['conv']),
    node('next', 'conv1d', ['after'], { padding: 1 }, { weight: 'c' }),
    node('third', 'linear', ['next'], {}, { weight: 'w' }),
    node('own', 'batch_norm', ['third'], {}, norm),
    node('mean', 'mean', ['own'], { dim: [2] }),
    node('head', 'linear', ['mean'], {}, { weight: 'w' })
  ]
  const numbers = (count: number) => Array.from({ length: count }, (_, i) => Math.sin(i + 1) + 1)
  using model = await Model.create({
    name: 'mixed',
    graph: { inputShape: [null, 4, 4], nodes, output: 'head' },
    tensors: new Map([
      ['w', weight([4, 4], numbers(16))],
      ['c', weight([4, 4, 3], numbers(48))],
      ['n', weight([4], numbers(4))]
    ])
  })
  expect(await model.folded()).toEqual(['norm'])
  const { rules, conservationError } = await explain(model, { data: Float32Array.from(numbers(16)), shape: [1, 4, 4] })
  const named = Object.fromEntries(rules.map(({ node, rule }) => [node, rule]))
  expect(named).toMatchObject({ stem: 'flat', first: 'zplus', second: 'epsilon', conv: 'gamma', next: 'zplus' })
  expect(named).toMatchObject({ third: 'epsilon', own: 'zplus', head: 'epsilon' })
  expect(conservationError[0]).toBeLessThan(1)
})
