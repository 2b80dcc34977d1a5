import { expect, test } from '@jest/globals'
import { importModel } from '../../../../src/model/import/index.js'
import { computed, onnxFile, tensor, type FileSpec, type NodeSpec } from './file.js'

const call = (op: string, inputs: string[], output: string): NodeSpec => ({ op, inputs, outputs: [output] })
const weights = {
  half: tensor([0.5]),
  one: tensor([1]),
  three: tensor([3]),
  six: tensor([6]),
  root: tensor([Math.SQRT2]),
  cubic: tensor([0.044715]),
  slope: tensor([Math.sqrt(2 / Math.PI)]),
  quick: tensor([1.702])
}
const TANH = [
  call('Mul', ['x', 'half'], 'halved'),
  call('Mul', ['x', 'x'], 'square'),
  call('Mul', ['cubic', 'square'], 'scaled'),
  call('Add', ['one', 'scaled'], 'plus'),
  call('Mul', ['plus', 'x'], 'inner'),
  call('Mul', ['inner', 'slope'], 'argument'),
  call('Tanh', ['argument'], 'tanh'),
  call('Add', ['tanh', 'one'], 'gate'),
  call('Mul', ['halved', 'gate'], 'y')
]
const HARD = [
  call('Add', ['x', 'three'], 'shifted'),
  { ...call('Clip', ['shifted', 'zero', 'six'], 'gate') },
  call('Mul', ['x', 'gate'], 'product'),
  call('Div', ['product', 'six'], 'y')
]
const CASES: [string, NodeSpec[], string[], (x: number) => number][] = [
  ['tanh GELU', TANH, ['gelu'], (x) => (x / 2) * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3)))],
  ['hard swish', HARD, ['hardswish'], (x) => (x * Math.min(Math.max(x + 3, 0), 6)) / 6],
  [
    'mish',
    [call('Softplus', ['x'], 's'), call('Tanh', ['s'], 't'), call('Mul', ['x', 't'], 'y')],
    ['aten::mish'],
    (x) => x * Math.tanh(Math.log1p(Math.exp(x)))
  ],
  [
    'quick GELU',
    [call('Mul', ['x', 'quick'], 'a'), call('Sigmoid', ['a'], 's'), call('Mul', ['s', 'x'], 'y')],
    ['mul_scalar', 'silu', 'mul_scalar'],
    (x) => x / (1 + Math.exp(-1.702 * x))
  ],
  [
    'a gate of something else',
    [call('Mul', ['x', 'x'], 'a'), call('Sigmoid', ['a'], 's'), call('Mul', ['s', 'x'], 'y')],
    ['mul', 'sigmoid', 'mul'],
    (x) => x / (1 + Math.exp(-x * x))
  ],
  [
    'half of it',
    TANH.map((one) => (one.outputs![0] === 'halved' ? call('Mul', ['x', 'three'], 'halved') : one)),
    ['mul_scalar', 'mul', 'mul_scalar', 'add_scalar', 'mul', 'mul_scalar', 'tanh', 'add_scalar', 'mul'],
    (x) => 3 * x * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3)))
  ]
]

test.each(CASES)('%s', async (_, nodes, ops, value) => {
  const spec: FileSpec = { nodes, weights: { ...weights, zero: tensor([0], []), six: tensor([6], []) } }
  expect((await importModel(onnxFile(spec))).graph.nodes.map(({ op }) => op)).toEqual(ops)
  const points = [-4, -1.5, -0.2, 0, 0.7, 3.5]
  const { numbers } = await computed(spec, points, [3, 2])
  points.forEach((x, i) => expect(numbers[i]).toBeCloseTo(value(x), 5))
})

test('an activation of a product is not mistaken for a part of it', async () => {
  const nodes = [
    call('Mul', ['x', 'half'], 'z'),
    call('Sigmoid', ['z'], 's'),
    call('Mul', ['z', 's'], 'silu'),
    call('Mul', ['silu', 'x'], 'y')
  ]
  const { graph } = await importModel(onnxFile({ nodes, weights }))
  expect(graph.nodes.map(({ op }) => op)).toEqual(['mul_scalar', 'silu', 'mul'])
})
