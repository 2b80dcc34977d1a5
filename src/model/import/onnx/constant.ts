import { DTYPE_SIZE, sizeOf, type DType, type RawTensor } from '../../../core/tensor.js'
import { Size, type Dim } from './dim.js'
import { bytesOf } from './tensor-proto.js'

const MOST_NUMBERS = 1 << 20

/** A tensor that does not depend on the image: a weight, a number, or sizes that the file computes with. */
export class Constant {
  private constructor(
    readonly shape: number[],
    readonly dtype: DType,
    /** Name of the weight, where it is one as it stands. */
    readonly name: string | undefined,
    private readonly bytes: Uint8Array | undefined,
    private values: Dim[] | undefined,
    /** This constant is that one with its two axes exchanged; done at the end, and only where it is needed. */
    readonly transposeOf: Constant | undefined
  ) {}

  static weight(name: string | undefined, { shape, dtype, data }: RawTensor): Constant {
    return new Constant(shape, dtype, name, data, undefined, undefined)
  }

  static of(values: Dim[], shape = [values.length], dtype: DType = 'i64'): Constant {
    return new Constant(shape, dtype, undefined, undefined, values, undefined)
  }

  get size(): number {
    return sizeOf(this.shape)
  }

  /** Its numbers, some of which may depend on the input's size. @throws RangeError where there are too many */
  get dims(): Dim[] {
    if (this.values) return this.values
    if (this.size > MOST_NUMBERS) throw new RangeError(`the weight '${this.name}' is too large to be computed with`)
    this.values = this.transposeOf ? transposed(this.transposeOf) : numbersOf(this.dtype, this.bytes!)
    return this.values
  }

  /** Whether some of its numbers depend on the input's size. */
  get isOpen(): boolean {
    return this.values?.some((one) => one instanceof Size) === true
  }

  /** @throws RangeError where there are too many of them, or one depends on the input's size */
  get numbers(): number[] {
    if (this.isOpen) throw new RangeError('one of its settings depends on the size of the input')
    return this.dims as number[]
  }

  /** The one number it holds, if it holds one. */
  get scalar(): number | undefined {
    return this.size === 1 && !this.isOpen ? this.numbers[0] : undefined
  }

  get raw(): RawTensor {
    const half = this.dtype === 'f16' ? halfBits(10, 15) : this.dtype === 'bf16' ? halfBits(7, 127) : undefined
    const data = this.bytes ?? bytesOf(this.dtype, half ? this.numbers.map(half) : this.numbers)
    return { dtype: this.dtype, shape: this.shape, data }
  }

  /** The same numbers in another shape. */
  reshaped(shape: number[]): Constant {
    if (shape.join() === this.shape.join()) return this
    if (this.transposeOf) return Constant.of(this.dims, shape, this.dtype)
    const name = this.name && `${this.name}.${shape.join('x')}`
    return new Constant(shape, this.dtype, name, this.bytes, this.values, undefined)
  }

  /** A matrix with its axes exchanged. */
  transposed(): Constant {
    if (this.transposeOf) return this.transposeOf
    const name = this.name && `${this.name}.transposed`
    return new Constant([this.shape[1]!, this.shape[0]!], this.dtype, name, undefined, undefined, this)
  }
}

function transposed(from: Constant): Dim[] {
  const [rows, columns] = from.shape as [number, number]
  return Array.from({ length: rows * columns }, (_, i) => from.dims[(i % rows) * columns + Math.floor(i / rows)]!)
}

function numbersOf(dtype: DType, bytes: Uint8Array): number[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const read: Record<DType, (at: number) => number> = {
    f32: (at) => view.getFloat32(at, true),
    f64: (at) => view.getFloat64(at, true),
    f16: (at) => halfOf(view.getUint16(at, true), 10, 15),
    bf16: (at) => halfOf(view.getUint16(at, true), 7, 127),
    i64: (at) => Number(view.getBigInt64(at, true)),
    i32: (at) => view.getInt32(at, true),
    i16: (at) => view.getInt16(at, true),
    i8: (at) => view.getInt8(at),
    u8: (at) => view.getUint8(at),
    bool: (at) => view.getUint8(at)
  }
  return Array.from({ length: bytes.byteLength / DTYPE_SIZE[dtype] }, (_, i) => read[dtype](i * DTYPE_SIZE[dtype]))
}

/** The value of a 16-bit float with this number of bits of mantissa. */
function halfOf(bits: number, mantissa: number, bias: number): number {
  const sign = bits & 0x8000 ? -1 : 1
  const exponent = (bits & 0x7fff) >> mantissa
  const fraction = (bits & ((1 << mantissa) - 1)) / (1 << mantissa)
  if (exponent === (1 << (15 - mantissa)) - 1) return fraction ? Number.NaN : sign * Infinity
  return sign * (exponent === 0 ? fraction * 2 ** (1 - bias) : (1 + fraction) * 2 ** (exponent - bias))
}

/** The bits of a number rounded to a 16-bit float, to the even one of two that are as near. */
const halfBits =
  (mantissa: number, bias: number) =>
  (value: number): number => {
    const sign = value < 0 || Object.is(value, -0) ? 0x8000 : 0
    const infinite = ((1 << (15 - mantissa)) - 1) << mantissa
    if (Number.isNaN(value)) return infinite | 1
    const size = Math.abs(value)
    if (size === Infinity) return sign | infinite
    const exponent = Math.max(size === 0 ? -Infinity : Math.floor(Math.log2(size)), 1 - bias)
    const steps = size / 2 ** (exponent - mantissa)
    const down = Math.floor(steps)
    const isUp = steps - down > 0.5 || (steps - down === 0.5 && down % 2 === 1)
    // the first step of a normal number carries into the exponent
    return sign | Math.min(infinite, ((exponent + bias - 1) << mantissa) + down + Number(isUp))
  }

/** The bytes of a large matrix with its axes exchanged, in steps that leave the event loop free. */
export async function transposeMatrix({ dtype, shape, data }: RawTensor): Promise<RawTensor> {
  const [rows, columns] = shape as [number, number]
  const size = DTYPE_SIZE[dtype]
  const result = new Uint8Array(data.byteLength)
  const Cells = { 1: Uint8Array, 2: Uint16Array, 4: Uint32Array, 8: BigUint64Array }[size as 1 | 2 | 4 | 8]
  const aligned = data.byteOffset % size === 0 ? data : new Uint8Array(data)
  const from = new Cells(aligned.buffer as ArrayBuffer, aligned.byteOffset, rows * columns)
  const to = new Cells(result.buffer, 0, rows * columns)
  const band = Math.max(1, Math.floor((1 << 20) / columns))
  for (let first = 0; first < rows; first += band) {
    const last = Math.min(rows, first + band)
    for (let j = 0; j < columns; j++) for (let i = first; i < last; i++) to[j * rows + i] = from[i * columns + j]!
    await new Promise((resume) => setImmediate(resume))
  }
  return { dtype, shape: [columns, rows], data: result }
}

/** A constant's numbers as they are stored with the model. */
export function materialise(constant: Constant): RawTensor | Promise<RawTensor> {
  return constant.transposeOf ? transposeMatrix(constant.transposeOf.raw) : constant.raw
}
