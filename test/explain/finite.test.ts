import { expect, test } from '@jest/globals'
import { explain } from '../../src/explain/explain.js'
import { Model } from '../../src/model/model.js'
import { node, weight } from '../models.js'

const network = (classes: number[]) =>
  Model.create({
    name: 'two units',
    graph: {
      inputShape: [null, 1, 1, 1],
      nodes: [
        node('conv', 'conv2d', ['input'], {}, { weight: 'conv' }),
        node('relu', 'relu', ['conv']),
        node('flatten', 'flatten', ['relu']),
        node('linear', 'linear', ['flatten'], {}, { weight: 'linear' })
      ],
      output: 'linear'
    },
    tensors: new Map([
      ['conv', weight([2, 1, 1, 1], [1, -1])],
      ['linear', weight([2, 2], classes)]
    ])
  })

test('with an epsilon of 0 a unit that a ReLU switched off takes no relevance', async () => {
  using model = await network([1, 1, 0.5, 0.25])
  const { relevance } = await explain(
    model,
    { data: Float32Array.of(2), shape: [1, 1, 1, 1] },
    {
      rule: 'epsilon',
      epsilon: 0
    }
  )
  expect(relevance.data).toEqual(Float32Array.of(2))
})

test('logits that are not finite are an error', async () => {
  const nodes = [node('zero', 'sub', ['input', 'input']), node('log', 'aten::log', ['zero'])]
  using model = await Model.create({
    name: 'log',
    graph: { inputShape: [null, 2], nodes, output: 'log' },
    tensors: new Map()
  })
  const explaining = explain(model, { data: Float32Array.of(1, 2), shape: [1, 2] }, { rule: 'epsilon', target: 0 })
  await expect(explaining).rejects.toMatchObject({
    code: 'NUMERIC',
    message: 'the output of the network is not finite'
  })
})

test('an output that is not finite is an error that names its node once', async () => {
  using model = await network([3e38, 1, 0.5, 0.25])
  const input = { data: Float32Array.of(2), shape: [1, 1, 1, 1] }
  await expect(explain(model, input, { rule: 'epsilon' })).rejects.toMatchObject({
    code: 'NUMERIC',
    message: expect.stringMatching(/^node 'linear' \(linear\): the output is not finite$/)
  })
})

test('relevance that is not finite is an error that names the node', async () => {
  // x = (1, 1) and weights (1, -1): the output is exactly 0, and so is the denominator of the epsilon rule.
  using model = await Model.create({
    name: 'zero',
    graph: {
      inputShape: [null, 2],
      nodes: [
        node('hidden', 'linear', ['input'], {}, { weight: 'hidden' }),
        node('tanh', 'tanh', ['hidden']),
        node('shifted', 'add_scalar', ['tanh'], { value: 1 }),
        node('linear', 'linear', ['shifted'], {}, { weight: 'linear' })
      ],
      output: 'linear'
    },
    tensors: new Map([
      ['hidden', weight([1, 2], [1, -1])],
      ['linear', weight([2, 1], [1, 2])]
    ])
  })
  const input = { data: Float32Array.of(1, 1), shape: [1, 2] }
  const rules = {
    layers: [
      { kind: 'weighted' as const, rule: 'gradient' },
      { kind: 'activation' as const, rule: 'pass' }
    ]
  }
  const zero = {
    name: 'zero',
    layers: [
      { name: 'hidden', rule: 'epsilon', parameters: { epsilon: 0 } },
      { name: 'shifted', rule: 'pass' },
      ...rules.layers
    ]
  }
  await expect(explain(model, input, { composite: zero })).rejects.toMatchObject({
    code: 'NUMERIC',
    message: expect.stringContaining("node 'hidden' (linear)")
  })
})
