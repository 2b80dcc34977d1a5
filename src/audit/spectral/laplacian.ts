import type { Neighbours } from './neighbours.js'

/** A symmetric sparse matrix by rows. */
export interface SparseMatrix {
  size: number
  /** Row i holds the entries from `starts[i]` to `starts[i + 1]`. */
  starts: Int32Array
  columns: Int32Array
  values: Float64Array
}

/**
 * The graph of nearest neighbours as CoRelAy builds it: affinity 1 to the `k` nearest others, symmetrised as (A + A^T) / 2,
 * each entry divided by the roots of both degrees. The symmetric normalised Laplacian is the identity less this matrix.
 */
export function normalisedAffinity({ index, k }: Neighbours): SparseMatrix {
  const size = index.length / k
  const rows = Array.from({ length: size }, () => new Map<number, number>())
  const add = (i: number, j: number): void => void rows[i]!.set(j, (rows[i]!.get(j) ?? 0) + 0.5)
  for (let i = 0; i < size; i++) {
    for (const j of index.subarray(i * k, (i + 1) * k)) {
      if (j < 0) continue
      add(i, j)
      add(j, i)
    }
  }
  const roots = rows.map((row) => Math.sqrt([...row.values()].reduce((sum, value) => sum + value, 0)))
  const starts = new Int32Array(size + 1)
  rows.forEach((row, i) => (starts[i + 1] = starts[i]! + row.size))
  const columns = new Int32Array(starts[size]!)
  const values = new Float64Array(starts[size]!)
  rows.forEach((row, i) => {
    let at = starts[i]!
    for (const [j, value] of row) {
      columns[at] = j
      values[at++] = value / (roots[i]! * roots[j]!)
    }
  })
  return { size, starts, columns, values }
}

/** The matrix times each of the columns, which lie one after the other. */
export function multiply({ size, starts, columns, values }: SparseMatrix, vectors: Float64Array): Float64Array {
  const result = new Float64Array(vectors.length)
  for (let from = 0; from < vectors.length; from += size) {
    for (let i = 0; i < size; i++) {
      let sum = 0
      for (let at = starts[i]!; at < starts[i + 1]!; at++) sum += values[at]! * vectors[from + columns[at]!]!
      result[from + i] = sum
    }
  }
  return result
}
