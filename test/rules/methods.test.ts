import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { explain } from '../../src/explain/explain.js'
import { GraphBuilder, initialise } from '../../src/model/builder.js'
import { Model } from '../../src/model/model.js'
import type { Tensor } from '../../src/core/tensor.js'

describe('methods beside LRP', () => {
  let model: Model
  const input: Tensor = {
    data: Float32Array.from({ length: 2 * 64 }, (_, i) => ((i * 37) % 64) / 64),
    shape: [2, 1, 8, 8]
  }
  beforeAll(async () => {
    const b = new GraphBuilder([1, 8, 8])
    let x = b.add('relu', 'relu', [b.convolution('conv', 'input', 4, 3, { padding: 1 })])
    x = b.add('flatten', 'flatten', [x], { start_dim: 1, end_dim: -1 })
    model = await Model.create(await initialise(b.finish('tiny', b.linear('last', x, 3)), 5))
  })
  afterAll(() => model.dispose())

  test('the gradient agrees with finite differences', async () => {
    const { relevance } = await explain(model, input, { method: 'gradient', target: 1 })
    for (const i of [0, 9, 30, 63]) {
      const at = async (step: number): Promise<number> => {
        const data = Float32Array.from(input.data)
        data[i]! += step
        return (await model.forward({ data, shape: input.shape })).data[1]!
      }
      const slope = ((await at(0.01)) - (await at(-0.01))) / 0.02
      expect(relevance.data[i]!).toBeCloseTo(slope, 3)
    }
  })

  test('occlusion is the fall of the logit when a square becomes 0, spread over it', async () => {
    const { relevance, logits } = await explain(model, input, { method: 'occlusion', window: 4, target: 2 })
    const data = Float32Array.from(input.data)
    for (let y = 0; y < 4; y++) for (let x = 0; x < 4; x++) data[y * 8 + x] = 0
    const covered = await model.forward({ data, shape: input.shape })
    expect(relevance.data[0]!).toBeCloseTo(logits.data[2]! - covered.data[2]!, 5)
    expect(relevance.data[27]!).toBeCloseTo(relevance.data[0]!, 6)
  })

  test('several targets in several passes have the targets, sums and errors of one pass', async () => {
    const options = { rule: 'epsilon', target: [2, 0] }
    const one = await explain(model, input, options)
    const many = await explain(model, input, { ...options, batchSize: 1 })
    expect([...many.targets]).toEqual([2, 2, 0, 0])
    for (const key of ['sums', 'conservationError'] as const) {
      expect(many[key]).toHaveLength(4)
      many[key].forEach((value, i) => expect(value).toBeCloseTo(one[key][i]!, 5))
    }
    expect(one.sums[0]).not.toBeCloseTo(one.sums[2]!, 3)
  })

  test('integrated gradients tend to the difference of the logits', async () => {
    const { relevance, logits } = await explain(model, input, { method: 'integrated-gradients', steps: 300, target: 0 })
    const zero = await model.forward({ data: new Float32Array(64), shape: [1, 1, 8, 8] })
    const sum = relevance.data.slice(0, 64).reduce((total, value) => total + value, 0)
    expect(sum).toBeCloseTo(logits.data[0]! - zero.data[0]!, 2)
  })

  test('smoothgrad without noise is the gradient, and depends on the seed with noise', async () => {
    const gradient = await explain(model, input, { method: 'gradient' })
    const still = await explain(model, input, { method: 'smoothgrad', noise: 0, steps: 3 })
    still.relevance.data.forEach((value, i) => expect(value).toBeCloseTo(gradient.relevance.data[i]!, 5))
    const noisy = (seed: number): Promise<Float32Array> =>
      explain(model, input, { method: 'smoothgrad', noise: 0.5, steps: 3, seed }).then(
        ({ relevance }) => relevance.data
      )
    expect(await noisy(1)).toEqual(await noisy(1))
    expect(await noisy(1)).not.toEqual(await noisy(2))
  })

  test('Grad-CAM is never negative and shaped like the input; random needs no network', async () => {
    const cam = await explain(model, input, { method: 'grad-cam', target: [0, 1, 2] })
    expect(cam.relevance.shape).toEqual([3, 2, 1, 8, 8])
    expect(Math.min(...cam.relevance.data)).toBeGreaterThanOrEqual(0)
    const random = await explain(model, input, { method: 'random', seed: 3 })
    expect(random.relevance.shape).toEqual(input.shape)
  })

  test('relevance may start from 1, the probability, or the difference to the runner-up', async () => {
    const options = { rule: 'zplus', ignoreBias: true, conservation: true } as const
    const { logits } = await explain(model, input, options)
    const row = Array.from(logits.data.slice(0, 3))
    const largest = Math.max(...row)
    const sum = row.reduce((total, logit) => total + Math.exp(logit - largest), 0)
    const sorted = [...row].sort((a, b) => b - a)
    const expected = { one: 1, logit: largest, probability: 1 / sum, 'softmax-gradient': 0 }
    for (const start of ['one', 'logit', 'probability', 'softmax-gradient'] as const) {
      const { conservation } = await explain(model, input, { ...options, start })
      expect(conservation.at(-1)!.arriving[0]!).toBeCloseTo(expected[start], 5)
    }
    const { conservation } = await explain(model, input, { ...options, against: 'runner-up' })
    expect(conservation.at(-1)!.arriving[0]!).toBeCloseTo(sorted[0]! - sorted[1]!, 5)
  })

  test('top-k keeps the strongest share at every layer, and conservation adds up', async () => {
    const { relevance, conservation } = await explain(model, input, { rule: 'epsilon', topK: 0.1, conservation: true })
    const all = await explain(model, input, { rule: 'epsilon' })
    const nonzero = (map: Float32Array): number => map.filter((value) => value !== 0).length
    expect(nonzero(relevance.data)).toBeLessThan(nonzero(all.relevance.data))
    for (const layer of conservation) {
      const parts = layer.propagated[0]! + layer.absorbedByBias[0]! + layer.absorbedByStabiliser[0]!
      expect(parts).toBeCloseTo(layer.arriving[0]!, 6)
    }
  })
})
