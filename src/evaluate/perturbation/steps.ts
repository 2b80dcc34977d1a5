/** Numbers of units that are replaced after each step, rising. @param units units of an image */
export type Steps = (units: number) => number[]

/** `size` units more at every step, until all are replaced or `limit` steps are done. */
export function stepsOf(size: number, limit = Infinity): Steps {
  return (units) =>
    Array.from({ length: Math.min(limit, Math.ceil(units / size)) }, (_, k) => Math.min(units, (k + 1) * size))
}

/** The nearest number of units to each share of them. */
export function stepsAt(shares: readonly number[]): Steps {
  return (units) => shares.map((share) => Math.round(share * units))
}

/**
 * From none to a share of all units in `steps` steps, all of one size as nearly as whole units allow, or growing: no step is
 * smaller than the one before, and the first ones look closely at the most relevant units.
 */
export function stepsTo(share: number, steps: number, growing = false): Steps {
  return (units) => {
    const last = Math.round(units * share)
    const taken = Math.min(steps, 2 * last) // with more every step is one unit
    const counts = Array.from({ length: taken + 1 }, (_, k) => Math.round(last * (k / taken) ** (growing ? 2 : 1)))
    const sizes = counts.slice(1).map((count, k) => count - counts[k]!)
    if (growing) sizes.sort((a, b) => a - b)
    let sum = 0
    return [0, ...sizes.filter((size) => size > 0).map((size) => (sum += size))]
  }
}
