import { expect, test } from '@jest/globals'
import { buildLayers } from '../../src/model/layers.js'
import { initialise, GraphBuilder } from '../../src/model/builder.js'
import { inspectModel } from '../../src/explain/inspect-model.js'
import { Model } from '../../src/model/model.js'
import { plainPreprocessing } from '../../src/model/preprocessing.js'

test('nodes have shapes, sizes, multiply-adds and rules', async () => {
  const architecture = buildLayers(
    [
      { type: 'convolution', channels: 4, kernelSize: 3, padding: 1 },
      { type: 'relu' },
      { type: 'flatten' },
      { type: 'linear', features: 'classes' }
    ],
    { imageShape: [3, 5, 6], classes: 7 }
  )
  using model = await Model.create(await initialise(architecture, 0))
  const { nodes, parameters, multiplyAdds, obstacle } = await inspectModel(model, { rule: 'alpha2beta1' })
  expect(nodes.map(({ op, outputShape }) => [op, outputShape])).toEqual([
    ['conv2d', [4, 5, 6]],
    ['relu', [4, 5, 6]],
    ['flatten', [120]],
    ['linear', [7]]
  ])
  expect([parameters, multiplyAdds]).toEqual([4 * 27 + 4 + 7 * 120 + 7, 30 * 4 * 27 + 7 * 120])
  expect(nodes.map(({ rule }) => rule?.rule)).toEqual(['alphabeta', 'pass', 'gradient', 'alphabeta'])
  expect(obstacle).toBeUndefined()
})

test('where one node has no rule the others keep theirs, and the node is named', async () => {
  const b = new GraphBuilder([1, 4, 4])
  const flat = b.add('flat', 'flatten', ['input'], {})
  const normed = b.layerNorm('norm', flat)
  const architecture = b.finish('normed', b.linear('head', normed, 3), plainPreprocessing([1, 4, 4]))
  using model = await Model.create(await initialise(architecture, 0))
  const { nodes, obstacle } = await inspectModel(model, { rule: 'epsilon' })
  expect(nodes.map(({ rule }) => rule?.rule)).toEqual(['gradient', undefined, 'epsilon'])
  expect(obstacle).toContain("node 'norm' (layer_norm): composite 'epsilon' names no rule for it: auto, attnlrp")
})
