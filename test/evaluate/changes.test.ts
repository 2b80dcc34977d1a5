import { describe, expect, test } from '@jest/globals'
import fc from 'fast-check'
import type { GraphNode } from '../../src/core/graph.js'
import { sizeOf } from '../../src/core/tensor.js'
import { Model } from '../../src/model/model.js'
import type { NativeChanges } from '../../src/native/addon.js'
import { node, weight } from '../models.js'

/** Numbers from -0.5 to 0.5 that look random and stay the same. */
const noise = (count: number, seed = 1): Float32Array =>
  Float32Array.from({ length: count }, (_, i) => ((Math.sin(i * 12.9898 + seed * 78.233) * 43758.5453) % 1) / 2)

/** A network from nodes; weights [...] by name. */
async function network(inputShape: number[], nodes: GraphNode[], weights: Record<string, number[]>): Promise<Model> {
  const entries = Object.entries(weights)
  const tensors = entries.map(([name, shape], i) => [name, weight(shape, noise(sizeOf(shape), i + 1))] as const)
  const graph = { inputShape: [null, ...inputShape], nodes, output: nodes.at(-1)!.name }
  return Model.create({ name: 'changed', graph, tensors: new Map(tensors) })
}

interface Step {
  image: number
  /** Place and value of each entry. */
  entries: [number, number][]
}

/** Outputs by forwardChanges, and by a forward pass of every image as it is after each step. */
async function both(model: Model, images: Float32Array[], steps: Step[], batchSize = 7) {
  const shape = model.imageShape
  const ints = (list: number[]) => ({ data: Int32Array.from(list), shape: [list.length] as [number] })
  const all = steps.flatMap(({ entries }) => entries)
  let end = 0
  const changes: NativeChanges = {
    images: { data: Float32Array.from(images.flatMap((image) => [...image])), shape: [images.length, ...shape] },
    owners: ints(steps.map(({ image }) => image)),
    ends: ints(steps.map(({ entries }) => (end += entries.length))),
    places: ints(all.map(([place]) => place)),
    values: { data: Float32Array.from(all, ([, value]) => value), shape: [all.length] }
  }
  const found = await model.handle.forwardChanges(changes, { batchSize, fixedBatch: false })
  const now = images.map((image) => image.slice())
  const after = steps.flatMap(({ image, entries }) => {
    for (const [place, value] of entries) now[image]![place] = value
    return [...now[image]!]
  })
  const expected = await model.forward({ data: Float32Array.from(after), shape: [steps.length, ...shape] })
  return { found, expected }
}

function expectClose({ found, expected }: Awaited<ReturnType<typeof both>>): void {
  expect(found.shape).toEqual(expected.shape)
  const largest = (values: Float32Array): number => values.reduce((most, value) => Math.max(most, Math.abs(value)), 0)
  const differences = found.data.map((value, i) => value - expected.data[i]!)
  expect(largest(differences)).toBeLessThan(2e-6 * largest(expected.data) + 1e-30)
}

/** Every step fills a square of an image of [channels, height, width] with numbers. */
function squares(
  [channels, height, width]: number[],
  places: { image: number; top: number; left: number; size: number }[]
): Step[] {
  return places.map(({ image, top, left, size }, step) => {
    const entries: [number, number][] = []
    for (let c = 0; c < channels!; c++)
      for (let y = top; y < Math.min(height!, top + size); y++)
        for (let x = left; x < Math.min(width!, left + size); x++)
          entries.push([(c * height! + y) * width! + x, noise(1, step + c)[0]! * 3])
    return { image, entries }
  })
}

const IMAGE = [3, 40, 36]
const square = fc.record({ top: fc.nat(39), left: fc.nat(35), size: fc.integer({ min: 0, max: 6 }) })
const squaresOf = fc
  .array(fc.array(square, { minLength: 4, maxLength: 9 }), { minLength: 1, maxLength: 3 })
  .map((all) =>
    squares(
      IMAGE,
      all.flatMap((own, image) => own.map((one) => ({ image, ...one })))
    )
  )
const image = (seed: number): Float32Array => noise(3 * 40 * 36, seed)

type Layer = { nodes: GraphNode[]; weights: Record<string, number[]>; channels: number }
/** Adds layers that read the last node, for an input of so many channels. */
type MakeLayer = (name: string, input: string, channels: number) => Layer

const pair = (most: number): fc.Arbitrary<number[]> =>
  fc.array(fc.integer({ min: 1, max: most }), { minLength: 2, maxLength: 2 })
const one = fc.boolean()
const convolution = fc
  .record({
    kernel: pair(4),
    stride: pair(3),
    padding: fc.nat(2),
    dilation: fc.integer({ min: 1, max: 2 }),
    grouped: one
  })
  .map(({ kernel, stride, padding, dilation, grouped }): MakeLayer => (name, input, channels) => {
    const groups = grouped ? channels : 1
    const attributes = { stride, padding, dilation, groups }
    const weights = {
      [`${name}.weight`]: [2 * channels, channels / groups, ...kernel],
      [`${name}.bias`]: [2 * channels]
    }
    const parameters = { weight: `${name}.weight`, bias: `${name}.bias` }
    return { nodes: [node(name, 'conv2d', [input], attributes, parameters)], weights, channels: 2 * channels }
  })
