import { mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ONNX } from '../../../../src/model/import/onnx/proto.js'
import { bytesOf } from '../../../../src/model/import/onnx/tensor-proto.js'
import { Model } from '../../../../src/model/model.js'

const folder = mkdtempSync(join(tmpdir(), 'lrp-onnx-'))
let count = 0

/** Attribute values: whole numbers, `{ float }`, strings, lists, tensors, graphs. */
type AttributeValue =
  number | { float: number } | string | number[] | { floats: number[] } | { t: object } | { g: object }

export interface NodeSpec {
  op: string
  inputs: string[]
  outputs?: string[]
  attributes?: Record<string, AttributeValue>
  domain?: string
}

export interface FileSpec {
  nodes: NodeSpec[]
  /** Shape of the input `x`; 0 or a name leaves an axis open. */
  shape?: (number | string)[]
  weights?: Record<string, object>
  opset?: number
  /** Number type of the input (1: float32). */
  type?: number
  outputs?: string[]
  functions?: object[]
  opsets?: { domain: string; version: number }[]
  input?: string
}

const TYPES = { f32: 1, u8: 2, i8: 3, i32: 6, i64: 7, bool: 9, f16: 10, f64: 11 } as const

/** A tensor of the file. */
export function tensor(numbers: number[], shape = [numbers.length], dtype: keyof typeof TYPES = 'f32'): object {
  return { dims: shape, data_type: TYPES[dtype], raw_data: bytesOf(dtype, numbers) }
}

export const ints = (...numbers: number[]) => tensor(numbers, [numbers.length], 'i64')

function attribute(name: string, value: AttributeValue): object {
  if (typeof value === 'number') return { name, i: value, type: 2 }
  if (typeof value === 'string') return { name, s: Buffer.from(value), type: 3 }
  if (Array.isArray(value)) return { name, ints: value, type: 7 }
  if ('float' in value) return { name, f: value.float, type: 1 }
  if ('floats' in value) return { name, floats: value.floats, type: 6 }
  return 't' in value ? { name, t: value.t, type: 4 } : { name, g: value.g, type: 5 }
}

export function node({ op, inputs, outputs = ['y'], attributes = {}, domain = '' }: NodeSpec): object {
  const list = Object.entries(attributes).map(([name, value]) => attribute(name, value))
  return { op_type: op, input: inputs, output: outputs, attribute: list, domain }
}

export const valueInfo = (name: string, shape: (number | string)[], type = 1) => ({
  name,
  type: {
    tensor_type: {
      elem_type: type,
      shape: { dim: shape.map((axis) => (typeof axis === 'number' ? { dim_value: axis } : { dim_param: axis })) }
    }
  }
})

/** Writes an ONNX file with one input `x` and the output `y`; returns its path. */
export function onnxFile(spec: FileSpec): string {
  const { nodes, shape = ['N', 2], weights = {}, opset = 17, type = 1, outputs = ['y'], functions = [] } = spec
  const message = {
    ir_version: 8,
    graph: {
      name: 'g',
      node: nodes.map(node),
      initializer: Object.entries(weights).map(([name, one]) => ({ name, ...one })),
      input: [valueInfo(spec.input ?? 'x', shape, type)],
      output: outputs.map((name) => valueInfo(name, ['N']))
    },
    opset_import: [{ domain: '', version: opset }, ...(spec.opsets ?? [])],
    functions
  }
  const Type = ONNX.lookupType('Model')
  const path = join(folder, `${count++}.onnx`)
  writeFileSync(path, Type.encode(Type.fromObject(message)).finish())
  return path
}

/** What the network of a file computes for one input. */
export async function computed(spec: FileSpec, numbers: number[], shape: number[]) {
  using model = await Model.load(onnxFile(spec))
  const { data, shape: made } = await model.forward({ data: Float32Array.from(numbers), shape })
  return { numbers: Array.from(data), shape: made }
}
