import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from '@jest/globals'
import { importModel } from '../../../../src/model/import/index.js'
import { OPERATORS } from '../../../../src/model/import/onnx/operators/index.js'
import { OPSETS } from '../../../../src/model/import/onnx/translate.js'
import { ints, onnxFile, tensor, type FileSpec, type NodeSpec } from './file.js'

// The schemas of the ONNX project: scripts/make-onnx-schemas.py writes them.
interface Schema {
  name: string
  opset: number
  attributes: Record<string, string>
  inputs: number
  required: number
  outputs: number
}
const path = join(__dirname, '..', 'fixtures', 'onnx-schemas.json')
const { newest, operators } = JSON.parse(readFileSync(path, 'utf8')) as { newest: number; operators: Schema[] }
const claimed = operators.filter(({ name }) => Object.hasOwn(OPERATORS, name))

type Attributes = NonNullable<NodeSpec['attributes']>
interface Call {
  inputs?: string[]
  attributes?: Attributes
  weights?: Record<string, object>
  shape?: (number | string)[]
  type?: number
  outputs?: string[]
  /** Its result depends on the shape of the image alone. */
  meets?: boolean
}

const image = ['N', 4, 6, 6]
const ones = (...shape: number[]) => tensor(Array<number>(shape.reduce((a, b) => a * b, 1)).fill(1), shape)
const half = { float: 0.5 }
const channels = (...names: string[]) => Object.fromEntries(names.map((name) => [name, tensor([1, 2, 3, 4])]))