const pooling = fc
  .record({
    op: fc.constantFrom('max_pool2d', 'avg_pool2d', 'sum_pool2d'),
    kernel: fc.integer({ min: 2, max: 4 }),
    stride: fc.integer({ min: 1, max: 4 }),
    padding: fc.nat(1),
    ceil_mode: one,
    count_include_pad: one
  })
  .map(({ op, kernel, stride, padding, ceil_mode, count_include_pad }): MakeLayer => (name, input, channels) => {
    const attributes = {
      kernel_size: kernel,
      stride,
      padding,
      ceil_mode,
      ...(op === 'avg_pool2d' && { count_include_pad })
    }
    return { nodes: [node(name, op, [input], attributes)], weights: {}, channels }
  })
const place = fc.constantFrom('relu', 'silu', 'batch_norm').map((op): MakeLayer => (name, input, channels) => {
  const roles = op === 'batch_norm' ? ['weight', 'bias', 'running_mean', 'running_var'] : []
  const weights = Object.fromEntries(roles.map((role) => [`${name}.${role}`, [channels]]))
  const parameters = Object.fromEntries(roles.map((role) => [role, `${name}.${role}`]))
  // a variance may be negative here: eps makes it positive
  return { nodes: [node(name, op, [input], roles.length > 0 ? { eps: 1 } : {}, parameters)], weights, channels }
})
/** x and a convolution of x, added and side by side. */
const branches = fc.constant<MakeLayer>((name, input, channels) => {
  const parameters = { weight: `${name}.conv.weight`, bias: `${name}.conv.bias` }
  return {
    nodes: [
      node(`${name}.conv`, 'conv2d', [input], { padding: 1 }, parameters),
      node(`${name}.sum`, 'add', [`${name}.conv`, input]),
      node(`${name}.relu`, 'relu', [`${name}.sum`]),
      node(name, 'cat', [`${name}.relu`, input, `${name}.conv`], { dim: 1 })
    ],
    weights: { [`${name}.conv.weight`]: [channels, channels, 3, 3], [`${name}.conv.bias`]: [channels] },
    channels: 3 * channels
  }
})
/** The part of the network that its last layers read: a mean over the plane, or all of it. */
const networks = fc
  .tuple(fc.array(fc.oneof(convolution, pooling, place, branches), { minLength: 1, maxLength: 4 }), one)
  .map(([layers, isDense]) => {
    const [nodes, weights]: [GraphNode[], Record<string, number[]>] = [[], {}]
    let [last, channels] = ['input', 3]
    layers.forEach((make, i) => {
      const made = make(`layer${i}`, last, channels)
      nodes.push(...made.nodes)
      Object.assign(weights, made.weights)
      ;[last, channels] = [`layer${i}`, made.channels]
    })
    if (isDense) return { nodes, weights }
    nodes.push(node('mean', 'mean', [last], { dim: [2, 3] }))
    nodes.push(node('logits', 'linear', ['mean'], {}, { weight: 'logits.weight' }))
    return { nodes, weights: { ...weights, 'logits.weight': [4, channels] } }
  })

