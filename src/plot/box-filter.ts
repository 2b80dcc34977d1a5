/**
 * Applies a mean over squares of this radius in pixels three times, with repeated edges: nearly a Gaussian blur.
 * @param values one plane [height, width]
 */
export function blur(values: Float32Array, height: number, width: number, reach: number): Float32Array {
  let smooth = values
  for (let pass = 0; pass < (reach > 0 ? 3 : 0); pass++) {
    smooth = meanAlong(smooth, height, width, 1, width, reach)
    smooth = meanAlong(smooth, width, height, width, 1, reach)
  }
  return smooth
}

/** Running mean along lines of `length` values that are `step` apart; lines are `next` apart. */
function meanAlong(
  values: Float32Array,
  lines: number,
  length: number,
  step: number,
  next: number,
  reach: number
): Float32Array {
  const means = new Float32Array(values.length)
  for (let line = 0; line < lines; line++) {
    const at = (i: number): number => line * next + Math.min(Math.max(i, 0), length - 1) * step
    let sum = 0
    for (let i = -reach; i <= reach; i++) sum += values[at(i)]!
    for (let i = 0; i < length; i++) {
      means[at(i)] = sum / (2 * reach + 1)
      sum += values[at(i + reach + 1)]! - values[at(i - reach)]!
    }
  }
  return means
}
