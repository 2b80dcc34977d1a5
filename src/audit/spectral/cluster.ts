import { kmeans } from 'ml-kmeans'
import { smallestEigenvectors, type Spectrum } from './eigenvectors.js'
import { normalisedAffinity } from './laplacian.js'
import { nearestNeighbours, type Neighbours } from './neighbours.js'
import type { Rows } from '../../core/row-store.js'

export interface Clustering {
  /** Of the Laplacian, smallest first. */
  eigenvalues: number[]
  neighbours: Neighbours
  /** Cluster of each row, 0 to `count` - 1. */
  labels: number[]
  count: number
}

export interface ClusterOptions {
  /** Neighbours of each row in the graph (10). */
  neighbours?: number
  /** Clusters; by default as many as the largest gap between eigenvalues says, at most `most`. */
  clusters?: number
  most?: number
}

/**
 * Spectral relevance analysis of one class (Lapuschkin et al. 2019): graph of nearest neighbours, symmetric normalised
 * Laplacian, rows of its lowest eigenvectors scaled to length 1 (Ng et al. 2002), k-means.
 */
export function spectralClusters(rows: Rows, options: ClusterOptions = {}): Clustering {
  const { neighbours: k = 10, most = 8 } = options
  const neighbours = nearestNeighbours(rows, k)
  const spectrum = smallestEigenvectors(normalisedAffinity(neighbours), most + 1)
  const count = options.clusters ?? eigengap(spectrum.eigenvalues)
  const { eigenvalues } = spectrum
  return { eigenvalues: [...eigenvalues], neighbours, count, labels: grouped(spectrum, count) }
}

/** As many clusters as eigenvalues lie below the largest gap; at least two. */
export function eigengap(eigenvalues: ArrayLike<number>): number {
  let [best, widest] = [2, 0]
  for (let count = 2; count < eigenvalues.length; count++) {
    const gap = eigenvalues[count]! - eigenvalues[count - 1]!
    if (gap > widest) [best, widest] = [count, gap]
  }
  return best
}

/** k-means over the normalised rows of the lowest eigenvectors. */
function grouped({ eigenvectors }: Spectrum, count: number): number[] {
  const used = eigenvectors.slice(0, count)
  const size = used[0]!.length
  const rows = Array.from({ length: size }, (_, i) => {
    const row = used.map((vector) => vector[i]!)
    const length = Math.hypot(...row) || 1
    return row.map((value) => value / length)
  })
  if (size <= count) return rows.map((_, i) => i)
  return kmeans(rows, count, { seed: 0, initialization: 'kmeans++' }).clusters
}
