import { expect, test } from '@jest/globals'
import { explain } from '../../src/explain/explain.js'
import { Model } from '../../src/model/model.js'
import { node, weight } from '../models.js'

/** A batch norm that no layer before it can take up, as in DenseNet. */
test.each([
  ['as many rows as channels', 2],
  ['more rows than channels', 3]
])('a batch norm takes its shift per channel from its output: %s', async (_, rows) => {
  const size = 2 * rows * 2
  using model = await Model.create({
    name: 'norm',
    graph: {
      inputShape: [null, 2, rows, 2],
      nodes: [
        node(
          'norm',
          'batch_norm',
          ['input'],
          { eps: 0 },
          { weight: 'w', bias: 'b', running_mean: 'm', running_var: 'v' }
        ),
        node('flatten', 'flatten', ['norm']),
        node('linear', 'linear', ['flatten'], {}, { weight: 'linear' })
      ],
      output: 'linear'
    },
    tensors: new Map([
      ['w', weight([2], [2, -3])],
      ['b', weight([2], [5, 0.5])],
      ['m', weight([2], [0.25, -1])],
      ['v', weight([2], [1, 4])],
      [
        'linear',
        weight(
          [1, size],
          Float32Array.from({ length: size }, (_, i) => Math.cos(i))
        )
      ]
    ])
  })
  const input = { data: Float32Array.from({ length: size }, (_, i) => Math.sin(i + 1)), shape: [1, 2, rows, 2] }
  const options = { rule: 'epsilon', epsilon: 1e-9, ignoreBias: true, target: 0, conservation: true }
  const { relevance, layers } = await explain(model, input, { ...options, layers: ['norm'] })
  // without its shift the norm scales every entry: an entry keeps what arrives at it
  relevance.data.forEach((value, i) => expect(value).toBeCloseTo(layers['norm']!.data[i]!, 4))
})
