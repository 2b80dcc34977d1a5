import { describe, expect, test } from '@jest/globals'
import { explain } from '../../src/explain/explain.js'
import { Model } from '../../src/model/model.js'
import type { AttributeValue, GraphNode } from '../../src/core/graph.js'
import { node, weight } from '../models.js'

const zeros = (shape: number[]) => weight(shape, new Float32Array(shape.reduce((a, b) => a * b, 1)))

async function shapeOf(nodes: GraphNode[], image: number[], weightShape?: number[]): Promise<number[]> {
  using model = await Model.create({
    name: 'limits',
    graph: { inputShape: [null, ...image], nodes, output: nodes.at(-1)!.name },
    tensors: new Map(weightShape ? [['w', zeros(weightShape)]] : [])
  })
  return model.shapes()[nodes.at(-1)!.name]!
}

describe('what a file asks for has limits, and is refused by the name of its node and attribute', () => {
  test.each<[string, AttributeValue, number[], number[]]>([
    ['conv1d', { stride: 65536 }, [3, 200_000], [4, 3, 1]],
    ['conv1d', { dilation: 65536 }, [3, 200_000], [4, 3, 2]],
    ['conv1d', { padding: 65536 }, [3, 20], [4, 3, 1]],
    ['conv_transpose1d', { stride: 65536 }, [3, 20], [3, 4, 2]],
    ['conv_transpose2d', { stride: [1, 65536] }, [3, 3, 3], [3, 4, 2, 2]],
    ['max_pool1d', { kernel_size: 2 ** 32 }, [3, 8], []],
    ['avg_pool2d', { kernel_size: 2, stride: 0 }, [3, 8, 8], []]
  ] as never)('%s %j', async (op, attributes, image, shape) => {
    const [name] = Object.keys(attributes).slice(-1)
    const weighted = shape.length > 0
    const layer = node('a', op, ['input'], attributes as never, weighted ? { weight: 'w' } : {})
    await expect(shapeOf([layer], image, weighted ? shape : undefined)).rejects.toMatchObject({
      code: 'UNSUPPORTED',
      message: expect.stringMatching(new RegExp(`node 'a' \\(${op}\\): attribute '${name}' is`)) as unknown
    })
  })

  test.each<[string, number[], number[], number]>([
    ['linear', [3], [4, 3], 4],
    ['conv2d', [3, 5, 5], [4, 3, 1, 1], 4],
    ['conv_transpose2d', [3, 5, 5], [3, 6, 1, 1], 6]
  ])('a bias of %s has one number for each output', async (op, image, shape, outputs) => {
    const create = (bias: number[]): Promise<Model> =>
      Model.create({
        name: 'limits',
        graph: {
          inputShape: [null, ...image],
          nodes: [node('a', op, ['input'], {}, { weight: 'w', bias: 'b' })],
          output: 'a'
        },
        tensors: new Map([
          ['w', zeros(shape)],
          ['b', zeros(bias)]
        ])
      })
    for (const bias of [[1], [outputs + 1], [outputs, 1]])
      await expect(create(bias)).rejects.toMatchObject({
        code: 'INVALID_ARGUMENT',
        message: expect.stringContaining(`the bias must have ${outputs} numbers`) as unknown
      })
    ;(await create([outputs])).dispose()
  })

  test('the largest steps work', async () => {
    const conv = node('a', 'conv1d', ['input'], { stride: 4096 }, { weight: 'w' })
    expect(await shapeOf([conv], [3, 200_000], [4, 3, 1])).toEqual([1, 4, 49])
    const transposed = node('a', 'conv_transpose1d', ['input'], { stride: 4096 }, { weight: 'w' })
    expect(await shapeOf([transposed], [3, 20], [3, 4, 2])).toEqual([1, 4, 77_826])
  })

  const outer = [
    node('c', 'reshape', ['input'], { shape: [0, -1, 1] }),
    node('t', 'permute', ['c'], { dims: [0, 2, 1] })
  ]
  test.each<[string, GraphNode[], number[]]>([
    ['adaptive_avg_pool2d', [node('a', 'adaptive_avg_pool2d', ['input'], { output_size: 2 ** 32 })], [3, 8, 8]],
    ['adaptive_max_pool1d', [node('a', 'adaptive_max_pool1d', ['input'], { output_size: 2 ** 32 })], [3, 8]],
    ...['add', 'mul', 'div', 'matmul', 'aten::add.Tensor', 'aten::matmul'].map(
      (op): [string, GraphNode[], number[]] => [op, [...outer, node('a', op, ['c', 't'])], [45_000]]
    ),
    ['aten::repeat', [node('a', 'aten::repeat', ['input'], { repeats: [1, 1, 40_000, 40_000] })], [3, 1, 1]],
    // these have no kernel without data: they run on zeros, with a limit for arrays
    ['aten::conv2d', [node('a', 'aten::conv2d', ['input'], { padding: [30_000, 30_000] }, { weight: 'w' })], [3, 8, 8]],
    [
      'aten::im2col',
      [node('a', 'aten::im2col', ['input'], { kernel_size: [4000, 4000], dilation: 1, padding: 4000, stride: 1 })],
      [3, 8, 8]
    ]
  ])('%s of more than 2^28 numbers', async (op, nodes, image) => {
    await expect(shapeOf(nodes, image, [1, 3, 1, 1])).rejects.toMatchObject({
      code: 'UNSUPPORTED',
      message: expect.stringMatching(new RegExp(`^node 'a' \\(${op}\\): .*which is too large$`)) as unknown
    })
  })

  test('an input that an op does not read, and a batch norm of two sizes', async () => {
    const many = node('a', 'silu', ['input', 'input'])
    await expect(shapeOf([many], [3])).rejects.toThrow("node 'a' (silu): the op takes 1 input, but the node has 2")
    const norm = node('a', 'batch_norm', ['input'], {}, { running_mean: 'w', running_var: 'v' })
    const graph = { inputShape: [null, 3, 4], nodes: [norm], output: 'a' }
    const tensors = new Map([
      ['w', zeros([3])],
      ['v', zeros([4])]
    ])
    const made = Model.create({ name: 'norm', graph, tensors })
    await expect(made).rejects.toThrow(
      "node 'a' (batch_norm): the parameters of a normalisation must have one number for each channel"
    )
  })

  test('an input of more than 2^28 numbers', async () => {
    await expect(shapeOf([node('a', 'relu', ['input'])], [3, 30_000, 20_000])).rejects.toThrow('which is too large')
  })

  test.each<[string, Record<string, AttributeValue>, string[]]>([
    ['interpolate', { scale_factor: [] }, ['input']],
    ['interpolate', { scale_factor: [1, 2, 3] }, ['input']],
    ['permute', { dims: [] }, ['input']],
    ['reshape', { shape: [] }, ['input']],
    ['relu', {}, []],
    ['add', {}, ['input']]
  ])('a list that is too short: %s %j of %j', async (op, attributes, inputs) => {
    await expect(shapeOf([node('a', op, inputs, attributes)], [3, 8, 8])).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
      message: expect.stringContaining(`node 'a' (${op})`) as unknown
    })
  })
})

