import { expect, test } from '@jest/globals'
import { explain } from '../../src/explain/explain.js'
import { Model } from '../../src/model/model.js'
import type { GraphNode } from '../../src/core/graph.js'
import { node, weight } from '../models.js'

const identity = weight([3, 3], [1, 0, 0, 0, 1, 0, 0, 0, 1])
const values = Float32Array.from({ length: 18 }, (_, i) => Math.sin(i + 1))

function moved(middle: GraphNode[]): Promise<Model> {
  const nodes = [
    ...middle,
    node('flatten', 'flatten', [middle.at(-1)!.name]),
    node('linear', 'linear', ['flatten'], {}, { weight: 'linear' })
  ]
  return Model.create({
    name: 'moved',
    graph: { inputShape: [null, 2, 3], nodes, output: 'linear' },
    tensors: new Map([
      ['identity', identity],
      [
        'linear',
        weight(
          [4, 6],
          Float32Array.from({ length: 24 }, (_, i) => Math.cos(i))
        )
      ]
    ])
  })
}

const tokensFirst = [
  node('first', 'permute', ['input'], { dims: [1, 0, 2] }),
  node('layer', 'linear', ['first'], {}, { weight: 'identity' }),
  node('back', 'permute', ['layer'], { dims: [1, 0, 2] })
]
const tokensFolded = [
  node('first', 'permute', ['input'], { dims: [1, 0, 2] }),
  node('folded', 'reshape', ['first'], { shape: [-1, 3] }), // [tokens * images, 3]: images are the inner part
  node('layer', 'linear', ['folded'], {}, { weight: 'identity' }),
  node('unfolded', 'reshape', ['layer'], { shape: [2, -1, 3] }),
  node('back', 'permute', ['unfolded'], { dims: [1, 0, 2] })
]
const windows = [
  node('folded', 'reshape', ['input'], { shape: [-1, 3] }), // [images * tokens, 3]
  node('layer', 'linear', ['folded'], {}, { weight: 'identity' }),
  node('back', 'reshape', ['layer'], { shape: [-1, 2, 3] })
]

test.each([
  ['tokens first', tokensFirst, 1],
  ['tokens first', tokensFirst, 3],
  ['tokens folded into the batch', tokensFolded, 3],
  ['windows folded into the batch', windows, 3]
])('the relevance of a layer is summed per image: %s, %#', async (_, middle, images) => {
  using model = await moved(middle)
  const input = { data: values.slice(0, images * 6), shape: [images, 2, 3] }
  const { conservation, logits, targets } = await explain(model, input, { rule: 'epsilon', conservation: true })
  const layer = conservation!.find(({ node }) => node === 'layer')!
  const expected = Array.from({ length: images }, (_, i) => logits.data[i * 4 + targets[i]!]!)
  expect(layer.arriving.length).toBe(images)
  layer.arriving.forEach((sum, i) => expect(sum).toBeCloseTo(expected[i]!, 4))
})

test.each([
  ['tokens first', tokensFirst],
  ['tokens folded into the batch', tokensFolded],
  ['windows folded into the batch', windows]
])('the relevance of a layer has the images first, however many a pass has: %s', async (_, middle) => {
  using model = await moved(middle)
  const images = 3
  const input = { data: values.slice(0, images * 6), shape: [images, 2, 3] }
  const whole = await explain(model, input, { rule: 'epsilon', layers: ['layer'] })
  const { data, shape } = whole.layers.layer!
  expect(shape).toEqual([images, 2, 3])
  for (let i = 0; i < images; i++) {
    const sum = data.subarray(i * 6, (i + 1) * 6).reduce((a, b) => a + b, 0)
    expect(sum).toBeCloseTo(whole.logits.data[i * 4 + whole.targets[i]!]!, 4)
  }
  for (const batchSize of [1, 2]) {
    const { layers } = await explain(model, input, { rule: 'epsilon', layers: ['layer'], batchSize })
    expect(layers.layer!.shape).toEqual(shape)
    layers.layer!.data.forEach((value, i) => expect(value).toBeCloseTo(data[i]!, 5))
  }
  const several = await explain(model, input, { rule: 'epsilon', layers: ['layer'], batchSize: 1, target: [0, 2] })
  expect(several.layers.layer!.shape).toEqual([2, ...shape])
})
