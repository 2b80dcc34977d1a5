import { open, type FileHandle } from 'node:fs/promises'
import { dirname, isAbsolute, join, normalize, sep } from 'node:path'
import protobuf from 'protobufjs'
import { LrpError } from '../../../core/errors.js'
import { ioError } from '../../../core/files.js'
import { DTYPE_SIZE, sizeOf, type DType, type RawTensor } from '../../../core/tensor.js'
import { MOST_SHARING, swollen } from '../pytorch.js'
import { readRange, type FileRange } from '../zip.js'
import { readField, wireFields } from './wire.js'

const LARGEST_GRAPH = 256 << 20

// The part of onnx.proto that a network for inference needs.
export const { root: ONNX } = protobuf.parse(
  `
  syntax = "proto3";
  message StringEntry { string key = 1; string value = 2; }
  message Dimension { int64 dim_value = 1; string dim_param = 2; }
  message Shape { repeated Dimension dim = 1; }
  message TensorType { int32 elem_type = 1; Shape shape = 2; }
  message Type { TensorType tensor_type = 1; }
  message ValueInfo { string name = 1; Type type = 2; }
  message Tensor {
    repeated int64 dims = 1; int32 data_type = 2; repeated float float_data = 4; repeated int32 int32_data = 5;
    repeated int64 int64_data = 7; string name = 8; bytes raw_data = 9; repeated double double_data = 10;
    repeated StringEntry external_data = 13; int32 data_location = 14;
  }
  message Attribute {
    string name = 1; float f = 2; int64 i = 3; bytes s = 4; Tensor t = 5; repeated float floats = 7;
    repeated int64 ints = 8; int32 type = 20;
  }
  message Node {
    repeated string input = 1; repeated string output = 2; string name = 3; string op_type = 4;
    repeated Attribute attribute = 5; string domain = 7; repeated StringEntry metadata_props = 9;
  }
  message Graph {
    repeated Node node = 1; string name = 2; repeated Tensor initializer = 5; repeated ValueInfo input = 11;
    repeated ValueInfo output = 12;
  }
  message Opset { string domain = 1; int64 version = 2; }
  message Model {
    int64 ir_version = 1; string producer_name = 2; Graph graph = 7; repeated Opset opset_import = 8;
  }
`,
  { keepCase: true }
)

/** The numbers of ONNX's `TensorProto.DataType`. */
export const ONNX_DTYPES: Record<number, DType> = {
  1: 'f32',
  2: 'u8',
  3: 'i8',
  5: 'i16',
  6: 'i32',
  7: 'i64',
  9: 'bool',
  10: 'f16',
  11: 'f64',
  16: 'bf16'
}

interface OnnxTensor {
  dims: number[]
  data_type: number
  name: string
  float_data: number[]
  int32_data: number[]
  int64_data: number[]
  double_data: number[]
  raw_data: Uint8Array
  external_data: { key: string; value: string }[]
  data_location: number
}

export interface OnnxAttribute {
  name: string
  f: number
  i: number
  s: Uint8Array
  t: OnnxTensor | null
  floats: number[]
  ints: number[]
}

export interface OnnxNode {
  input: string[]
  output: string[]
  name: string
  op_type: string
  domain: string
  attribute: OnnxAttribute[]
  metadata_props: { key: string; value: string }[]
}

interface ValueInfo {
  name: string
  type: { tensor_type: { shape: { dim: { dim_value: number; dim_param: string }[] } | null } | null } | null
}

export interface OnnxFile {
  path: string
  opset: number
  nodes: OnnxNode[]
  inputs: ValueInfo[]
  outputs: ValueInfo[]
  tensors: Map<string, RawTensor>
}

/**
 * Reads an ONNX file: the graph decoded, every weight in a buffer of its own (memory peaks at the size of the file).
 * Weights in files beside it are read too; files elsewhere are refused.
 * @throws LrpError INVALID_FILE, UNSUPPORTED, NOT_FOUND, IO
 */
export async function readOnnx(path: string): Promise<OnnxFile> {
  let file: FileHandle | undefined
  try {
    file = await open(path)
    return await readModel({ file, path, start: 0, length: (await file.stat()).size })
  } catch (cause) {
    throw ioError(cause, `cannot read ${path}`)
  } finally {
    await file?.close()
  }
}

async function readModel(range: FileRange): Promise<OnnxFile> {
  const { path } = range
  const opsets: Uint8Array[] = []
  const graph: Uint8Array[] = []
  const tensors = new Map<string, RawTensor>()
  const beside = new Map<string, number>()
  for await (const field of wireFields(range)) {
    if (field.number === 8) opsets.push(await readField(range, field))
    if (field.number === 25)
      throw new LrpError('UNSUPPORTED', `${path} defines functions of its own: inline them first`)
    if (field.number !== 7 || !field.isDelimited) continue
    let held = 0
    for await (const part of wireFields(field.content)) {
      if (part.number === 15) throw new LrpError('UNSUPPORTED', `${path} holds sparse weights`)
      if (part.number === 5 && part.isDelimited) {
        const [name, tensor] = await readInitialiser(part.content, beside)
        if (tensors.has(name)) throw invalid(path, `the weight '${name}' stands in it twice`)
        tensors.set(name, tensor)
      } else if ([1, 11, 12].includes(part.number)) {
        held += part.end - part.start
        if (held > LARGEST_GRAPH) throw invalid(path, 'its graph is too large')
        graph.push(await readField(field.content, part))
      }
    }
  }
  const decoded = decode<{ node: OnnxNode[]; input: ValueInfo[]; output: ValueInfo[] }>('Graph', graph, path)
  const imports = decode<{ opset_import: { domain: string; version: number }[] }>('Model', opsets, path).opset_import
  const opset = imports.find(({ domain }) => domain === '' || domain === 'ai.onnx')?.version
  if (opset === undefined || decoded.node.length === 0) throw invalid(path, 'it holds no graph')
  return { path, opset, nodes: decoded.node, inputs: decoded.input, outputs: decoded.output, tensors }
}

