import { describe, expect, test } from '@jest/globals'
import { importModel } from '../../../../src/model/import/index.js'
import { Model } from '../../../../src/model/model.js'
import { computed, ints, node, onnxFile, tensor, type NodeSpec } from './file.js'

const near = (numbers: number[]) => numbers.map((one) => expect.closeTo(one, 4))
const relu: NodeSpec = { op: 'Relu', inputs: ['x'] }

test('functions of the file are inlined, with the attributes of the call', async () => {
  const slope = { name: 'alpha', ref_attr_name: 'slope', type: 1 }
  const body = [
    { ...node({ op: 'LeakyRelu', inputs: ['a'], outputs: ['l'] }), attribute: [slope] },
    node({ op: 'Add', inputs: ['l', 'b'], outputs: ['c'] })
  ]
  const opset_import = [{ domain: '', version: 17 }]
  const own = {
    name: 'Leaky',
    domain: 'own',
    input: ['a', 'b'],
    output: ['c'],
    attribute: ['slope'],
    node: body,
    opset_import
  }
  const nodes: NodeSpec[] = [{ op: 'Leaky', domain: 'own', inputs: ['x', 'w'], attributes: { slope: { float: 0.5 } } }]
  const spec = { nodes, functions: [own], opsets: [{ domain: 'own', version: 1 }], weights: { w: tensor([10, 20]) } }
  expect((await computed(spec, [-2, 2], [1, 2])).numbers).toEqual([9, 22])
})

test('a function that calls itself is refused', async () => {
  const body = [node({ op: 'Again', domain: 'own', inputs: ['a'], outputs: ['c'] })]
  const own = { name: 'Again', domain: 'own', input: ['a'], output: ['c'], node: body, opset_import: [] }
  const path = onnxFile({ nodes: [{ op: 'Again', domain: 'own', inputs: ['x'] }], functions: [own] })
  await expect(importModel(path)).rejects.toMatchObject({
    code: 'INVALID_FILE',
    message: expect.stringMatching(/too deep/)
  })
})

test.each([
  [1, [2, 4]],
  [0, [-1, -2]]
])('an If whose condition is known takes its branch (%i)', async (truth, wanted) => {
  const branch = (op: string, inputs: string[]) => ({
    g: { name: 'b', node: [node({ op, inputs, outputs: ['r'] })], output: [{ name: 'r' }] }
  })
  const attributes = { then_branch: branch('Add', ['x', 'x']), else_branch: branch('Neg', ['x']) }
  const nodes: NodeSpec[] = [{ op: 'If', inputs: ['c'], attributes }]
  const spec = { nodes, weights: { c: tensor([truth], [], 'bool') } }
  expect((await computed(spec, [1, 2], [1, 2])).numbers).toEqual(wanted)
})

test('quantised weights become floats, and values stay as in the float network', async () => {
  const weights = {
    q: tensor([10, -20, 30, 40], [2, 2], 'i8'),
    s: tensor([0.1, 0.5]),
    z: tensor([0, 10], [2], 'i8'),
    step: tensor([1], []),
    zero: tensor([0], [], 'u8')
  }
  const nodes: NodeSpec[] = [
    { op: 'QuantizeLinear', inputs: ['x', 'step', 'zero'], outputs: ['i'] },
    { op: 'DequantizeLinear', inputs: ['i', 'step', 'zero'], outputs: ['f'] },
    { op: 'DequantizeLinear', inputs: ['q', 's', 'z'], outputs: ['w'], attributes: { axis: 0 } },
    { op: 'Gemm', inputs: ['f', 'w'], attributes: { transB: 1 } }
  ]
  // 1.25 would be 1 after rounding
  const { numbers } = await computed({ nodes, weights, opset: 13 }, [1.25, 2], [1, 2])
  expect(numbers).toEqual(near([1.25 - 4, 12.5 + 30]))
})

test('rounding that is not undone is computed', async () => {
  const nodes: NodeSpec[] = [{ op: 'QuantizeLinear', inputs: ['x', 's', 'z'] }]
  const weights = { s: tensor([2], []), z: tensor([128], [], 'u8') }
  expect((await computed({ nodes, weights }, [3, -1000], [1, 2])).numbers).toEqual([130, 0])
})

test('float16 weights and opset 7', async () => {
  // bits of 0.5 and -2
  const weights = { w: { dims: [2], data_type: 10, int32_data: [0x3800, 0xc000] } }
  const nodes: NodeSpec[] = [{ op: 'Mul', inputs: ['x', 'w'] }]
  expect((await computed({ nodes, weights, opset: 7, type: 10 }, [2, 3], [1, 2])).numbers).toEqual([1, -6])
})

test('what the output does not need may be of any kind; of several outputs the first counts', async () => {
  const nodes: NodeSpec[] = [relu, { op: 'Mystery', inputs: ['x', 'odd'], outputs: ['z'] }]
  const weights = { odd: { dims: [1], data_type: 17, raw_data: Uint8Array.of(1) } }
  expect((await computed({ nodes, weights, outputs: ['y', 'z'] }, [-1, 2], [1, 2])).numbers).toEqual([0, 2])
})

test('values called input, and nodes of one name', async () => {
  const nodes: NodeSpec[] = [
    { op: 'Relu', inputs: ['x'], outputs: ['input'] },
    { op: 'Exp', inputs: ['input'], outputs: ['input#2'] },
    { op: 'Neg', inputs: ['input#2'] }
  ]
  expect((await computed({ nodes }, [-1, 1], [1, 2])).numbers).toEqual(near([-1, -2.7183]))
})

describe('sizes that the file leaves open', () => {
  const nodes: NodeSpec[] = [
    { op: 'Conv', inputs: ['x', 'w'], outputs: ['c'], attributes: { strides: [2, 2], pads: [1, 1, 1, 1] } },
    { op: 'Shape', inputs: ['c'], outputs: ['s'] },
    { op: 'Slice', inputs: ['s', 'two', 'four'], outputs: ['hw'] },
    { op: 'Concat', inputs: ['front', 'hw'], outputs: ['to'], attributes: { axis: 0 } },
    { op: 'Expand', inputs: ['w', 'to'], outputs: ['e'] },
    { op: 'ReduceSum', inputs: ['e', 'axes'], outputs: ['n'], attributes: { keepdims: 0 } },
    { op: 'ReduceMean', inputs: ['c'], outputs: ['m'], attributes: { axes: [2, 3], keepdims: 0 } },
    { op: 'Add', inputs: ['m', 'n'] }
  ]
  const weights = {
    w: tensor([1], [1, 1, 1, 1]),
    two: ints(2),
    four: ints(4),
    front: ints(1, 1),
    axes: ints(0, 1, 2, 3)
  }

  test('are followed, also into numbers', async () => {
    using model = await Model.load(onnxFile({ nodes, weights, shape: ['N', 1, 'h', 'w'] }))
    expect(model.graph.inputShape).toEqual([null, 1, null, null])
    for (const [height, width, cells] of [
      [3, 5, 12],
      [6, 7, 20]
    ] as const) {
      const size = height * width
      const { data } = await model.forward({ data: new Float32Array(2 * size), shape: [2, 1, height, width] })
      expect(Array.from(data)).toEqual([cells, cells])
    }
  })

  test('come from the options', async () => {
    const path = onnxFile({ nodes: [relu], shape: ['N', 'c', 'h', 'w'] })
    using model = await Model.load(path, { inputShape: [3, 4, 5] })
    expect(model.graph.inputShape).toEqual([null, 3, 4, 5])
  })
})
