import { expect, test } from '@jest/globals'
import { explain } from '../../src/explain/explain.js'
import { Model } from '../../src/model/model.js'
import { node, weight } from '../models.js'

const norm = (k: number): Record<string, string> => ({
  weight: `w${k}`,
  bias: `b${k}`,
  running_mean: `m${k}`,
  running_var: `v${k}`
})

test('a batch norm is not folded into a layer whose folded output another node reads too', async () => {
  // conv -> bn1 -> { bn2, sum }: timm's RepGhost block
  using model = await Model.create({
    name: 'repghost',
    graph: {
      inputShape: [null, 1, 1, 1],
      nodes: [
        node('conv', 'conv2d', ['input'], {}, { weight: 'conv' }),
        node('bn1', 'batch_norm', ['conv'], { eps: 0 }, norm(1)),
        node('bn2', 'batch_norm', ['bn1'], { eps: 0 }, norm(2)),
        node('sum', 'add', ['bn1', 'bn2']),
        node('flatten', 'flatten', ['sum'])
      ],
      output: 'flatten'
    },
    tensors: new Map([
      ['conv', weight([1, 1, 1, 1], [2])],
      ...[1, 2].flatMap((k): [string, ReturnType<typeof weight>][] => [
        [`w${k}`, weight([1], [3])],
        [`b${k}`, weight([1], [k])],
        [`m${k}`, weight([1], [0.5])],
        [`v${k}`, weight([1], [4])]
      ])
    ])
  })
  const input = { data: Float32Array.of(5), shape: [1, 1, 1, 1] }
  const first = (2 * 5 - 0.5) * 1.5 + 1
  const expected = first + (first - 0.5) * 1.5 + 2
  expect((await model.forward(input)).data[0]).toBeCloseTo(expected, 4)
  expect((await explain(model, input, { rule: 'epsilon' })).logits.data[0]).toBeCloseTo(expected, 4)
})
