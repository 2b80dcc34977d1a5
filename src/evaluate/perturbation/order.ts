import { uniformInt } from 'pure-rand/distribution/uniformInt'
import { xoroshiro128plus } from 'pure-rand/generator/xoroshiro128plus'
import type { RandomGenerator } from 'pure-rand/types/RandomGenerator'
import { firstNumbers } from './units.js'

/** Most relevant first, least relevant first (the same order backwards), or any order. */
export type Order = 'morf' | 'lerf' | 'random'

/** Positions of the values in an order. */
export function orderOf(values: Float32Array | Float64Array, order: Order, seed: number): Int32Array {
  if (order === 'random') {
    const positions = firstNumbers(values.length)
    shuffle(positions, xoroshiro128plus(seed))
    return positions
  }
  const falling = fallingOrder(values, seed)
  return order === 'morf' ? falling : falling.reverse()
}

/**
 * Positions by falling value. Equal values have no order of their own: they are shuffled with the seed, so that no place
 * in memory, such as the top of an image, counts as more relevant.
 */
export function fallingOrder(values: Float32Array | Float64Array, seed: number): Int32Array {
  const order =
    values instanceof Float32Array
      ? sortedFloats(values)
      : firstNumbers(values.length).sort((a, b) => values[b]! - values[a]!)
  const random = xoroshiro128plus(seed)
  for (let from = 0; from < order.length;) {
    let to = from + 1
    while (to < order.length && values[order[to]!] === values[order[from]!]) to++
    if (to > from + 1) shuffle(order.subarray(from, to), random)
    from = to
  }
  return order
}

function shuffle(positions: Int32Array, random: RandomGenerator): void {
  for (let i = positions.length - 1; i > 0; i--) {
    const j = uniformInt(random, 0, i)
    const moved = positions[i]!
    positions[i] = positions[j]!
    positions[j] = moved
  }
}

const RADIX_BITS = 11
const BUCKETS = 2 ** RADIX_BITS

/**
 * Positions by falling value, by radix sort: several times as fast as a comparing function. Among equal values the last
 * position comes first.
 */
function sortedFloats(values: Float32Array): Int32Array {
  const count = values.length
  const keys = fallingKeys(values)
  let order = Int32Array.from(values, (_, i) => count - 1 - i)
  let next = new Int32Array(count)
  for (let shift = 0; shift < 32; shift += RADIX_BITS) {
    const starts = new Int32Array(BUCKETS + 1)
    for (let i = 0; i < count; i++) starts[((keys[i]! >>> shift) & (BUCKETS - 1)) + 1]!++
    for (let bucket = 1; bucket < BUCKETS; bucket++) starts[bucket]! += starts[bucket - 1]!
    for (let i = 0; i < count; i++) next[starts[(keys[order[i]!]! >>> shift) & (BUCKETS - 1)]!++] = order[i]!
    ;[order, next] = [next, order]
  }
  return order
}

/** Whole numbers that rise where the values fall; -0 counts as 0. */
function fallingKeys(values: Float32Array): Uint32Array {
  const keys = new Uint32Array(values.slice().buffer)
  for (let i = 0; i < keys.length; i++) {
    const bits = keys[i]!
    if (bits === 0x80000000) keys[i] = 0x7fffffff
    else keys[i] = bits < 0x80000000 ? 0x7fffffff - bits : bits
  }
  return keys
}
