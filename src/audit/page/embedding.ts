import { UMAP } from 'umap-js'
import { xoroshiro128plus } from 'pure-rand/generator/xoroshiro128plus'
import { uniformFloat64 } from 'pure-rand/distribution/uniformFloat64'
import type { Rows } from '../../core/row-store.js'
import { nearestNeighbours } from '../spectral/neighbours.js'

const NEIGHBOURS = 10
const EPOCHS = 100

/** A place for every row in the unit square: rows that are alike lie close together (UMAP; McInnes et al. 2018). */
export function embed(rows: Rows): [number, number][] {
  if (rows.count < 4) return Array.from({ length: rows.count }, (_, i) => [(i + 1) / (rows.count + 1), 0.5])
  const random = xoroshiro128plus(11)
  const { index, distance, k } = nearestNeighbours(rows, NEIGHBOURS)
  const umap = new UMAP({ nNeighbors: k, nEpochs: EPOCHS, minDist: 0.1, random: () => uniformFloat64(random) })
  const list = <T extends number>(from: ArrayLike<T>, i: number): number[] =>
    Array.from({ length: k }, (_, n) => from[i * k + n]!)
  const rowsOf = (from: ArrayLike<number>): number[][] => Array.from({ length: rows.count }, (_, i) => list(from, i))
  umap.setPrecomputedKNN(rowsOf(index), rowsOf(distance))
  const points = umap.fit(
    Array.from({ length: rows.count }, (_, i) => Array.from(rows.data.subarray(i * rows.width, (i + 1) * rows.width)))
  )
  const axis = (a: number): ((value: number) => number) => {
    const values = points.map((point) => point[a]!)
    const [low, high] = [Math.min(...values), Math.max(...values)]
    return (value) => (high > low ? (value - low) / (high - low) : 0.5)
  }
  const [x, y] = [axis(0), axis(1)]
  return points.map((point) => [x(point[0]!), y(point[1]!)])
}
