import { describe, expect, test } from '@jest/globals'
import fc from 'fast-check'
import { conceptLayer, pathTo } from '../../src/concepts/layers.js'
import type { Tensor } from '../../src/core/tensor.js'
import { explain } from '../../src/explain/explain.js'
import type { ExplainOptions } from '../../src/explain/options.js'
import { GraphBuilder, initialise, type Architecture } from '../../src/model/builder.js'
import { Model } from '../../src/model/model.js'
import { values } from '../shared.js'

type Step = 'convolution' | 'residual' | 'pool'
type Kind = 'convolution' | 'dense' | 'heads'
interface Shape {
  before: Step[]
  after: Step[]
  /** What the named layer is. */
  kind: Kind
  /** A shortcut leads round the named layer. */
  shortcut: boolean
  seed: number
}

const steps = fc.array(fc.constantFrom<Step>('convolution', 'residual', 'pool'), { maxLength: 2 })
const shapeOf = (kinds: Kind[]): fc.Arbitrary<Shape> =>
  fc.record({
    before: steps,
    after: steps,
    kind: fc.constantFrom(...kinds),
    shortcut: fc.boolean(),
    seed: fc.integer({ min: 0, max: 1e6 })
  })

const SIDE = 6
const CHANNELS = 4
const HEADS = 2

/** A small network whose layer `named` is reached by every path, or is passed by a shortcut. */
function network({ before, after, kind, shortcut }: Shape): Architecture {
  const b = new GraphBuilder([1, SIDE, SIDE])
  const convolved = (name: string, input: string): string =>
    b.add(`${name}.relu`, 'relu', [b.convolution(name, input, CHANNELS, 3, { padding: 1 })])
  const through = (some: Step[], at: string, start: string): string =>
    some.reduce((x, step, i) => {
      const name = `${at}${i}`
      if (step === 'convolution') return convolved(name, x)
      if (step === 'residual') return b.add(`${name}.add`, 'add', [convolved(name, x), x])
      return b.add(name, 'avg_pool2d', [x], { kernel_size: 2, stride: 1 })
    }, start)
  let x = through(before, 'before', convolved('first', 'input'))
  if (kind === 'convolution') {
    const named = b.convolution('named', x, CHANNELS, 3, { padding: 1 })
    x = through(after, 'after', shortcut ? b.add('sum', 'add', [named, x]) : b.add('relu', 'relu', [named]))
    x = b.add('flatten', 'flatten', [x], { start_dim: 1, end_dim: -1 })
  } else if (kind === 'dense') {
    x = b.add('flatten', 'flatten', [x], { start_dim: 1, end_dim: -1 })
    x = b.add('mixed.relu', 'relu', [b.linear('mixed', x, 5)])
    const named = b.linear('named', x, 5)
    x = shortcut ? b.add('sum', 'add', [named, x]) : b.add('relu', 'relu', [named])
  } else x = attention(b, x, shortcut)
  return b.finish('random', b.linear('last', x, 3))
}

/** Self-attention over the pixels as tokens. */
function attention(b: GraphBuilder, input: string, shortcut: boolean): string {
  const [channels, height, width] = b.shapeOf(input) as [number, number, number]
  const tokens = height * width
  const flat = b.add('tokens', 'reshape', [input], { shape: [0, channels, tokens] })
  const x = b.add('permute', 'permute', [flat], { dims: [0, 2, 1] })
  const parts = ['query', 'key', 'value'].map((part) => {
    const split = b.add(`${part}.heads`, 'reshape', [b.linear(part, x, channels)], {
      shape: [0, tokens, HEADS, channels / HEADS]
    })
    return b.add(`${part}.permute`, 'permute', [split], { dims: [0, 2, 1, 3] })
  })
  const named = b.add('named', 'scaled_dot_product_attention', parts)
  let y = b.add('back', 'permute', [named], { dims: [0, 2, 1, 3] })
  y = b.add('join', 'reshape', [y], { shape: [0, tokens, channels] })
  if (shortcut) y = b.add('sum', 'add', [y, x])
  return b.add('flatten', 'flatten', [y], { start_dim: 1, end_dim: -1 })
}

function images(seed: number, count: number): Tensor {
  let state = seed + 1
  const next = (): number => (state = (state * 48271) % 2147483647) / 2147483647
  return { data: Float32Array.from({ length: count * SIDE ** 2 }, next), shape: [count, 1, SIDE, SIDE] }
}

