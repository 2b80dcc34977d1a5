import { EigenvalueDecomposition, Matrix } from 'ml-matrix'
import { xoroshiro128plus } from 'pure-rand/generator/xoroshiro128plus'
import { uniformFloat64 } from 'pure-rand/distribution/uniformFloat64'
import { multiply, type SparseMatrix } from './laplacian.js'

export interface Spectrum {
  /** Of the Laplacian, smallest first. */
  eigenvalues: Float64Array
  /** One column of `size` values for each eigenvalue, of length 1. */
  eigenvectors: Float64Array[]
}

/** Vectors beyond those that are wanted: the filter separates the wanted ones from them. */
const SPARE = 8
const DEGREE = 12
const MOST_ROUNDS = 60

/**
 * The smallest eigenvalues of the symmetric normalised Laplacian I - `affinity` and their eigenvectors, by subspace iteration
 * with a Chebyshev filter (Zhou, Saad et al. 2006). Several equal eigenvalues are all found.
 */
export function smallestEigenvectors(affinity: SparseMatrix, count: number): Spectrum {
  const { size } = affinity
  const wanted = Math.min(count, size)
  const width = Math.min(size, wanted + SPARE)
  const random = xoroshiro128plus(7)
  let basis = Float64Array.from({ length: size * width }, () => uniformFloat64(random) - 0.5)
  let largest = new Float64Array(width)
  for (let round = 0; round < MOST_ROUNDS; round++) {
    if (round > 0) basis = filtered(affinity, basis, Math.min(largest[width - 1]!, 0.99))
    orthonormalise(basis, size)
    const [rotated, values, image] = rayleighRitz(affinity, basis)
    basis = rotated
    largest = values
    if (width === size || residual(basis, image, values, size, wanted) < 1e-9) break
  }
  return {
    eigenvalues: largest.subarray(0, wanted).map((value) => 1 - value),
    eigenvectors: Array.from({ length: wanted }, (_, c) => basis.slice(c * size, (c + 1) * size))
  }
}

/** A polynomial that stays small from -1 to `bound` and grows above: eigenvectors of large affinity stand out. */
function filtered(affinity: SparseMatrix, basis: Float64Array, bound: number): Float64Array<ArrayBuffer> {
  const [centre, half] = [(bound - 1) / 2, (bound + 1) / 2]
  const step = (vectors: Float64Array): Float64Array => {
    const image = multiply(affinity, vectors)
    return image.map((value, i) => (value - centre * vectors[i]!) / half)
  }
  let [before, now] = [Float64Array.from(basis), step(basis)]
  for (let degree = 2; degree <= DEGREE; degree++) {
    const next = step(now)
    for (let i = 0; i < next.length; i++) next[i] = 2 * next[i]! - before[i]!
    ;[before, now] = [Float64Array.from(now), next]
  }
  return Float64Array.from(now)
}

/** Modified Gram-Schmidt, twice: the filter makes columns nearly parallel. */
function orthonormalise(basis: Float64Array, size: number): void {
  const columns = basis.length / size
  for (let c = 0; c < columns; c++) {
    const own = basis.subarray(c * size, (c + 1) * size)
    for (let time = 0; time < 2; time++) {
      for (let b = 0; b < c; b++) {
        const other = basis.subarray(b * size, (b + 1) * size)
        const overlap = dot(own, other)
        for (let i = 0; i < size; i++) own[i]! -= overlap * other[i]!
      }
      const length = Math.sqrt(dot(own, own))
      for (let i = 0; i < size; i++) own[i]! /= length || 1
    }
  }
}

/** Best eigenvectors within a basis: rotated basis, affinities (largest first), and the matrix times the rotated basis. */
function rayleighRitz(
  affinity: SparseMatrix,
  basis: Float64Array
): [Float64Array<ArrayBuffer>, Float64Array<ArrayBuffer>, Float64Array] {
  const { size } = affinity
  const width = basis.length / size
  const image = multiply(affinity, basis)
  const column = (of: Float64Array, c: number): Float64Array => of.subarray(c * size, (c + 1) * size)
  const small = Matrix.zeros(width, width)
  for (let a = 0; a < width; a++) {
    for (let b = a; b < width; b++) {
      const value = dot(column(basis, a), column(image, b))
      small.set(a, b, value)
      small.set(b, a, value)
    }
  }
  const found = new EigenvalueDecomposition(small, { assumeSymmetric: true })
  const order = found.realEigenvalues.map((_, c) => c).reverse() // ml-matrix: smallest first
  const rotate = (from: Float64Array): Float64Array<ArrayBuffer> => {
    const result = new Float64Array(from.length)
    order.forEach((c, to) => {
      for (let b = 0; b < width; b++) {
        const weight = found.eigenvectorMatrix.get(b, c)
        for (let i = 0; i < size; i++) result[to * size + i]! += weight * from[b * size + i]!
      }
    })
    return result
  }
  return [rotate(basis), Float64Array.from(order, (c) => found.realEigenvalues[c]!), rotate(image)]
}

/** The largest |A v - a v| of the first vectors. */
function residual(basis: Float64Array, image: Float64Array, values: Float64Array, size: number, count: number): number {
  let largest = 0
  for (let c = 0; c < count; c++) {
    let sum = 0
    for (let i = c * size; i < (c + 1) * size; i++) sum += (image[i]! - values[c]! * basis[i]!) ** 2
    largest = Math.max(largest, Math.sqrt(sum))
  }
  return largest
}

function dot(a: Float64Array, b: Float64Array): number {
  let sum = 0
  for (let i = 0; i < a.length; i++) sum += a[i]! * b[i]!
  return sum
}
