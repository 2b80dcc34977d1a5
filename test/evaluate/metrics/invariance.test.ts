import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { evaluate } from '../../../src/evaluate/evaluate.js'
import { canShift, shiftedParts } from '../../../src/evaluate/metrics/invariance.js'
import { buildLayers, type Layer } from '../../../src/model/layers.js'
import { initialise } from '../../../src/model/builder.js'
import { Model } from '../../../src/model/model.js'

const networks: [string, Layer[]][] = [
  [
    'convolutions with padding',
    [
      { type: 'convolution', channels: 4, kernelSize: 3, padding: [1, 2], stride: 2 },
      { type: 'relu' },
      { type: 'flatten' },
      { type: 'linear', features: 'classes' }
    ]
  ],
  [
    'linear layers',
    [{ type: 'flatten' }, { type: 'linear', features: 9, bias: false }, { type: 'linear', features: 3 }]
  ]
]

test.each(networks)('a shifted network of %s computes the same of shifted images', async (_, layers) => {
  const parts = await initialise(buildLayers(layers, { imageShape: [2, 8, 7], classes: 3 }), 1)
  using model = await Model.create(parts)
  using shifted = await Model.create(shiftedParts(await model.toParts(), -1.5))
  const data = Float32Array.from({ length: 2 * 2 * 56 }, (_, i) => Math.sin(i * i))
  const logits = await model.forward({ data, shape: [2, 2, 8, 7] })
  const same = await shifted.forward({ data: data.map((value) => value - 1.5), shape: [2, 2, 8, 7] })
  logits.data.forEach((value, i) => expect(same.data[i]).toBeCloseTo(value, 4))
})

let model: Model
beforeAll(async () => {
  const layers: Layer[] = [
    { type: 'convolution', channels: 4, kernelSize: 3 },
    { type: 'relu' },
    { type: 'flatten' },
    { type: 'linear', features: 'classes' }
  ]
  model = await Model.create(await initialise(buildLayers(layers, { imageShape: [1, 8, 8], classes: 10 }), 2))
})
afterAll(() => model.dispose())

test('the gradient and zbox are invariant, input times gradient is not', async () => {
  const methods = ['gradient', 'epsilon-gamma-box', 'input-x-gradient']
  const { methods: found } = await evaluate(model, { methods, metrics: ['input_invariance'], limit: 5 })
  const score = Object.fromEntries(found.map(({ name, scores }) => [name, scores.input_invariance!.mean]))
  expect(score.gradient).toBeLessThan(1e-4)
  expect(score['input-x-gradient']).toBeGreaterThan(0.5)
  expect(score['epsilon-gamma-box']).toBeLessThan(1e-3)
})

test('a network that begins otherwise has no such score', async () => {
  const layers: Layer[] = [{ type: 'relu' }, { type: 'flatten' }, { type: 'linear', features: 'classes' }]
  using other = await Model.create(await initialise(buildLayers(layers, { imageShape: [1, 8, 8], classes: 10 }), 2))
  expect(canShift(other.graph)).toBe(false)
  await expect(evaluate(other, { metrics: ['input_invariance'], limit: 1 })).rejects.toThrow(
    "the metric 'input_invariance' needs a network that begins with linear layers or convolutions"
  )
})
