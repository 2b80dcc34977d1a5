import { LrpError } from '../../../core/errors.js'
import { DTYPE_SIZE, sizeOf, type RawTensor, type StateDict } from '../../../core/tensor.js'

/** The weights of a published network, by what its graph needs: some are arranged from those of the file. */
export type Derive = (weights: StateDict) => void | Promise<void>

/** Rows of a matrix, in any order and as often as they are named. */
export function rowsOf({ dtype, shape, data }: RawTensor, rows: ArrayLike<number>): RawTensor {
  const size = DTYPE_SIZE[dtype] * sizeOf(shape.slice(1))
  const result = new Uint8Array(rows.length * size)
  for (let i = 0; i < rows.length; i++) result.set(data.subarray(rows[i]! * size, (rows[i]! + 1) * size), i * size)
  return { dtype, shape: [rows.length, ...shape.slice(1)], data: result }
}

/** A matrix with its axes exchanged. */
function transposed({ dtype, shape, data }: RawTensor): RawTensor {
  const [rows, columns] = shape as [number, number]
  const size = DTYPE_SIZE[dtype]
  const result = new Uint8Array(data.length)
  for (let row = 0; row < rows; row++)
    for (let column = 0; column < columns; column++) {
      const from = (row * columns + column) * size
      result.set(data.subarray(from, from + size), (column * rows + row) * size)
    }
  return { dtype, shape: [columns, rows], data: result }
}

/** Takes a weight out of the file's. @throws LrpError INVALID_FILE where it is not there */
export function take(weights: StateDict, name: string): RawTensor {
  const tensor = weights.get(name)
  if (!tensor) throw new LrpError('INVALID_FILE', `the file lacks the weight '${name}' of the network`)
  weights.delete(name)
  return tensor
}

/**
 * The bias of attention between places of a window, from a table [distances, heads]: [1, heads, places, places]. With a class token
 * the last three rows of the table are for token to place, place to token, and the token itself (BEiT).
 */
export function relativeBias(table: RawTensor, [height, width]: [number, number], hasToken: boolean): RawTensor {
  const distances = (2 * height - 1) * (2 * width - 1) + (hasToken ? 3 : 0)
  const [rows, heads] = table.shape as [number, number]
  if (table.shape.length !== 2 || rows !== distances) {
    const found = `${rows} rows, but a window of ${height}x${width} has ${distances} distances`
    throw new LrpError('INVALID_FILE', `the network's table of relative positions has ${found}`)
  }
  const first = hasToken ? 1 : 0
  const places = height * width + first
  const index = new Int32Array(places * places)
  for (let a = 0; a < places; a++)
    for (let b = 0; b < places; b++) index[a * places + b] = distanceOf(a - first, b - first, height, width, distances)
  const bias = transposed(rowsOf(table, index))
  return { ...bias, shape: [1, heads, places, places] }
}

/** -1 stands for the class token. */
function distanceOf(a: number, b: number, height: number, width: number, distances: number): number {
  if (a < 0 && b < 0) return distances - 1
  if (a < 0) return distances - 3
  if (b < 0) return distances - 2
  const rows = Math.floor(a / width) - Math.floor(b / width) + height - 1
  return rows * (2 * width - 1) + (a % width) - (b % width) + width - 1
}
