import { describe, expect, test } from '@jest/globals'
import fc from 'fast-check'
import { explain, type Explanation } from '../../src/explain/explain.js'
import type { ExplainOptions } from '../../src/explain/options.js'
import { GraphBuilder, initialise, type Architecture } from '../../src/model/builder.js'
import { Model } from '../../src/model/model.js'
import type { Tensor } from '../../src/core/tensor.js'

type Step = 'convolution' | 'residual' | 'branch' | 'average' | 'maximum'
interface Shape {
  steps: Step[]
  channels: number
  bias: boolean
  seed: number
}

const shapes: fc.Arbitrary<Shape> = fc.record({
  steps: fc.array(fc.constantFrom<Step>('convolution', 'residual', 'branch', 'average', 'maximum'), {
    minLength: 1,
    maxLength: 4
  }),
  channels: fc.integer({ min: 1, max: 3 }),
  bias: fc.constant(false),
  seed: fc.integer({ min: 0, max: 1e6 })
})

/** A small network with branches, sums, concatenations and pools, as the steps say. */
function network({ steps, channels, bias }: Shape): Architecture {
  const b = new GraphBuilder([channels, 8, 8])
  let x = b.add('first.relu', 'relu', [b.convolution('first', 'input', 4, 3, { padding: 1, bias })])
  steps.forEach((step, i) => {
    const convolved = (name: string, input: string): string =>
      b.add(`${name}.relu`, 'relu', [b.convolution(name, input, 4, 3, { padding: 1, bias })])
    if (step === 'convolution') x = convolved(`c${i}`, x)
    if (step === 'residual') x = b.add(`add${i}`, 'add', [convolved(`r${i}`, x), x])
    if (step === 'branch') {
      const joined = b.add(`cat${i}`, 'cat', [convolved(`a${i}`, x), convolved(`b${i}`, x)], { dim: 1 })
      x = convolved(`j${i}`, joined)
    }
    const pool = { kernel_size: 2, stride: 1 }
    if (step === 'average') x = b.add(`avg${i}`, 'avg_pool2d', [x], pool)
    if (step === 'maximum') x = b.add(`max${i}`, 'max_pool2d', [x], pool)
  })
  x = b.add('flatten', 'flatten', [x], { start_dim: 1, end_dim: -1 })
  return b.finish('random', b.linear('last', x, 3, bias))
}

function randomImages(shape: Shape, count: number, positive = false): Tensor {
  let state = shape.seed + 1
  const next = (): number => (state = (state * 48271) % 2147483647) / 2147483647
  const size = count * shape.channels * 64
  const data = Float32Array.from({ length: size }, () => (positive ? next() : next() * 2 - 1))
  return { data, shape: [count, shape.channels, 8, 8] }
}

async function check(property: (model: Model, shape: Shape) => Promise<void>, arbitrary = shapes): Promise<void> {
  await fc.assert(
    fc.asyncProperty(arbitrary, async (shape) => {
      const model = await Model.create(await initialise(network(shape), shape.seed))
      try {
        await property(model, shape)
      } finally {
        model.dispose()
      }
    }),
    { numRuns: 25, seed: 20261121 }
  )
}

/** Largest difference as a share of the largest magnitude. */
function difference(a: Tensor, b: Tensor): number {
  let [worst, largest] = [0, 1e-12]
  for (let i = 0; i < b.data.length; i++) {
    worst = Math.max(worst, Math.abs(a.data[i]! - b.data[i]!))
    largest = Math.max(largest, Math.abs(b.data[i]!))
  }
  return worst / largest
}

const run = (model: Model, input: Tensor, options: ExplainOptions): Promise<Explanation> =>
  explain(model, input, options)

describe('properties over random networks', () => {
  test('zplus without biases conserves relevance', () =>
    check(async (model, shape) => {
      const { conservationError, logits } = await run(model, randomImages(shape, 2, true), {
        rule: 'zplus',
        epsilon: 1e-12
      })
      logits.data.forEach((logit) => expect(Number.isFinite(logit)).toBe(true))
      conservationError.forEach((error) => expect(error).toBeLessThan(1e-3))
    }))

  test('alphabeta(1, 0) is zplus', () =>
    check(async (model, shape) => {
      const input = randomImages(shape, 2)
      const a = await run(model, input, { rule: 'alpha1beta0' })
      const b = await run(model, input, { rule: 'zplus' })
      expect(difference(a.relevance, b.relevance)).toBeLessThan(1e-6)
    }))

  test('gamma is epsilon at 0, and tends to zplus where the outputs are positive', () =>
    check(async (model, shape) => {
      const input = randomImages(shape, 2, true)
      const epsilon = await run(model, input, { rule: 'epsilon' })
      const none = await run(model, input, { rule: 'gamma', gamma: 0 })
      expect(difference(none.relevance, epsilon.relevance)).toBeLessThan(1e-3)
      const convolutions = (rule: string, parameters = {}): ExplainOptions => ({
        composite: {
          name: 'test',
          layers: [
            { kind: 'convolution', rule, parameters },
            { kind: 'weighted', rule: 'epsilon' }
          ]
        }
      })
      const plus = await run(model, input, convolutions('zplus'))
      const much = await run(model, input, convolutions('gamma', { gamma: 1e5 }))
      const some = await run(model, input, convolutions('gamma', { gamma: 1 }))
      const [near, far] = [difference(much.relevance, plus.relevance), difference(some.relevance, plus.relevance)]
      expect(near).toBeLessThan(Math.max(0.01, far))
    }))

  test('epsilon with a vanishing stabiliser is input x gradient on ReLU networks without biases', () =>
    check(async (model, shape) => {
      const input = randomImages(shape, 2)
      const lrp = await run(model, input, { rule: 'epsilon', epsilon: 1e-12, target: 1 })
      const product = await run(model, input, { method: 'input-x-gradient', target: 1 })
      const { logits } = lrp
      const conditioned = [0, 1].every((i) => Math.abs(logits.data[i * 3 + 1]!) > 1e-3)
      if (conditioned) expect(difference(lrp.relevance, product.relevance)).toBeLessThan(5e-3)
    }))

  test('relevance of targets together is the sum of their relevances', () =>
    check(async (model, shape) => {
      const input = randomImages(shape, 2)
      const apart = await run(model, input, { rule: 'alpha2beta1', target: [0, 2] })
      const together = await run(model, input, { rule: 'alpha2beta1', target: [0, 2], together: true })
      const half = apart.relevance.data.length / 2
      const sum = apart.relevance.data.slice(0, half).map((value, i) => value + apart.relevance.data[half + i]!)
      expect(difference(together.relevance, { data: sum, shape: together.relevance.shape })).toBeLessThan(1e-4)
    }))

  test('a permuted batch has permuted maps', () =>
    check(async (model, shape) => {
      const input = randomImages(shape, 3)
      const size = input.data.length / 3
      const order = [2, 0, 1]
      const shuffled = { data: new Float32Array(input.data.length), shape: input.shape }
      order.forEach((from, to) => shuffled.data.set(input.data.subarray(from * size, (from + 1) * size), to * size))
      const straight = await run(model, input, { composite: 'epsilon-alpha2beta1' })
      const permuted = await run(model, shuffled, { composite: 'epsilon-alpha2beta1' })
      const expected = { data: new Float32Array(input.data.length), shape: input.shape }
      order.forEach((from, to) =>
        expected.data.set(straight.relevance.data.subarray(from * size, (from + 1) * size), to * size)
      )
      expect(difference(permuted.relevance, expected)).toBeLessThan(1e-4)
    }))
})
