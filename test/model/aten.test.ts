import { expect, test } from '@jest/globals'
import { Model } from '../../src/model/model.js'
import { native } from '../../src/native/addon.js'
import type { GraphNode } from '../../src/core/graph.js'
import { node, weight } from '../models.js'

const counted = (shape: number[]) => ({
  data: Float32Array.from({ length: shape.reduce((a, b) => a * b) }, (_, i) => i),
  shape
})

async function outputOf(nodes: GraphNode[], shape: number[], tensors = new Map<string, ReturnType<typeof weight>>()) {
  using model = await Model.create({
    name: 'aten',
    graph: { inputShape: [null, ...shape.slice(1)], nodes, output: nodes.at(-1)!.name },
    tensors
  })
  const { data, shape: result } = await model.forward(counted(shape))
  return { data: Array.from(data), shape: result }
}

test('an overload of aten is called with its arguments by name', async () => {
  const roll = await outputOf([node('roll', 'aten::roll', ['input'], { shifts: [1], dims: [1] })], [1, 4])
  expect(roll.data).toEqual([3, 0, 1, 2])
  const index = await outputOf(
    [
      node('places', 'aten::arange.start_step', [], { start: 2, end: -1, step: -1 }),
      node('index', 'aten::index.Tensor', ['input', 'places'], { arguments: ['self', 'indices.1'] })
    ],
    [2, 3]
  )
  expect(index).toEqual({ data: [2, 1, 0, 5, 4, 3], shape: [2, 3] })
})

test('one of several results is picked', async () => {
  const second = await outputOf([node('part', 'aten::unbind.int', ['input'], { dim: 1, output: 1 })], [2, 3])
  expect(second.data).toEqual([1, 4])
})

test('sizes follow the input', async () => {
  const view = [node('view', 'aten::view', ['input'], { size: ['i0', 'i1 * i2 // 2', 2] })]
  expect((await outputOf(view, [3, 2, 4])).shape).toEqual([3, 4, 2])
})

test('a weight is given by the name of its argument', async () => {
  const tensors = new Map([['slope', weight([1], [0.5])]])
  const nodes = [
    node('minus', 'aten::neg', ['input']),
    node('prelu', 'aten::prelu', ['minus'], {}, { weight: 'slope' })
  ]
  expect((await outputOf(nodes, [1, 3], tensors)).data).toEqual([-0, -0.5, -1])
})

test.each([
  ['aten::dropout', { p: 0.5, train: true }, 'random'],
  ['aten::from_file', { filename: 'x' }, 'reads files'],
  ['aten::add_.Tensor', {}, 'writes into its arguments'],
  ['aten::nonzero', {}, 'depends on values'],
  ['aten::empty_like', {}, 'uninitialised'],
  ['aten::as_strided_scatter', { size: [2], stride: [1] }, 'differentiates the operator wrongly'],
  ['aten::nothing', {}, 'has no operator'],
  ['aten::roll', { shifts: [1], dims: [1], turns: 1 }, "no argument 'turns'"],
  ['aten::roll', {}, "needs the argument 'shifts'"]
])('%s %j is refused', async (op, attributes, reason) => {
  const nodes = [node('call', op, ['input'], attributes as GraphNode['attributes'])]
  await expect(outputOf(nodes, [1, 4])).rejects.toMatchObject({ message: expect.stringContaining(reason) })
})

test.each([
  ['aten::batch_norm', { training: true, cudnn_enabled: false }, 'training'],
  ['aten::native_batch_norm', { training: true }, 'training'],
  ['aten::instance_norm', { use_input_stats: true, cudnn_enabled: false }, 'use_input_stats']
])('%s would write into its running statistics', async (op, attributes, flag) => {
  const running = { running_mean: 'r', running_var: 'r' }
  const call = node('call', op, ['input'], { momentum: 0.1, eps: 1e-5, ...attributes }, running)
  const wanted = `with '${flag}' it writes into its running statistics`
  await expect(outputOf([call], [2, 3, 4], new Map([['r', weight([3], [1, 1, 1])]]))).rejects.toThrow(wanted)
})

const histogram = (input: string): GraphNode => node('histogram', 'aten::histc', [input], { bins: 4 })

test('an overload without a derivative is refused where its input depends on the image', async () => {
  await expect(outputOf([histogram('input')], [1, 4])).rejects.toMatchObject({
    code: 'UNSUPPORTED',
    message:
      "node 'histogram' (aten::histc): autograd cannot differentiate this operator, although its input depends on the image"
  })
  const constant = node('constant', 'aten::arange', [], { end: 4, dtype: 'float32' })
  const sum = await outputOf([constant, histogram('constant'), node('sum', 'add', ['input', 'histogram'])], [1, 4])
  expect(sum.data).toEqual([1, 2, 3, 4])
})

test.each(['aten::igamma', 'aten::special_zeta'])('%s has no derivative of its first input', async (op) => {
  const nodes = [node('half', 'aten::mul.Scalar', ['input'], { other: 0.5 }), node('call', op, ['half', 'input'])]
  await expect(outputOf(nodes, [1, 4])).rejects.toThrow(`(${op}): autograd cannot differentiate this operator`)
})

test('a mask as an index is refused', async () => {
  const nodes = [
    node('mask', 'aten::gt.Scalar', ['input'], { other: 1 }),
    node('index', 'aten::index.Tensor', ['input', 'mask'], { arguments: ['self', 'indices.0'] })
  ]
  await expect(outputOf(nodes, [1, 4])).rejects.toThrow('by a mask')
})

test('every overload is allowed, or forbidden for a reason', () => {
  const overloads = native().atenOverloads()
  const counts: Record<string, number> = {}
  for (const reason of Object.values(overloads)) counts[reason ?? 'allowed'] = (counts[reason ?? 'allowed'] ?? 0) + 1
  console.log(Object.keys(overloads).length, counts)
  expect(Object.keys(overloads).length).toBeGreaterThan(3000)
  expect(counts.allowed).toBeGreaterThan(900)
})

test('what does not depend on the input is computed at import', async () => {
  const nodes = [
    node('range', 'aten::arange', [], { end: 3, dtype: 'float32' }),
    node('double', 'aten::mul.Scalar', ['range'], { other: 2 }),
    node('sum', 'add', ['input', 'double'])
  ]
  const folded = await native().foldConstants({ inputShape: [null, 3], nodes, output: 'sum' }, {}, [])
  expect(Object.keys(folded)).toEqual(['double'])
  expect(new Float32Array(folded.double!.data.slice().buffer)).toEqual(Float32Array.of(0, 2, 4))
})