/** A call of each operator that needs more than an image; before some opset, settings are attributes. */
const CALLS: Record<string, Call | ((opset: number) => Call)> = {
  AffineGrid: { inputs: ['x', 'z'], shape: [2, 2, 3], weights: { z: ints(2, 1, 4, 5) } },
  Attention: { inputs: ['x', 'x', 'x'], shape: ['N', 2, 4, 6] },
  AveragePool: { attributes: { kernel_shape: [3, 3] } },
  BatchNormalization: { inputs: ['x', 's', 'b', 'm', 'v'], weights: channels('s', 'b', 'm', 'v') },
  BitShift: { inputs: ['x', 'x'], attributes: { direction: 'LEFT' }, type: 2 },
  BitwiseAnd: { inputs: ['x', 'x'], type: 2 },
  BitwiseOr: { inputs: ['x', 'x'], type: 2 },
  BitwiseXor: { inputs: ['x', 'x'], type: 2 },
  BitwiseNot: { type: 2 },
  Cast: { attributes: { to: 7 } },
  CastLike: { inputs: ['x', 'z'], weights: { z: ints(1) } },
  CenterCropPad: { inputs: ['x', 'z'], weights: { z: ints(4, 3) }, attributes: { axes: [2, 3] } },
  Col2Im: { inputs: ['x', 'i', 'k'], shape: ['N', 8, 9], weights: { i: ints(4, 4), k: ints(2, 2) } },
  Compress: { inputs: ['x', 'c'], attributes: { axis: 1 }, weights: { c: tensor([1, 0, 1, 1], [4], 'bool') } },
  Concat: { inputs: ['x', 'x'], attributes: { axis: 1 } },
  ConstantOfShape: { inputs: ['z'], weights: { z: ints(6) } },
  Conv: { inputs: ['x', 'w'], weights: { w: ones(2, 4, 3, 3) } },
  ConvTranspose: { inputs: ['x', 'w'], weights: { w: ones(4, 2, 3, 3) } },
  CumProd: { inputs: ['x', 'a'], weights: { a: tensor([2], [], 'i64') } },
  CumSum: { inputs: ['x', 'a'], weights: { a: tensor([2], [], 'i64') } },
  DepthToSpace: { attributes: { blocksize: 2 } },
  DequantizeLinear: {
    inputs: ['x', 's', 'z'],
    type: 2,
    weights: { s: tensor([1, 2, 3, 4]), z: tensor([1, 2, 3, 4], [4], 'u8') }
  },
  Einsum: { inputs: ['x', 'x'], attributes: { equation: 'nchw,nchw->nc' } },
  Expand: { inputs: ['x', 'z'], shape: ['N', 1, 3], weights: { z: ints(1, 4, 3) } },
  Gather: { inputs: ['x', 'i'], weights: { i: ints(0, 2) }, attributes: { axis: 1 } },
  GatherElements: {
    inputs: ['x', 'i'],
    weights: { i: tensor(Array<number>(36).fill(1), [1, 4, 3, 3], 'i64') },
    attributes: { axis: 1 }
  },
  GatherND: { inputs: ['x', 'i'], shape: [2, 3, 4], weights: { i: tensor([0, 1], [2, 1], 'i64') } },
  Gemm: { inputs: ['x', 'w', 'b'], shape: ['N', 4], weights: { w: ones(4, 4), b: tensor([1, 2, 3, 4]) } },
  GridSample: { inputs: ['x', 'g'], shape: [1, 1, 4, 4], weights: { g: ones(1, 3, 3, 2) } },
  GroupNormalization: (opset) => ({
    inputs: ['x', 's', 'b'],
    attributes: { num_groups: 2 },
    weights: opset < 21 ? { s: tensor([1, 2]), b: tensor([1, 2]) } : channels('s', 'b')
  }),
  InstanceNormalization: { inputs: ['x', 's', 'b'], weights: channels('s', 'b') },
  LayerNormalization: { inputs: ['x', 's'], weights: { s: tensor([1, 2, 3, 4, 5, 6]) } },
  LpPool: { attributes: { kernel_shape: [3, 3], strides: [2, 2] } },
  LRN: { attributes: { size: 3 } },
  MatMul: { inputs: ['x', 'w'], weights: { w: ones(6, 2) } },
  MaxPool: { attributes: { kernel_shape: [3, 3] } },
  MaxUnpool: {
    inputs: ['x', 'i'],
    shape: [1, 1, 1, 2],
    weights: { i: tensor([0, 3], [1, 1, 1, 2], 'i64') },
    attributes: { kernel_shape: [2, 2], strides: [2, 2] }
  },
  OneHot: { inputs: ['x', 'd', 'v'], weights: { d: ints(3), v: tensor([0, 1]) } },
  Pad: (opset) =>
    opset < 11
      ? { attributes: { pads: [0, 0, 1, 1, 0, 0, 1, 1] } }
      : { inputs: ['x', 'p'], weights: { p: ints(0, 0, 1, 1, 0, 0, 1, 1) } },
  PRelu: { inputs: ['x', 's'], weights: { s: tensor([0.1], [1]) } },
  QuantizeLinear: {
    inputs: ['x', 's', 'z'],
    weights: { s: tensor([0.1, 0.2, 0.3, 0.4]), z: tensor([1, 2, 3, 4], [4], 'u8') }
  },
  Range: { inputs: ['a', 'b', 'c'], weights: { a: tensor([0], []), b: tensor([6], []), c: tensor([1], []) } },
  Reshape: { inputs: ['x', 'z'], weights: { z: ints(0, -1) } },
  Resize: (opset) => ({
    inputs: opset < 11 ? ['x', 's'] : opset < 18 ? ['x', '', 's'] : ['x', '', '', 's'],
    weights: { s: opset < 18 ? tensor([1, 1, 1.5, 1.5]) : ints(1, 4, 9, 12) },
    shape: [1, 4, 6, 6],
    attributes: { mode: 'linear' }
  }),
  ReverseSequence: { inputs: ['x', 'l'], shape: [3, 2, 2], weights: { l: ints(2, 3) } },
  RMSNormalization: { inputs: ['x', 's'], weights: { s: tensor([1, 2, 3, 4, 5, 6]) } },
  RotaryEmbedding: { inputs: ['x', 'c', 's'], shape: [2, 2, 3, 4], weights: { c: ones(2, 3, 2), s: ones(2, 3, 2) } },
  Scatter: scatter(),
  ScatterElements: scatter(),
  ScatterND: { inputs: ['x', 'i', 'u'], shape: [4, 2], weights: { i: tensor([1], [1, 1], 'i64'), u: ones(1, 2) } },
  Slice: (opset) =>
    opset < 10
      ? { attributes: { starts: [0], ends: [2], axes: [1] } }
      : { inputs: ['x', 's', 'e', 'a'], weights: { s: ints(0), e: ints(2), a: ints(1) } },
  SpaceToDepth: { attributes: { blocksize: 2 } },
  Shape: { shape: [1, 3, 3, 4], meets: true },
  Size: { meets: true },
  Split: (opset) => ({ attributes: { axis: 1, ...(opset >= 18 ? { num_outputs: 2 } : {}) }, outputs: ['y', 'z'] }),
  Squeeze: (opset) =>
    opset < 13
      ? { shape: ['N', 1, 3], attributes: { axes: [1] } }
      : { shape: ['N', 1, 3], inputs: ['x', 'a'], weights: { a: ints(1) } },
  TensorScatter: { inputs: ['x', 'u'], shape: [2, 1, 4, 3], weights: { u: ones(2, 1, 2, 3) } },
  Tile: { inputs: ['x', 'r'], weights: { r: ints(1, 1, 2, 1) } },
  TopK: (opset) => (opset < 10 ? { attributes: { k: 2 } } : { inputs: ['x', 'k'], weights: { k: ints(2) } }),
  Transpose: { attributes: { perm: [0, 2, 3, 1] } },
  Unsqueeze: (opset) => (opset < 13 ? { attributes: { axes: [1] } } : { inputs: ['x', 'a'], weights: { a: ints(1) } }),
  Upsample: (opset) =>
    opset < 9
      ? { attributes: { scales: { floats: [1, 1, 2, 2] } } }
      : { inputs: ['x', 's'], weights: { s: tensor([1, 1, 2, 2]) } },
  Where: { inputs: ['c', 'x', 'x'], weights: { c: tensor([1, 0, 1, 0, 1, 0], [6], 'bool') } },
  EyeLike: { shape: [3, 3] },
  Trilu: { shape: ['N', 3, 3] },
  Det: { shape: ['N', 3, 3] },
  Constant: { inputs: [], attributes: { value_float: half } }
}

