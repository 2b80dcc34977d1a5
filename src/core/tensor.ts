/** A dense float32 array in row-major order. */
export interface Tensor {
  /** The values in row-major order; their number is the product of `shape`. */
  data: Float32Array
  /** Length of every axis, the outermost first. */
  shape: number[]
  /**
   * For networks with several inputs, the values of the other inputs: one row for each image, or one row for all
   * images.
   */
  inputs?: Record<string, Tensor>
}

/** Element types of weights, named as in safetensors but in lower case. */
export type DType = 'f64' | 'f32' | 'f16' | 'bf16' | 'i64' | 'i32' | 'i16' | 'i8' | 'u8' | 'bool'

/** Bytes per element. */
export const DTYPE_SIZE: Record<DType, number> = {
  f64: 8,
  f32: 4,
  f16: 2,
  bf16: 2,
  i64: 8,
  i32: 4,
  i16: 2,
  i8: 1,
  u8: 1,
  bool: 1
}

/** What PyTorch calls the number types. */
export const TORCH_DTYPE: Record<DType, string> = {
  f64: 'float64',
  f32: 'float32',
  f16: 'float16',
  bf16: 'bfloat16',
  i64: 'int64',
  i32: 'int32',
  i16: 'int16',
  i8: 'int8',
  u8: 'uint8',
  bool: 'bool'
}

/** The raw bytes of a tensor as they are stored in a file: little-endian and row-major. */
export interface RawTensor {
  /** Type of the elements. */
  dtype: DType
  /** Length of every axis, the outermost first. */
  shape: number[]
  /** The bytes, little-endian. */
  data: Uint8Array
}

/** A state dict: maps PyTorch names to tensors. */
export type StateDict = Map<string, RawTensor>

/** Product of the axes; 1 for a scalar. */
export function sizeOf(shape: readonly number[]): number {
  return shape.reduce((product, axis) => product * axis, 1)
}

/** Whether a caller's value is a tensor: typed data, as many numbers as the shape says. */
export function isTensor(value: unknown): boolean {
  const { data, shape } = (value ?? {}) as Partial<Tensor>
  if (!ArrayBuffer.isView(data) || !Array.isArray(shape)) return false
  return shape.every((axis) => Number.isInteger(axis) && axis >= 0) && sizeOf(shape) === data.length
}
