import { xoroshiro128plus } from 'pure-rand/generator/xoroshiro128plus'
import { uniformFloat64 } from 'pure-rand/distribution/uniformFloat64'
import type { Rows } from '../../core/row-store.js'

/** For each row the `k` nearest others, nearest first: [rows, k] indices and Euclidean distances. */
export interface Neighbours {
  k: number
  index: Int32Array
  distance: Float64Array
}

/** Up to this number of rows all distances are computed; above it, candidates come from a random projection. */
const EXACT_ROWS = 300
const PROJECTED_WIDTH = 48
/** Candidates for each neighbour that is sought. */
const CANDIDATES = 5

/**
 * The nearest others of every row by Euclidean distance; exact up to 300 rows, approximate beyond (a seeded Gaussian
 * projection chooses candidates, exact distances rank them).
 */
export function nearestNeighbours(rows: Rows, k: number): Neighbours {
  const most = Math.max(1, Math.min(k, rows.count - 1))
  if (rows.count <= EXACT_ROWS || rows.width <= PROJECTED_WIDTH) return exact(rows, most)
  const rough = exact(projected(rows), Math.min(rows.count - 1, most * CANDIDATES))
  const result = empty(rows.count, most)
  for (let i = 0; i < rows.count; i++) {
    for (let c = 0; c < rough.k; c++) {
      const j = rough.index[i * rough.k + c]!
      insert(result, i, j, squaredDistance(rows, i, j, Infinity))
    }
  }
  return rooted(result)
}

function exact(rows: Rows, k: number): Neighbours {
  const result = empty(rows.count, k)
  for (let i = 0; i < rows.count; i++) {
    for (let j = i + 1; j < rows.count; j++) {
      const worst = Math.max(result.distance[i * k + k - 1]!, result.distance[j * k + k - 1]!)
      const d = squaredDistance(rows, i, j, worst)
      insert(result, i, j, d)
      insert(result, j, i, d)
    }
  }
  return rooted(result)
}

function empty(count: number, k: number): Neighbours {
  return { k, index: new Int32Array(count * k).fill(-1), distance: new Float64Array(count * k).fill(Infinity) }
}

/** Rows may stop being compared once they are further apart than anybody cares. */
function squaredDistance({ data, width }: Rows, i: number, j: number, worst: number): number {
  const [a, b] = [i * width, j * width]
  let sum = 0
  for (let from = 0; from < width; from += 64) {
    const to = Math.min(width, from + 64)
    for (let x = from; x < to; x++) {
      const difference = data[a + x]! - data[b + x]!
      sum += difference * difference
    }
    if (sum > worst) return Infinity
  }
  return sum
}

function insert({ k, index, distance }: Neighbours, i: number, j: number, d: number): void {
  let at = i * k + k - 1
  if (!(d < distance[at]!)) return
  for (; at > i * k && distance[at - 1]! > d; at--) {
    distance[at] = distance[at - 1]!
    index[at] = index[at - 1]!
  }
  distance[at] = d
  index[at] = j
}

function rooted(result: Neighbours): Neighbours {
  return { ...result, distance: result.distance.map(Math.sqrt) }
}

function projected(rows: Rows): Rows {
  const random = xoroshiro128plus(1)
  const normal = (): number =>
    Math.sqrt(-2 * Math.log(1 - uniformFloat64(random))) * Math.cos(2 * Math.PI * uniformFloat64(random))
  const axes = Float32Array.from({ length: rows.width * PROJECTED_WIDTH }, normal)
  const data = new Float32Array(rows.count * PROJECTED_WIDTH)
  for (let i = 0; i < rows.count; i++) {
    for (let x = 0; x < rows.width; x++) {
      const value = rows.data[i * rows.width + x]!
      if (value === 0) continue
      for (let p = 0; p < PROJECTED_WIDTH; p++) data[i * PROJECTED_WIDTH + p]! += value * axes[x * PROJECTED_WIDTH + p]!
    }
  }
  return { data, count: rows.count, width: PROJECTED_WIDTH }
}