describe('outputs after each step', () => {
  test('are those of the whole images, where a step changes a square', async () => {
    await fc.assert(
      fc.asyncProperty(networks, squaresOf, async ({ nodes, weights }, steps) => {
        const model = await network(IMAGE, nodes, weights).catch(() => undefined)
        fc.pre(model !== undefined) // a window may be larger than what it sees
        const images = Array.from({ length: steps.at(-1)!.image + 1 }, (_, i) => image(i + 5))
        expectClose(await both(model!, images, steps))
        model!.dispose()
      }),
      { numRuns: 60 }
    )
  })

  const few = fc
    .array(
      fc.array(fc.array(fc.tuple(fc.nat(3 * 40 * 36 - 1), fc.integer({ min: -9, max: 9 })), { maxLength: 40 }), {
        minLength: 4,
        maxLength: 12
      }),
      { minLength: 1, maxLength: 3 }
    )
    .map((all) => all.flatMap((own, i) => own.map((entries): Step => ({ image: i, entries }))))

  test('are those of the whole images, where a step changes few pixels anywhere before a convolution', async () => {
    await fc.assert(
      fc.asyncProperty(convolution, few, async (make, steps) => {
        const { nodes, weights } = make('first', 'input', 3)
        const model = await network(IMAGE, [...nodes, node('relu', 'relu', ['first'])], weights)
        const images = Array.from({ length: steps.at(-1)!.image + 1 }, (_, i) => image(i + 5))
        expectClose(await both(model, images, steps))
        model.dispose()
      }),
      { numRuns: 40 }
    )
  })

  test('are those of the whole images, where a step changes few pixels before a linear layer', async () => {
    const nodes = [
      node('flat', 'flatten', ['input']),
      node('first', 'linear', ['flat'], {}, { weight: 'w', bias: 'b' }),
      node('relu', 'relu', ['first'])
    ]
    const model = await network(IMAGE, nodes, { w: [5, 3 * 40 * 36], b: [5] })
    await fc.assert(
      fc.asyncProperty(few, async (steps) =>
        expectClose(
          await both(
            model,
            Array.from({ length: steps.at(-1)!.image + 1 }, (_, i) => image(i)),
            steps
          )
        )
      ),
      { numRuns: 30 }
    )
    model.dispose()
  })

  test('of steps that change nothing are those of the step before, bit for bit', async () => {
    const convolutions = [
      node('first', 'conv2d', ['input'], { padding: 1 }, { weight: 'w' }),
      node('relu', 'relu', ['first']),
      node('mean', 'mean', ['relu'], { dim: [2, 3] })
    ]
    const dense = [node('silu', 'silu', ['input']), node('flat', 'flatten', ['silu'])]
    const shape = [3, 8, 8]
    const black = new Float32Array(sizeOf(shape))
    const entry = fc.tuple(fc.nat(60), fc.constantFrom(0, 0, 0, 2))
    const mostlyIdle = fc
      .array(fc.array(fc.array(entry, { maxLength: 3 }), { minLength: 4, maxLength: 12 }), {
        minLength: 1,
        maxLength: 3
      })
      .map((all) => all.flatMap((own, i) => own.map((entries): Step => ({ image: i, entries }))))
    const nets: [GraphNode[], Record<string, number[]>][] = [
      [convolutions, { w: [4, 3, 3, 3] }],
      [dense, {}]
    ]
    for (const [nodes, weights] of nets) {
      const model = await network(shape, nodes, weights)
      await fc.assert(
        fc.asyncProperty(mostlyIdle, async (steps) => {
          const result = await both(model, Array<Float32Array>(steps.at(-1)!.image + 1).fill(black), steps)
          expectClose(result)
          const size = sizeOf(result.found.shape.slice(1))
          const row = (step: number) => result.found.data.subarray(step * size, (step + 1) * size)
          const now = black.slice()
          steps.forEach(({ image: own, entries }, step) => {
            const isFirst = step === 0 || own !== steps[step - 1]!.image
            if (isFirst) now.fill(0)
            const isIdle = entries.every(([place, value]) => now[place] === value)
            if (isIdle && !isFirst) expect(row(step)).toEqual(row(step - 1))
            for (const [place, value] of entries) now[place] = value
          })
        }),
        { numRuns: 40 }
      )
      model.dispose()
    }
  })

  test('lose no digits to what was there before', async () => {
    const model = await network(
      IMAGE,
      [node('first', 'conv2d', ['input'], {}, { weight: 'w' }), node('relu', 'relu', ['first'])],
      { w: [4, 3, 5, 5] }
    )
    const huge = image(1).map((value, i) => (i % 7 === 0 ? value * 1e6 : value))
    const steps = Array.from({ length: 600 }, (_, k): Step => ({ image: 0, entries: [[7 * k, 0.25]] }))
    const { found, expected } = await both(model, [huge], steps)
    const size = found.data.length / steps.length
    const last = ({ data, shape }: typeof found) => ({ data: data.slice(-size), shape: [1, ...shape.slice(1)] })
    expectClose({ found: last(found), expected: last(expected) })
    model.dispose()
  })

  test('need changes that belong together, inside the images, and finite', async () => {
    const model = await network([1, 2, 2], [node('out', 'relu', ['input'])], {})
    const ints = (list: number[]) => ({ data: Int32Array.from(list), shape: [list.length] as [number] })
    const good: NativeChanges = {
      images: { data: new Float32Array(4), shape: [1, 1, 2, 2] },
      owners: ints([0, 0]),
      ends: ints([1, 2]),
      places: ints([0, 3]),
      values: { data: Float32Array.of(1, 2), shape: [2] }
    }
    const run = (changes: Partial<NativeChanges>) =>
      model.handle.forwardChanges({ ...good, ...changes }, { batchSize: 2, fixedBatch: false })
    expect([...(await run({})).data]).toEqual([1, 0, 0, 0, 1, 0, 0, 2])
    const together = { code: 'INVALID_ARGUMENT', message: 'the lists of changed pixels do not match the images' }
    const inside = { code: 'INVALID_ARGUMENT', message: 'a changed pixel is outside its image' }
    await expect(run({ ends: ints([1, 3]) })).rejects.toMatchObject(together)
    await expect(run({ ends: ints([1]) })).rejects.toMatchObject(together)
    await expect(run({ ends: ints([3, 2]) })).rejects.toMatchObject(inside)
    for (const places of [ints([0, 4]), ints([-1, 0])]) await expect(run({ places })).rejects.toMatchObject(inside)
    for (const owners of [ints([0, 1]), ints([1, 1]), ints([0, -1])])
      await expect(run({ owners })).rejects.toMatchObject(inside)
    const values = { data: Float32Array.of(1, NaN), shape: [2] }
    await expect(run({ values })).rejects.toMatchObject({ code: 'NUMERIC' })
    model.dispose()
  })
})
