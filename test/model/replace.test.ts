import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import fc from 'fast-check'
import type { ModelParts } from '../../src/core/graph.js'
import type { StateDict, Tensor } from '../../src/core/tensor.js'
import { initialise } from '../../src/model/builder.js'
import { buildLayers } from '../../src/model/layers.js'
import { Model } from '../../src/model/model.js'
import { floats, relativeError } from '../shared.js'

const LAYERS = [
  { type: 'convolution', channels: 4, kernelSize: 3, padding: 1, name: 'low' },
  { type: 'batch-norm', name: 'norm' },
  { type: 'relu' },
  { type: 'convolution', channels: 6, kernelSize: 3, name: 'high' },
  { type: 'relu' },
  { type: 'flatten' },
  { type: 'linear', features: 5, name: 'hidden' },
  { type: 'relu' },
  { type: 'linear', features: 'classes' }
] as Parameters<typeof buildLayers>[0]

const images = (seed: number, count = 3): Tensor => ({
  data: Float32Array.from({ length: count * 36 }, (_, i) => Math.sin(seed + 1.7 * i)),
  shape: [count, 1, 6, 6]
})

describe('a forward pass with replaced channels', () => {
  let parts: ModelParts
  let model: Model
  beforeAll(async () => {
    parts = await initialise(buildLayers(LAYERS, { imageShape: [1, 6, 6], classes: 4 }), 5)
    model = await Model.create(parts)
  })
  afterAll(() => model.dispose())

  /** The network with the weights and biases of some channels of a layer at 0. */
  async function without(layer: string, channels: number[]): Promise<Model> {
    const tensors: StateDict = new Map(parts.tensors)
    for (const name of [`${layer}.weight`, `${layer}.bias`]) {
      const { data, shape } = floats(tensors.get(name)!)
      const changed = Float32Array.from(data)
      const width = changed.length / shape[0]!
      for (const c of channels) changed.fill(0, c * width, (c + 1) * width)
      tensors.set(name, { dtype: 'f32', shape, data: new Uint8Array(changed.buffer) })
    }
    return Model.create({ ...parts, tensors })
  }

  test.each([
    ['high', [0, 5]],
    ['hidden', [0, 1, 2, 3, 4]]
  ])('channels of %s that become 0 are those whose weights are 0', async (layer, channels) => {
    const input = images(1)
    using other = await without(layer, channels)
    const replaced = await model.forward(input, { replace: [{ layer, channels }] })
    expect(relativeError(replaced, await other.forward(input))).toBeLessThan(1e-6)
    expect(relativeError(replaced, await model.forward(input))).toBeGreaterThan(1e-3)
  })

  test('all channels taken from other images give their logits, whatever the batches', async () => {
    const [own, others] = [images(1, 5), images(2, 5)]
    const whole = await model.forward(others)
    for (const [layer, count] of [
      ['low', 4],
      ['norm', 4],
      ['high', 6],
      ['hidden', 5]
    ] as const) {
      const values = (await model.activations(others, [layer]))[layer]!
      const replace = [{ layer, channels: Array.from({ length: count }, (_, i) => i), values }]
      for (const batchSize of [5, 2])
        expect(relativeError(await model.forward(own, { replace, batchSize }), whole)).toBeLessThan(1e-5)
    }
  })

  test('channels that keep their own values change nothing', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom('low', 'high', 'hidden'),
        fc.uniqueArray(fc.nat(3), { minLength: 1 }),
        fc.nat(100),
        async (layer, channels, seed) => {
          const input = images(seed)
          const values = (await model.activations(input, [layer]))[layer]!
          const replaced = await model.forward(input, { replace: [{ layer, channels, values }] })
          expect(relativeError(replaced, await model.forward(input))).toBeLessThan(1e-6)
        }
      ),
      { numRuns: 12 }
    )
  })

  test('what is not there, or does not fit, is refused by name', async () => {
    const refused = (replace: object[]): Promise<unknown> => model.forward(images(1), { replace: replace as never })
    await expect(refused([{ layer: 'high', channels: [6] }])).rejects.toThrow(
      "'high' has no channel 6: its channels are 0 to 5"
    )
    await expect(refused([{ layer: 'hihg', channels: [0] }])).rejects.toThrow('hihg')
    await expect(refused([{ layer: 'high' }])).rejects.toThrow('channels is missing')
    await expect(refused([{ layer: 'high', channels: [0], values: images(1) }])).rejects.toThrow(
      "values that replace channels of layer 'high' must have the shape of its output"
    )
  })
})
