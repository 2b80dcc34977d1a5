import { describe, expect, test } from '@jest/globals'
import { smallestEigenvectors } from '../../src/audit/spectral/eigenvectors.js'
import { normalisedAffinity } from '../../src/audit/spectral/laplacian.js'
import type { Rows } from '../../src/core/row-store.js'
import { nearestNeighbours } from '../../src/audit/spectral/neighbours.js'
import { spectralClusters } from '../../src/audit/spectral/cluster.js'
import { readSafetensors } from '../../src/model/import/safetensors.js'
import { describeShared, shared, values } from '../shared.js'

describeShared('spectral relevance analysis of the reference values', () => {
  const CASES = ['epsilon', 'epsilon-plus'].flatMap((composite) => [5, 10].map((k) => ({ composite, k })))

  test.each(CASES)('$composite, k = $k: CoRelAy has these eigenvalues and projectors', async ({ composite, k }) => {
    const tensors = await readSafetensors(shared('golden', 'concepts', 'spray', 'tensors.safetensors'))
    const prepared = tensors.get(`prepared.${composite}`)!
    const [count, width] = prepared.shape as [number, number]
    const rows: Rows = { data: Float32Array.from(values(prepared)), count, width }
    const found = smallestEigenvectors(normalisedAffinity(nearestNeighbours(rows, k)), 8)
    const eigenvalues = Array.from(values(tensors.get(`${composite}.knn${k}.eigenvalues`)!))
    const vectors = values(tensors.get(`${composite}.knn${k}.eigenvectors`)!)
    const order = eigenvalues.map((_, i) => i).sort((a, b) => eigenvalues[a]! - eigenvalues[b]!)
    order.forEach((place, i) => expect(Math.abs(found.eigenvalues[i]! - eigenvalues[place]!)).toBeLessThan(1e-6))
    const across = vectors.length / count
    // CoRelAy scales each row of its eight eigenvectors to length 1
    const lengths = Array.from({ length: count }, (_, a) => Math.hypot(...found.eigenvectors.map((v) => v[a]!)))
    let compared = 0
    for (const group of separated(order.map((place) => eigenvalues[place]!))) {
      let worst = 0
      for (let a = 0; a < count; a += 3) {
        for (let b = 0; b < count; b += 3) {
          let difference = 0
          for (const i of group) {
            difference += (found.eigenvectors[i]![a]! * found.eigenvectors[i]![b]!) / (lengths[a]! * lengths[b]!)
            difference -= vectors[a * across + order[i]!]! * vectors[b * across + order[i]!]!
          }
          worst = Math.max(worst, Math.abs(difference))
        }
      }
      expect(worst).toBeLessThan(1e-4)
      compared += group.length
    }
    expect(compared).toBeGreaterThanOrEqual(6)
  })

  test.each(CASES)('$composite, k = $k: clusters find the marks', async ({ composite, k }) => {
    const tensors = await readSafetensors(shared('golden', 'concepts', 'spray', 'tensors.safetensors'))
    const prepared = tensors.get(`prepared.${composite}`)!
    const [count, width] = prepared.shape as [number, number]
    const rows: Rows = { data: Float32Array.from(values(prepared)), count, width }
    const marked = Array.from(values(tensors.get('marked')!))
    const { labels } = spectralClusters(rows, { neighbours: k, clusters: 2 })
    const same = labels.filter((label, i) => label === marked[i]).length / count
    expect(Math.max(same, 1 - same)).toBeGreaterThanOrEqual(0.99)
  })
})

/** Groups of eigenvalues that lie apart from the others; the last has no known neighbour. */
function separated(eigenvalues: number[]): number[][] {
  const groups: number[][] = []
  eigenvalues.forEach((value, i) => {
    if (i > 0 && value - eigenvalues[i - 1]! < 1e-3) groups.at(-1)!.push(i)
    else groups.push([i])
  })
  return groups.slice(0, -1)
}

describe('nearest neighbours', () => {
  test('of many rows are nearly always the true ones', () => {
    const [count, width] = [1200, 60]
    let state = 1
    const next = (): number => (state = (state * 16807) % 2147483647) / 2147483647
    const data = Float32Array.from({ length: count * width }, (_, i) => next() + (((i / width) % 60) | 0))
    const rows = { data, count, width }
    const found = nearestNeighbours(rows, 5)
    const distance = (i: number, j: number): number =>
      Math.hypot(...Array.from({ length: width }, (_, x) => data[i * width + x]! - data[j * width + x]!))
    for (let i = 0; i < count; i += 200) {
      const all = Array.from({ length: count }, (_, j) => (j === i ? Infinity : distance(i, j))).sort((a, b) => a - b)
      expect(found.distance[i * 5]!).toBeGreaterThanOrEqual(all[0]! - 1e-4)
      expect(found.distance[i * 5 + 4]!).toBeLessThanOrEqual(all[40]!)
    }
  })
})
