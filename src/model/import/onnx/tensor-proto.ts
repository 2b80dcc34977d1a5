import { constants } from 'node:fs'
import { open, realpath, stat, type FileHandle } from 'node:fs/promises'
import { dirname, isAbsolute, join, normalize, sep } from 'node:path'
import { LrpError } from '../../../core/errors.js'
import { ioError } from '../../../core/files.js'
import { DTYPE_SIZE, sizeOf, type DType, type RawTensor } from '../../../core/tensor.js'
import { MOST_SHARING, swollen } from '../pytorch.js'
import { readRange, type FileRange } from '../../../core/file-range.js'
import { decode, invalid, type OnnxTensor } from './proto.js'
import { readField, wireFields } from './wire.js'

/** The numbers of ONNX's `TensorProto.DataType`; unsigned types are held by the next larger signed one. */
export const ONNX_DTYPES: Record<number, DType> = {
  1: 'f32',
  2: 'u8',
  3: 'i8',
  4: 'i32',
  5: 'i16',
  6: 'i32',
  7: 'i64',
  9: 'bool',
  10: 'f16',
  11: 'f64',
  12: 'i64',
  13: 'i64',
  16: 'bf16'
}

/** Types that are wider here than in the file, and how the file's numbers are read. */
const WIDENED: Record<number, { bytes: number; read: (view: DataView, at: number) => number | bigint }> = {
  4: { bytes: 2, read: (view, at) => view.getUint16(at, true) },
  12: { bytes: 4, read: (view, at) => view.getUint32(at, true) },
  13: { bytes: 8, read: (view, at) => view.getBigUint64(at, true) }
}

interface Described {
  dtype: DType
  /** Bytes that the numbers take in the file. */
  bytes: number
}

function describe(tensor: OnnxTensor, path: string): Described {
  const dtype = ONNX_DTYPES[tensor.data_type]
  if (!dtype) throw unknownType(tensor, path)
  const bytes = sizeOf(tensor.dims) * (WIDENED[tensor.data_type]?.bytes ?? DTYPE_SIZE[dtype])
  if (!tensor.dims.every((axis) => axis >= 0) || !Number.isSafeInteger(bytes)) throw misfit(tensor, path)
  return { dtype, bytes }
}

function unknownType({ name, data_type }: OnnxTensor, path: string): LrpError {
  return new LrpError(
    'UNSUPPORTED',
    `${path}: the weight '${name}' has the number type ${data_type}, which is not supported`
  )
}

function misfit(tensor: OnnxTensor, path: string): LrpError {
  return invalid(path, `the weight '${tensor.name}' does not match its shape`)
}

/** A tensor from the bytes of the file. */
function fromBytes(tensor: OnnxTensor, { dtype }: Described, bytes: Uint8Array): RawTensor {
  const wider = WIDENED[tensor.data_type]
  if (!wider) return { dtype, shape: tensor.dims, data: bytes }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const numbers = Array.from({ length: sizeOf(tensor.dims) }, (_, i) => wider.read(view, i * wider.bytes))
  return { dtype, shape: tensor.dims, data: bytesOf(dtype, numbers) }
}

/** A tensor whose numbers are in the message itself. @throws LrpError INVALID_FILE, UNSUPPORTED */
export function tensorOf(tensor: OnnxTensor, path: string): RawTensor {
  if (tensor.data_location === 1) throw invalid(path, `the constant '${tensor.name}' is stored in another file`)
  const described = describe(tensor, path)
  const { dtype, bytes } = described
  const shape = tensor.dims
  if (tensor.raw_data.length > 0 || bytes === 0) {
    if (tensor.raw_data.length !== bytes) throw misfit(tensor, path)
    return fromBytes(tensor, described, new Uint8Array(tensor.raw_data))
  }
  const unsigned = tensor.data_type === 12 || tensor.data_type === 13
  const fields: Partial<Record<DType, number[]>> = {
    f32: tensor.float_data,
    f64: tensor.double_data,
    i64: unsigned ? tensor.uint64_data : tensor.int64_data
  }
  const numbers = fields[dtype] ?? tensor.int32_data
  if (numbers.length !== sizeOf(shape)) throw misfit(tensor, path)
  return { dtype, shape, data: bytesOf(dtype, numbers) }
}

/** Numbers in the little-endian bytes of a type; 16-bit floats are given by their bits. */
export function bytesOf(dtype: DType, numbers: (number | bigint)[]): Uint8Array {
  if (dtype === 'i64') {
    const whole = (one: number | bigint) => (typeof one === 'bigint' ? one : BigInt(Math.trunc(one)))
    return new Uint8Array(BigInt64Array.from(numbers, whole).buffer)
  }
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
  return new Uint8Array(arrays[dtype].from(numbers.map(Number)).buffer)
}

/**
 * A weight in the file: its description is decoded, its bytes are read straight from where they are. `taken` counts the
 * bytes read of each other file.
 */
export async function readInitialiser(
  range: FileRange,
  taken: Map<string, number>
): Promise<{ name: string; tensor: RawTensor } | { name: string; unreadable: LrpError }> {
  const description: Uint8Array[] = []
  let raw: FileRange | undefined
  for await (const field of wireFields(range)) {
    if (field.number === 9) raw = field.content
    else description.push(await readField(range, field))
  }
  const tensor = decode<OnnxTensor>('Tensor', description, range.path)
  const { name } = tensor
  if (!ONNX_DTYPES[tensor.data_type]) return { name, unreadable: unknownType(tensor, range.path) }
  if (tensor.data_location === 1) return { name, tensor: await readExternal(tensor, range.path, taken) }
  if (!raw) return { name, tensor: tensorOf(tensor, range.path) }
  const described = describe(tensor, range.path)
  if (raw.length !== described.bytes) throw misfit(tensor, range.path)
  return { name, tensor: fromBytes(tensor, described, await readRange(raw, 0, described.bytes)) }
}

/** Only a regular file inside the folder of the model is read; a link that leads out of it is not followed. */
async function readExternal(tensor: OnnxTensor, path: string, taken: Map<string, number>): Promise<RawTensor> {
  const described = describe(tensor, path)
  const given = new Map(tensor.external_data.map(({ key, value }) => [key, value]))
  const location = normalize(given.get('location') ?? '')
  const outside = () => invalid(path, `the weight '${tensor.name}' is outside the file's folder`)
  if (location === '.' || isAbsolute(location) || location.split(sep).includes('..')) throw outside()
  const offset = Number(given.get('offset') ?? 0)
  const length = Number(given.get('length') ?? described.bytes)
  if (length !== described.bytes || !Number.isSafeInteger(offset)) throw misfit(tensor, path)
  const beside = join(dirname(path), location)
  const sum = (taken.get(beside) ?? 0) + described.bytes
  taken.set(beside, sum)
  let file: FileHandle | undefined
  try {
    const [folder, real] = [await realpath(dirname(path)), await realpath(beside)]
    if (!real.startsWith(folder.endsWith(sep) ? folder : folder + sep)) throw outside()
    if (!(await stat(real)).isFile()) throw invalid(path, `${beside} with its weights is not a regular file`)
    file = await open(real, constants.O_RDONLY | constants.O_NOFOLLOW)
    const range = { file, path: beside, start: 0, length: (await file.stat()).size }
    if (sum > MOST_SHARING * range.length) throw swollen(path)
    return fromBytes(tensor, described, await readRange(range, offset, described.bytes))
  } catch (cause) {
    throw ioError(cause, `cannot read ${beside} with the weights of ${path}`)
  } finally {
    await file?.close()
  }
}