test('a call owns what it reads: its input may be overwritten, resized or replaced meanwhile', async () => {
  const shape = [4, 3, 64, 64]
  const numbers = shape.reduce((a, b) => a * b)
  const weights = weight(
    [8, 3, 5, 5],
    Float32Array.from({ length: 600 }, (_, i) => Math.sin(i))
  )
  using model = await Model.create({
    name: 'owner',
    graph: {
      inputShape: [null, ...shape.slice(1)],
      nodes: [node('a', 'conv2d', ['input'], {}, { weight: 'w' }), node('b', 'mean', ['a'], { dim: [2, 3] })],
      output: 'b'
    },
    tensors: new Map([['w', weights]])
  })
  const Resizable = ArrayBuffer as unknown as new (bytes: number, options: object) => ArrayBuffer
  const buffer = new Resizable(numbers * 4, { maxByteLength: numbers * 4 })
  const input = { data: new Float32Array(buffer).map((_, i) => Math.cos(i)), shape }
  const owned = { data: new Float32Array(buffer), shape }
  owned.data.set(input.data)
  const running = model.forward(owned)
  ;(buffer as unknown as { resize: (bytes: number) => void }).resize(4)
  owned.data = new Float32Array(1)
  expect((await running).data).toEqual((await model.forward(input)).data)
})

test('what is no model or no tensor is an LrpError', async () => {
  const x = { data: new Float32Array(3), shape: [1, 3] }
  const graph = { inputShape: [null, 3], nodes: [node('a', 'relu', ['input'])], output: 'a' }
  using model = await Model.create({ name: 'm', graph, tensors: new Map() })
  const calls = [
    () => explain(null as never, x),
    () => explain(model, x, { signal: 5 as never }),
    () => model.forward(null as never),
    () => model.activations(x, ['a'], 5 as never),
    () => Model.create(null as never),
    () => Model.create({ name: 'm', graph: { ...graph, nodes: [null as never] }, tensors: new Map() })
  ]
  await expect(Model.create({ name: 'm', graph, tensors: new Map([['__proto__', zeros([1])]]) })).rejects.toMatchObject(
    {
      code: 'UNSUPPORTED'
    }
  )
  for (const call of calls) {
    await expect(call()).rejects.toMatchObject({ name: 'LrpError', code: 'INVALID_ARGUMENT' })
  }
})

test('a parameter that an op does not have is refused, not ignored', async () => {
  const layer = node('a', 'conv2d', ['input'], {}, { weight: 'w', bais: 'w' })
  await expect(shapeOf([layer], [3, 5, 5], [4, 3, 1, 1])).rejects.toMatchObject({
    code: 'INVALID_ARGUMENT',
    message: "node 'a' (conv2d): the op has no parameter 'bais'"
  })
})
