import { xoroshiro128plus } from 'pure-rand/generator/xoroshiro128plus'
import { uniformInt } from 'pure-rand/distribution/uniformInt'
import { optionError } from '../core/options.js'
import type { Dataset, Split } from './dataset.js'

/** How missing splits are taken from the training images. */
export interface SplitOptions {
  /** Share of the training images for validation, 0 to below 1 (0.1). */
  validSplit?: number
  /** Share of the images for testing, 0 to 1 (0.1). */
  testSplit?: number
  seed?: number
  /** The requested shares: they must have an effect. */
  asked?: AskedShares
}

const SHARES = ['validSplit', 'testSplit', 'splitSeed'] as const
export type AskedShares = { [name in (typeof SHARES)[number]]?: number }

/** The splits that a data set already has. */
type Brought = Partial<Record<'valid' | 'test', unknown>>

/** @throws LrpError INVALID_ARGUMENT for a requested share of a split that the data set already has */
export function checkShares(name: string, { valid, test }: Brought, asked: AskedShares = {}): void {
  const idle = { validSplit: valid, testSplit: test, splitSeed: valid && test }
  const option = SHARES.find((share) => asked[share] !== undefined && idle[share])
  if (option === undefined) return
  const own = { validSplit: 'validation images', testSplit: 'test images', splitSeed: 'validation and test images' }
  throw optionError(option, ` has no effect: ${name} has its own ${own[option]}`)
}

/** The numbers 0 to n - 1 in an order that depends only on the seed. */
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
    ...(split.paths && { paths: indices.map((index) => split.paths![index]!) }),
    ...(split.names && { names: indices.map((index) => split.names![index]!) })
  }
}

/** Rows of a matrix by index, copied. */
function takeRows(values: Float32Array, rows: number, indices: readonly number[]): Float32Array {
  const width = rows === 0 ? 0 : values.length / rows
  const taken = new Float32Array(indices.length * width)
  indices.forEach((index, i) => taken.set(values.subarray(index * width, (index + 1) * width), i * width))
  return taken
}

/** Divides a split into [rest, share], stratified by class and seeded. */
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

/**
 * Creates the missing splits: 10 % each by default, stratified by class and seeded.
 * @throws LrpError as `checkShares`
 */
export function complete(
  name: string,
  splits: Partial<Dataset['splits']> & { train: Split },
  options: SplitOptions = {}
): Dataset['splits'] {
  const { validSplit = 0.1, testSplit = 0.1, seed = 0, asked } = options
  checkShares(name, splits, asked)
  let { train, valid, test } = splits
  if (!test) [train, test] = carve(train, testSplit, seed)
  if (!valid) [train, valid] = carve(train, validSplit, seed + 1)
  return { train, valid, test }
}
