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
    values instanceof Float32Array && values.length <= PLACES
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

/** This many positions and the 32 bits of a value fit into one number exactly. */
const PLACES = 2 ** 21

/** Sorts plain numbers that hold value and position: several times as fast as a comparing function. */
function sortedFloats(values: Float32Array): Int32Array {
  const count = values.length
  const bits = new Int32Array(values.slice().buffer)
  const keys = new Float64Array(count)
  for (let i = 0; i < count; i++) {
    const bit = bits[i]!
    keys[i] = (2 ** 31 + (bit < 0 ? -(bit & 0x7fffffff) : bit)) * PLACES + i // -0 counts as 0
  }
  keys.sort()
  const order = new Int32Array(count)
  for (let i = 0; i < count; i++) order[i] = keys[count - 1 - i]! % PLACES
  return order
}