function invalid(path: string, why: string): LrpError {
  return new LrpError('INVALID_FILE', `${path} is no usable ONNX file: ${why}`)
}

function decode<T>(type: string, parts: Uint8Array[], path: string): T {
  try {
    const Type = ONNX.lookupType(type)
    const message = Type.decode(Buffer.concat(parts))
    return Type.toObject(message, { longs: Number, defaults: true, arrays: true }) as T
  } catch {
    throw invalid(path, 'it is truncated or damaged')
  }
}

/** A weight: its description is decoded, its bytes are read straight from where they stand. */
async function readInitialiser(range: FileRange, beside: Map<string, number>): Promise<[string, RawTensor]> {
  const description: Uint8Array[] = []
  let raw: FileRange | undefined
  for await (const field of wireFields(range)) {
    if (field.number === 9) raw = field.content
    else description.push(await readField(range, field))
  }
  const tensor = decode<OnnxTensor>('Tensor', description, range.path)
  if (tensor.data_location === 1) return [tensor.name, await readExternal(tensor, range.path, beside)]
  if (!raw) return [tensor.name, tensorOf(tensor, range.path)]
  const { dtype, bytes } = describe(tensor, range.path)
  if (raw.length !== bytes) throw misfit(tensor, range.path)
  return [tensor.name, { dtype, shape: tensor.dims, data: await readRange(raw, 0, bytes) }]
}

function describe(tensor: OnnxTensor, path: string): { dtype: DType; bytes: number } {
  const dtype = ONNX_DTYPES[tensor.data_type]
  if (!dtype) throw new LrpError('UNSUPPORTED', `${path}: the weight '${tensor.name}' has an unknown number type`)
  const bytes = sizeOf(tensor.dims) * DTYPE_SIZE[dtype]
  if (!tensor.dims.every((axis) => axis >= 0) || !Number.isSafeInteger(bytes)) throw misfit(tensor, path)
  return { dtype, bytes }
}

function misfit(tensor: OnnxTensor, path: string): LrpError {
  return invalid(path, `the weight '${tensor.name}' does not fit its shape`)
}

/** A tensor whose numbers stand in the message itself. @throws LrpError INVALID_FILE, UNSUPPORTED */
export function tensorOf(tensor: OnnxTensor, path: string): RawTensor {
  if (tensor.data_location === 1) throw invalid(path, `the constant '${tensor.name}' lies in another file`)
  const { dtype, bytes } = describe(tensor, path)
  const shape = tensor.dims
  if (tensor.raw_data.length > 0 || bytes === 0) {
    if (tensor.raw_data.length !== bytes) throw misfit(tensor, path)
    return { dtype, shape, data: new Uint8Array(tensor.raw_data) }
  }
  const numbers = {
    f32: tensor.float_data,
    f64: tensor.double_data,
    i64: tensor.int64_data,
    f16: tensor.int32_data,
    bf16: tensor.int32_data,
    i32: tensor.int32_data,
    i16: tensor.int32_data,
    i8: tensor.int32_data,
    u8: tensor.int32_data,
    bool: tensor.int32_data
  }[dtype]
  if (numbers.length !== sizeOf(shape)) throw misfit(tensor, path)
  return { dtype, shape, data: bytesOf(dtype, numbers) }
}

/** Numbers in the little-endian bytes of a type; half floats are given by their bits. */
export function bytesOf(dtype: DType, numbers: number[]): Uint8Array {
  if (dtype === 'i64') return new Uint8Array(BigInt64Array.from(numbers, (one) => BigInt(Math.trunc(one))).buffer)
  const arrays = {
    f32: Float32Array,
    f64: Float64Array,
    f16: Uint16Array,
    bf16: Uint16Array,
    i32: Int32Array,
    i16: Int16Array,
    i8: Int8Array,
    u8: Uint8Array,
    bool: Uint8Array
  }
  return new Uint8Array(arrays[dtype].from(numbers).buffer)
}

/** `taken` counts the bytes read of each file beside. */
async function readExternal(tensor: OnnxTensor, path: string, taken: Map<string, number>): Promise<RawTensor> {
  const { dtype, bytes } = describe(tensor, path)
  const given = new Map(tensor.external_data.map(({ key, value }) => [key, value]))
  const location = normalize(given.get('location') ?? '')
  if (location === '.' || isAbsolute(location) || location.split(sep).includes('..')) {
    throw invalid(path, `the weight '${tensor.name}' lies outside the file's folder`)
  }
  const offset = Number(given.get('offset') ?? 0)
  if (Number(given.get('length') ?? bytes) !== bytes || !Number.isSafeInteger(offset)) throw misfit(tensor, path)
  const beside = join(dirname(path), location)
  const total = (taken.get(beside) ?? 0) + bytes
  taken.set(beside, total)
  let file: FileHandle | undefined
  try {
    file = await open(beside)
    const range = { file, path: beside, start: 0, length: (await file.stat()).size }
    if (total > MOST_SHARING * range.length) throw swollen(path)
    return { dtype, shape: tensor.dims, data: await readRange(range, offset, bytes) }
  } catch (cause) {
    throw ioError(cause, `cannot read ${beside}, which holds weights of ${path}`)
  } finally {
    await file?.close()
  }
}