async function check(kinds: Kind[], property: (model: Model, shape: Shape) => Promise<void>): Promise<void> {
  await fc.assert(
    fc.asyncProperty(shapeOf(kinds), async (shape) => {
      using model = await Model.create(await initialise(network(shape), shape.seed))
      await property(model, shape)
    }),
    { numRuns: 25, seed: 7 }
  )
}

const largestOf = ({ data }: Tensor): number => Math.max(...data.map(Math.abs))
const differenceOf = (a: Tensor, b: Tensor): number =>
  Math.max(...a.data.map((value, i) => Math.abs(value - b.data[i]!)))
/** Maps of dead networks are 0. */
function expectClose(a: Tensor, b: Tensor, tolerance: number): void {
  expect(differenceOf(a, b)).toBeLessThanOrEqual(tolerance * largestOf(b))
}
const all = (count: number): number[] => Array.from({ length: count }, (_, i) => i)
const KINDS: [Kind, number, ExplainOptions][] = [
  ['convolution', CHANNELS, { composite: 'epsilon-plus' }],
  ['dense', 5, { rule: 'gamma' }],
  ['heads', HEADS, { composite: 'attnlrp' }]
]

describe.each(KINDS)('a layer of kind %s', (kind, count, how) => {
  test('the maps of all channels add up to the map of the layer, and to the whole one where every path leads through it', () =>
    check([kind], async (model, { seed, shortcut }) => {
      const input = images(seed, 2)
      const conditional = async (channels: number[]): Promise<Tensor> =>
        (await explain(model, input, { ...how, target: 1, concepts: { named: channels }, exclusive: true })).relevance
      const total = new Float32Array(input.data.length)
      for (const channel of all(count)) (await conditional([channel])).data.forEach((value, i) => (total[i]! += value))
      const sum = { data: total, shape: input.shape }
      expectClose(sum, await conditional(all(count)), 1e-4)
      if (!shortcut) expectClose(sum, (await explain(model, input, { ...how, target: 1 })).relevance, 1e-4)
    }))

  test('exclusive and parallel differ only where a path leads round the layer', async () => {
    let differing = 0
    await check([kind], async (model, { seed, shortcut }) => {
      const input = images(seed, 2)
      const asked = { ...how, target: 0, concepts: { named: [seed % count] } }
      const parallel = (await explain(model, input, asked)).relevance
      const exclusive = (await explain(model, input, { ...asked, exclusive: true })).relevance
      if (!shortcut) expectClose(exclusive, parallel, 1e-5)
      else if (differenceOf(exclusive, parallel) > 1e-2 * largestOf(parallel)) differing++
    })
    expect(differing).toBeGreaterThan(5)
  })

  test("the relevance of its channels adds up to the layer's", () =>
    check([kind], async (model, { seed }) => {
      const input = images(seed, 3)
      const { channels, layers } = await explain(model, input, { ...how, channelLayers: ['named'], layers: ['named'] })
      const { sum } = channels.named!.relevance
      expect(sum.shape).toEqual([3, count])
      const layer = values(layers.named!) as Float32Array
      const size = layer.length / 3
      for (const i of all(3)) {
        const own = layer.subarray(i * size, (i + 1) * size)
        const total = own.reduce((a, b) => a + b, 0)
        const magnitude = own.reduce((a, b) => a + Math.abs(b), 0)
        const found = all(count).reduce((a, c) => a + sum.data[i * count + c]!, 0)
        expect(Math.abs(found - total)).toBeLessThanOrEqual(1e-5 * magnitude)
      }
    }))
})

test('concepts are those of the last convolution, or of the last dense layer where attention follows it', async () => {
  const chosen = async (kind: Kind): Promise<[string, string[]]> => {
    const shape = { before: [], after: [], kind, shortcut: false, seed: 0 }
    using model = await Model.create(await initialise(network(shape), 1))
    return [conceptLayer(model), pathTo(model, 'named', 3)]
  }
  expect(await chosen('convolution')).toEqual(['named', ['first', 'named']])
  expect(await chosen('dense')).toEqual(['first', ['first', 'mixed', 'named']])
  expect(await chosen('heads')).toEqual(['value', ['first', 'key', 'named']])
})
