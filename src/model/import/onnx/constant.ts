import { DTYPE_SIZE, sizeOf, type DType, type RawTensor } from '../../../core/tensor.js'
import { bytesOf } from './file.js'

/**
 * The batch size while a graph is read: a prime larger than any axis, so that the file's arithmetic on shapes
 * (`batch * 12`, `total / 64`) works on it exactly and its multiples are recognised.
 */
export const BATCH = 16_777_259

const MOST_NUMBERS = 1 << 20

/** A tensor that does not depend on the input: a weight, or a number that the file computes with. */
export class Constant {
  private constructor(
    readonly shape: number[],
    readonly dtype: DType,
    /** Name of the weight, where it is one as it stands. */
    readonly name: string | undefined,
    private readonly bytes: Uint8Array | undefined,
    private values: number[] | undefined,
    /** This constant is that one with its two axes exchanged; done at the end, and only where it is needed. */
    readonly transposeOf: Constant | undefined,
    /** It counts the images of a batch; the numbers of the first two stand for all of them. */
    readonly perImage = false
  ) {}

  static weight(name: string, { shape, dtype, data }: RawTensor): Constant {
    return new Constant(shape, dtype, name, data, undefined, undefined)
  }

  static of(numbers: number[], shape = [numbers.length], dtype: DType = 'i64', perImage = false): Constant {
    return new Constant(shape, dtype, undefined, undefined, numbers, undefined, perImage)
  }

  get size(): number {
    return sizeOf(this.shape)
  }

  /** @throws RangeError where it is too large to be computed with, or of a type that is not */
  get numbers(): number[] {
    if (this.values) return this.values
    if (this.size > MOST_NUMBERS) {
      throw new RangeError(`the weight '${this.name}' is too large to be computed with`)
    }
    this.values = this.transposeOf ? transposed(this.transposeOf) : numbersOf(this.dtype, this.bytes!)
    return this.values
  }

  /** The one number it holds, if it holds one. */
  get scalar(): number | undefined {
    return this.size === 1 ? this.numbers[0] : undefined
  }

  get raw(): RawTensor {
    const data = this.bytes ?? bytesOf(this.dtype, this.numbers)
    return { dtype: this.dtype, shape: this.shape, data }
  }

  /** The same numbers in another shape. */
  reshaped(shape: number[]): Constant {
    if (shape.join() === this.shape.join()) return this
    if (this.transposeOf || this.perImage) return Constant.of(this.numbers, shape, this.dtype, this.perImage)
    return new Constant(
      shape,
      this.dtype,
      this.name && `${this.name}.${shape.join('x')}`,
      this.bytes,
      this.values,
      undefined
    )
  }

  /** A matrix with its axes exchanged. */
  transposed(): Constant {
    if (this.transposeOf) return this.transposeOf
    const name = this.name && `${this.name}.transposed`
    return new Constant([this.shape[1]!, this.shape[0]!], this.dtype, name, undefined, undefined, this)
  }
}

function transposed(from: Constant): number[] {
  const [rows, columns] = from.shape as [number, number]
  return Array.from({ length: rows * columns }, (_, i) => from.numbers[(i % rows) * columns + Math.floor(i / rows)]!)
}

function numbersOf(dtype: DType, bytes: Uint8Array): number[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const read: Partial<Record<DType, (at: number) => number>> = {
    f32: (at) => view.getFloat32(at, true),
    f64: (at) => view.getFloat64(at, true),
    i64: (at) => Number(view.getBigInt64(at, true)),
    i32: (at) => view.getInt32(at, true),
    i16: (at) => view.getInt16(at, true),
    i8: (at) => view.getInt8(at),
    u8: (at) => view.getUint8(at),
    bool: (at) => view.getUint8(at)
  }
  const one = read[dtype]
  if (!one) throw new RangeError(`constants of the type ${dtype} cannot be computed with`)
  return Array.from({ length: bytes.byteLength / DTYPE_SIZE[dtype] }, (_, i) => one(i * DTYPE_SIZE[dtype]))
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