function scatter(): Call {
  const weights = { i: tensor([1, 0], [1, 2], 'i64'), u: ones(1, 2) }
  return { inputs: ['x', 'i', 'u'], shape: [3, 2], weights }
}

/** Values that no operator has by default; one of them must change the result or be refused. */
const OTHER: Record<string, Attributes[string][]> = {
  INT: [1, 0, 2, 3, -1],
  FLOAT: [{ float: 0.3 }, { float: 3 }],
  STRING: [
    'LEFT',
    'RIGHT',
    'reflect',
    'SAME_UPPER',
    'VALID',
    'nearest',
    'linear',
    'align_corners',
    'ceil',
    'tanh',
    'CRD',
    'add',
    'border',
    'cubic',
    'nc,nc->n',
    'not_larger',
    'circular',
    'strange'
  ],
  INTS: [[1, 2], [2, 2], [1, 1, 1, 1], [0, 1, 2, 3], [1], [3, 3]],
  FLOATS: [{ floats: [1, 1, 3, 3] }],
  TENSOR: [{ t: tensor([3], [1]) }]
}

/** Attributes without effect on a network that is only run forwards, in the type that it is run in. */
const WITHOUT_EFFECT: Record<string, string[]> = {
  // the mode only matters to an output that the call leaves out
  Attention: ['softmax_precision', 'qk_matmul_output_mode'],
  BatchNormalization: ['momentum'],
  Cast: ['saturate', 'round_mode'],
  CastLike: ['saturate', 'round_mode'],
  DequantizeLinear: ['output_dtype'],
  Dropout: ['ratio', 'seed'],
  GroupNormalization: ['stash_type'],
  LayerNormalization: ['stash_type'],
  MaxPool: ['storage_order'],
  QuantizeLinear: ['saturate', 'precision', 'output_dtype'],
  Resize: ['extrapolation_value', 'cubic_coeff_a', 'nearest_mode'],
  RMSNormalization: ['stash_type'],
  TopK: ['sorted']
}
const isHarmless = (operator: string, attribute: string) => WITHOUT_EFFECT[operator]?.includes(attribute) ?? false

