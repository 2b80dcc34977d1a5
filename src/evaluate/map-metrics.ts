import { rocAuc } from '../scores/classification.js'

// Scores of one attribution map by itself, or against a mask; definitions as in Quantus 0.6. `map` is [channels * pixels] of one image.

const magnitudes = (map: Float32Array): Float64Array => Float64Array.from(map, Math.abs)
const total = (values: ArrayLike<number>): number =>
  Array.prototype.reduce.call(values, (sum, value) => (sum as number) + (value as number), 0) as number

/** Gini index of |a| + 1e-7: 0 evenly spread, 1 all in one pixel (Chalasani et al. 2020). */
export function sparseness(map: Float32Array): number {
  const sorted = magnitudes(map)
    .map((value) => value + 1e-7)
    .sort()
  const n = sorted.length
  let weighted = 0
  sorted.forEach((value, i) => (weighted += (2 * (i + 1) - n - 1) * value))
  return weighted / (n * total(sorted))
}

/** Entropy of |a| / sum |a|, natural logarithm (Bhatt et al. 2020). */
export function complexity(map: Float32Array): number {
  const values = magnitudes(map)
  const sum = total(values)
  return -values.reduce((entropy, value) => (value > 0 ? entropy + (value / sum) * Math.log(value / sum) : entropy), 0)
}

/** Number of entries with |a| > 1e-5 (Nguyen and Martinez 2020). */
export function effectiveComplexity(map: Float32Array): number {
  return magnitudes(map).filter((value) => value > 1e-5).length
}

/** 1 where the largest entry lies in the mask (Zhang et al. 2018). */
export function pointingGame(map: Float32Array, mask: Float32Array): number {
  let best = 0
  map.forEach((value, i) => (best = value > map[best]! ? i : best))
  return Number(mask[best]! > 0)
}

/** Share of |a| inside the mask, 0 for a map of zeros: attribution localisation (Kohlbrenner et al. 2020), relevance mass accuracy (Arras et al. 2022). */
export function massInside(map: Float32Array, mask: Float32Array): number {
  const values = magnitudes(map)
  return total(values.filter((_, i) => mask[i]! > 0)) / (total(values) || 1)
}

/** Share of the k largest entries that lie inside the mask; k is the mask's size for rank accuracy (Arras et al. 2022). */
export function topInside(map: Float32Array, mask: Float32Array, k = mask.filter((value) => value > 0).length): number {
  return (
    fallingOrder(map)
      .subarray(0, k)
      .filter((i) => mask[i]! > 0).length / k
  )
}

/** ROC AUC of |a| as a detector of the mask (Fawcett 2006). */
export function localisationAuc(map: Float32Array, mask: Float32Array): number {
  return rocAuc(
    mask.map((value) => Number(value > 0)),
    (i) => Math.abs(map[i]!)
  )
}

/** Positions by falling value; of equal ones the last first, as a rising sort read backwards has them. */
export function fallingOrder(values: ArrayLike<number>): Int32Array {
  if (values instanceof Float32Array && values.length <= PLACES) return fallingOrderOfFloats(values)
  return Int32Array.from({ length: values.length }, (_, i) => i).sort((a, b) => values[b]! - values[a]! || b - a)
}

/** So many positions and 32 bits of a value fit into one number exactly. */
const PLACES = 2 ** 21

/** The same by sorting plain numbers, value before position: in loops, because typed arrays' own `from` and `map` cost more. */
function fallingOrderOfFloats(values: Float32Array): Int32Array {
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
