/** Pearson's correlation of two lists; 0 where one does not vary. */
export function pearson(a: ArrayLike<number>, b: ArrayLike<number>): number {
  const [ma, mb] = [average(a), average(b)]
  let [ab, aa, bb] = [0, 0, 0]
  for (let i = 0; i < a.length; i++) {
    const [x, y] = [a[i]! - ma, b[i]! - mb]
    ab += x * y
    aa += x * x
    bb += y * y
  }
  return aa === 0 || bb === 0 ? 0 : ab / Math.sqrt(aa * bb)
}

/** Spearman's rank correlation; equal values share their mean rank. */
export function spearman(a: ArrayLike<number>, b: ArrayLike<number>): number {
  return pearson(ranks(a), ranks(b))
}

export function cosine(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let [ab, aa, bb] = [0, 0, 0]
  for (let i = 0; i < a.length; i++) {
    ab += a[i]! * b[i]!
    aa += a[i]! ** 2
    bb += b[i]! ** 2
  }
  return aa === 0 || bb === 0 ? 0 : ab / Math.sqrt(aa * bb)
}

/** Structural similarity of two maps of one size, each first divided by its largest magnitude. */
export function ssim(a: Float32Array, b: Float32Array, height: number, width: number): number {
  return structuralSimilarity(unit(a), unit(b), height, width, 2)
}

/**
 * Mean structural similarity over all windows of 7x7 pixels that lie inside (Wang et al. 2004), with uniform weights and
 * the sample's covariance, as scikit-image computes it.
 * @param range of the values: largest minus smallest that there can be
 */
export function structuralSimilarity(
  a: Float32Array,
  b: Float32Array,
  height: number,
  width: number,
  range: number
): number {
  const size = Math.min(7, height, width)
  const [c1, c2] = [(0.01 * range) ** 2, (0.03 * range) ** 2]
  const count = size * size
  const unbiased = count / Math.max(1, count - 1)
  let [total, windows] = [0, 0]
  for (let top = 0; top + size <= height; top++) {
    for (let left = 0; left + size <= width; left++) {
      let [sx, sy, sxx, syy, sxy] = [0, 0, 0, 0, 0]
      for (let row = top; row < top + size; row++) {
        for (let i = row * width + left; i < row * width + left + size; i++) {
          const [p, q] = [a[i]!, b[i]!]
          sx += p
          sy += q
          sxx += p * p
          syy += q * q
          sxy += p * q
        }
      }
      const [mx, my] = [sx / count, sy / count]
      const [vx, vy, vxy] = [
        unbiased * (sxx / count - mx * mx),
        unbiased * (syy / count - my * my),
        unbiased * (sxy / count - mx * my)
      ]
      total += ((2 * mx * my + c1) * (2 * vxy + c2)) / ((mx * mx + my * my + c1) * (vx + vy + c2))
      windows++
    }
  }
  return total / windows
}

function unit(values: Float32Array): Float32Array {
  const largest = values.reduce((most, value) => Math.max(most, Math.abs(value)), 0)
  return largest === 0 ? values : values.map((value) => value / largest)
}

function average(values: ArrayLike<number>): number {
  let sum = 0
  for (let i = 0; i < values.length; i++) sum += values[i]!
  return sum / values.length
}

function ranks(values: ArrayLike<number>): Float64Array {
  const order = Int32Array.from({ length: values.length }, (_, i) => i).sort((i, j) => values[i]! - values[j]!)
  const result = new Float64Array(values.length)
  for (let from = 0; from < order.length;) {
    let to = from
    while (to + 1 < order.length && values[order[to + 1]!] === values[order[from]!]) to++
    for (let i = from; i <= to; i++) result[order[i]!] = (from + to) / 2
    from = to + 1
  }
  return result
}