function specOf({ name, opset, inputs: most }: Schema): FileSpec & { call: NodeSpec } {
  const given = CALLS[name]
  const call = typeof given === 'function' ? given(opset) : (given ?? {})
  const inputs = call.inputs ?? (most > 1 && !given && !/^Reduce|^Clip|^Dropout/.test(name) ? ['x', 'x'] : ['x'])
  const operator: NodeSpec = { op: name, inputs, outputs: ['r'], attributes: call.attributes }
  return {
    call: operator,
    // what does not depend on the image meets it here
    nodes:
      inputs.includes('x') && !call.meets
        ? [{ ...operator, outputs: call.outputs ?? ['y'] }]
        : [operator, { op: 'Add', inputs: ['x', 'r'] }],
    shape: call.shape ?? image,
    weights: call.weights,
    type: call.type,
    opset
  }
}

/** The graph that an import makes, with its weights, or the error that it ends with. */
async function outcome(spec: FileSpec): Promise<string> {
  const file = onnxFile(spec)
  return importModel(file).then(
    ({ graph, tensors }) => JSON.stringify([graph, [...tensors].map(([name, one]) => [name, Array.from(one.data)])]),
    (error: Error) => `refused: ${error.message.replace(file, '')}`
  )
}

function changed(schema: Schema, change: (call: NodeSpec) => NodeSpec): FileSpec {
  const spec = specOf(schema)
  return { ...spec, nodes: spec.nodes.map((one, i) => (i === 0 ? change(one) : one)) }
}

test('the newest opset is the one that the schemas know', () => {
  expect(OPSETS.last).toBe(newest)
})

test('every operator that is claimed is one of the standard', () => {
  const known = new Set(operators.map(({ name }) => name))
  const unknown = Object.keys(OPERATORS).filter((name) => !known.has(name))
  // replaced by others before the opsets that the schemas list
  expect(unknown).toEqual(['Upsample', 'Scatter'].filter((name) => unknown.includes(name)))
})

describe('what is present and not understood refuses the file', () => {
  const cases = claimed.map((schema) => [`${schema.name}, opset ${schema.opset}`, schema] as const)

  test.each(cases)('%s is imported', async (_, schema) => {
    expect(await outcome(specOf(schema))).not.toMatch(/^refused/)
  })

  test.each(cases)('%s: an attribute that no schema has', async (_, schema) => {
    const made = await outcome(changed(schema, (call) => ({ ...call, attributes: { ...call.attributes, strange: 1 } })))
    expect(made).toMatch(/^refused: .*('strange' is not supported|no value, or several)/)
  })

  test.each(cases.filter(([, { inputs }]) => inputs < 8))('%s: one input more than it has', async (_, schema) => {
    const made = await outcome(
      changed(schema, (call) => {
        const inputs = Array.from({ length: schema.inputs }, (_, i) => call.inputs[i] ?? '')
        return { ...call, inputs: [...inputs, 'x'] }
      })
    )
    expect(made).toMatch(/^refused/)
  })

  const attributes = claimed.flatMap((schema) =>
    Object.entries(schema.attributes).map(([name, type]) => [schema.name, schema.opset, name, type, schema] as const)
  )
  test.each(attributes)(
    '%s, opset %i: %s (%s) changes the result or is refused',
    async (operator, _, name, type, schema) => {
      const plain = await outcome(specOf(schema))
      const others = await Promise.all(
        (OTHER[type] ?? [{ g: {} }]).map((value) =>
          outcome(changed(schema, (call) => ({ ...call, attributes: { ...call.attributes, [name]: value } })))
        )
      )
      const isSame = others.every((one) => one === plain)
      expect(isSame && !isHarmless(operator, name)).toBe(false)
    }
  )
})
