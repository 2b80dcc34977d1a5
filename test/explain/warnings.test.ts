import { describe, expect, test } from '@jest/globals'
import { explain } from '../../src/explain/explain.js'
import { Model } from '../../src/model/model.js'
import type { Tensor } from '../../src/core/tensor.js'
import { node, weight } from '../models.js'

const x: Tensor = { data: Float32Array.of(1), shape: [1, 1] }

/** relu(a) + b, b = -a + 1e-7: the summands cancel. */
function cancelling(): Promise<Model> {
  const nodes = [
    node('a', 'relu', ['input']),
    node('b', 'linear', ['input'], {}, { weight: 'b.weight', bias: 'b.bias' }),
    node('sum', 'add', ['a', 'b']),
    node('last', 'linear', ['sum'], {}, { weight: 'last.weight', bias: 'last.bias' })
  ]
  const tensors = new Map([
    ['b.weight', weight([1, 1], [-1])],
    ['b.bias', weight([1], [1e-7])],
    ['last.weight', weight([2, 1], [1e7, 1])],
    ['last.bias', weight([2], [0, 0])]
  ])
  return Model.create({ name: 'cancelling', graph: { inputShape: [null, 1], nodes, output: 'last' }, tensors })
}

/** Two linear layers; nearly all of the output is the bias of the second. */
function biased(): Promise<Model> {
  const nodes = [
    node('first', 'linear', ['input'], {}, { weight: 'first.weight' }),
    node('last', 'linear', ['first'], {}, { weight: 'last.weight', bias: 'last.bias' })
  ]
  const tensors = new Map([
    ['first.weight', weight([1, 1], [1])],
    ['last.weight', weight([2, 1], [0.001, 0])],
    ['last.bias', weight([2], [1, 0])]
  ])
  return Model.create({ name: 'biased', graph: { inputShape: [null, 1], nodes, output: 'last' }, tensors })
}

describe('warnings say what happens and what helps', () => {
  test('summands that cancel explode, whatever the map sums to', async () => {
    const model = await cancelling()
    const { warnings } = await explain(model, x, { rule: 'epsilon', conservation: true, target: 0 })
    expect(warnings).toEqual([expect.stringMatching(/explodes at layer 'sum'.*cancel.*larger epsilon/)])
    model.dispose()
  })

  test('biases that absorb it are named, with what the map holds', async () => {
    const model = await biased()
    const named = await explain(model, x, { rule: 'epsilon', conservation: true, target: 0 })
    expect(named.warnings).toEqual([
      "biases absorb all but 0.1 % of the relevance, most of it at layer 'last', which follows from the rules: " +
        'compare the pixels with each other, not with the logit'
    ])
    const alone = await explain(model, x, { rule: 'epsilon', target: 0 })
    expect(alone.warnings).toEqual([expect.stringMatching(/contains only 0\.1 % of the relevance: set conservation/)])
    const ignored = await explain(model, x, { rule: 'epsilon', target: 0, ignoreBias: true, conservation: true })
    expect(ignored.warnings).toEqual([])
    model.dispose()
  })

  test.each([
    [
      1e4,
      /explodes at layer 'first'.*patternnet does not conserve relevance; its parameter normalise limits the relevance/
    ],
    [1e-7, /rules that do not conserve relevance lose all but .* at layer 'first': fit the patterns to more images/]
  ])('PatternNet, which has no epsilon, is not told to change it (pattern %p)', async (size, sentence) => {
    using model = await biased()
    const patterns = new Map([
      ['first', weight([1, 1], [size])],
      ['last', weight([2, 1], [1, 1])]
    ])
    const options = { rule: 'patternnet', patterns, target: 0, conservation: true } as const
    const { warnings } = await explain(model, x, options)
    expect(warnings).toEqual([expect.stringMatching(sentence)])
    expect(warnings[0]).not.toMatch(/epsilon/)
    const [alone] = (await explain(model, x, { ...options, conservation: false })).warnings
    expect(alone).not.toMatch(/epsilon/)
  })
})
