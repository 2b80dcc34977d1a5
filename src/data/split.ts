import { xoroshiro128plus } from 'pure-rand/generator/xoroshiro128plus'
import { uniformInt } from 'pure-rand/distribution/uniformInt'
import type { Dataset, Split } from './dataset.js'

/** How the splits that a data set does not bring itself are carved out of its training images. */
export interface SplitOptions {
  /** Share of the training images that validates (0.1). */
  validSplit?: number
  /** Share of the images that tests (0.1); 1 takes all. */
  testSplit?: number
  seed?: number
}

/** 0 to n - 1 in an order that depends on the seed alone. */
export function shuffled(n: number, seed: number): number[] {
  const random = xoroshiro128plus(seed)
  const order = Array.from({ length: n }, (_, i) => i)
  for (let i = n - 1; i > 0; i--) {
    const j = uniformInt(random, 0, i)
    ;[order[i], order[j]] = [order[j]!, order[i]!]
  }
  return order
}

/** Images of a split by index, copied. */
export function take(split: Split, indices: readonly number[]): Split {
  const size = split.labels.length === 0 ? 0 : split.images.length / split.labels.length
  const images = new Uint8Array(indices.length * size)
  indices.forEach((index, i) => images.set(split.images.subarray(index * size, (index + 1) * size), i * size))
  return {
    images,
    labels: Int32Array.from(indices, (index) => split.labels[index]!),
    ...(split.values && { values: takeRows(split.values, split.labels.length, indices) }),
    ...(split.paths && { paths: indices.map((index) => split.paths![index]!) })
  }
}

/** Rows of a matrix by index, copied. */
function takeRows(values: Float32Array, rows: number, indices: readonly number[]): Float32Array {
  const width = rows === 0 ? 0 : values.length / rows
  const taken = new Float32Array(indices.length * width)
  indices.forEach((index, i) => taken.set(values.subarray(index * width, (index + 1) * width), i * width))
  return taken
}

/** Takes a share of every class away: [rest, share]. Stratified and seeded. */
export function carve(split: Split, share: number, seed: number): [Split, Split] {
  const byClass = new Map<number, number[]>()
  for (const index of shuffled(split.labels.length, seed)) {
    const label = split.labels[index]!
    if (!byClass.has(label)) byClass.set(label, [])
    byClass.get(label)!.push(index)
  }
  const rest: number[] = []
  const carved: number[] = []
  for (const indices of byClass.values()) {
    const count = Math.round(indices.length * share)
    carved.push(...indices.slice(0, count))
    rest.push(...indices.slice(count))
  }
  const ascending = (a: number, b: number): number => a - b
  return [take(split, rest.sort(ascending)), take(split, carved.sort(ascending))]
}

/** Carves out the splits that are missing: 10 % each by default, stratified and seeded. */
export function complete(
  splits: Partial<Dataset['splits']> & { train: Split },
  options: SplitOptions = {}
): Dataset['splits'] {
  const { validSplit = 0.1, testSplit = 0.1, seed = 0 } = options
  let { train, valid, test } = splits
  if (!test) [train, test] = carve(train, testSplit, seed)
  if (!valid) [train, valid] = carve(train, validSplit, seed + 1)
  return { train, valid, test }
}
