import { expect, test } from '@jest/globals'
import { explain } from '../../../../src/explain/explain.js'
import { inspectModel } from '../../../../src/explain/inspect-model.js'
import { Model } from '../../../../src/model/model.js'
import { relativeError } from '../../../shared.js'
import { computed, onnxFile, tensor, type FileSpec, type NodeSpec } from './file.js'

const wave = (count: number, by: number): number[] => Array.from({ length: count }, (_, i) => Math.sin((i + 1) * by))
const weights = {
  w: tensor(wave(12, 0.7), [3, 4]),
  b: tensor([0.1, -0.2, 0.3]),
  scale: tensor([1.5, -0.5, 2]),
  shift: tensor([0.3, 0.7, -0.1]),
  v: tensor(wave(6, 1.1), [2, 3])
}
const layers = (between: NodeSpec[]): NodeSpec[] => [
  { op: 'Gemm', inputs: ['x', 'w', 'b'], outputs: ['h'], attributes: { transB: 1 } },
  { op: 'Relu', inputs: ['h'], outputs: ['r'] },
  ...between,
  { op: 'Gemm', inputs: ['n', 'v'], attributes: { transB: 1 } }
]
const apart: FileSpec = {
  weights,
  shape: ['N', 4],
  nodes: layers([
    { op: 'Mul', inputs: ['scale', 'r'], outputs: ['m'] },
    { op: 'Add', inputs: ['m', 'shift'], outputs: ['n'] }
  ])
}
const whole: FileSpec = {
  weights: { ...weights, zero: tensor([0, 0, 0]), one: tensor([1, 1, 1]) },
  shape: ['N', 4],
  nodes: layers([
    {
      op: 'BatchNormalization',
      inputs: ['r', 'scale', 'shift', 'zero', 'one'],
      outputs: ['n'],
      attributes: { epsilon: { float: 0 } }
    }
  ])
}
const x = { data: Float32Array.from(wave(8, 0.9)), shape: [2, 4] }

test('a product and a sum per channel are the batch norm that they were, and rules fold it', async () => {
  using ours = await Model.load(onnxFile(apart))
  using norm = await Model.load(onnxFile(whole))
  expect(ours.graph.nodes.map(({ op }) => op)).toEqual(['linear', 'relu', 'batch_norm', 'linear'])
  expect((await inspectModel(ours)).imported).toEqual([
    "folded before explaining: 1 node, marked 'folded'",
    'fused: batch_norm (1)'
  ])
  expect(relativeError(await ours.forward(x), await norm.forward(x))).toBeLessThan(1e-6)
  for (const composite of ['auto', 'epsilon-plus']) {
    const [a, b] = [await explain(ours, x, { composite }), await explain(norm, x, { composite })]
    expect(relativeError(a.relevance, b.relevance)).toBeLessThan(1e-5)
  }
})

test('of images the numbers lie along the channels', async () => {
  const per = (numbers: number[], shape: number[]): object => tensor(numbers, shape)
  const nodes: NodeSpec[] = [
    { op: 'Mul', inputs: ['x', 's'], outputs: ['m'] },
    { op: 'Add', inputs: ['m', 't'], outputs: ['y'] }
  ]
  const channels = { s: per([2, 3], [2, 1, 1]), t: per([1, -1], [1, 2, 1, 1]) }
  using model = await Model.load(onnxFile({ nodes, weights: channels, shape: ['N', 2, 1, 2] }))
  expect(model.graph.nodes.map(({ op }) => op)).toEqual(['batch_norm'])
  const { data } = await model.forward({ data: Float32Array.of(1, 2, 3, 4), shape: [1, 2, 1, 2] })
  expect(Array.from(data)).toEqual([3, 5, 8, 11])
  const columns = { s: per([2, 3], [2]), t: per([1, -1], [2]) }
  const made = await computed({ nodes, weights: columns, shape: ['N', 2, 1, 2] }, [1, 2, 3, 4], [1, 2, 1, 2])
  expect(made.numbers).toEqual([3, 5, 7, 11])
})

test('a product that others read stays one', async () => {
  const nodes: NodeSpec[] = [
    { op: 'Mul', inputs: ['x', 's'], outputs: ['m'] },
    { op: 'Add', inputs: ['m', 't'], outputs: ['n'] },
    { op: 'Add', inputs: ['n', 'm'], outputs: ['y'] }
  ]
  const own = { s: tensor([2, 3]), t: tensor([1, -1]) }
  const { numbers } = await computed({ nodes, weights: own, shape: ['N', 2] }, [1, 2], [1, 2])
  expect(numbers).toEqual([5, 11])
})
