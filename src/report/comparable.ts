/** How a result was measured: names and values that must be the same where results are compared. */
export type Conditions = Record<string, string | number>

/** Results that were measured in the same way. */
export interface Comparable<T> {
  results: T[]
  /** How the conditions differ from those of the first group, in words; empty for the first. */
  differences: string
}

/** Groups of results that can be compared, the largest first; of equal ones the one that comes first. */
export function comparable<T>(results: T[], conditionsOf: (result: T) => Conditions): Comparable<T>[] {
  const groups = new Map<string, { results: T[]; conditions: Conditions }>()
  for (const result of results) {
    const conditions = conditionsOf(result)
    const key = JSON.stringify(conditions)
    const group = groups.get(key) ?? { results: [], conditions }
    group.results.push(result)
    groups.set(key, group)
  }
  const sorted = [...groups.values()].sort((a, b) => b.results.length - a.results.length)
  return sorted.map(({ results, conditions }) => ({
    results,
    differences: Object.entries(conditions)
      .filter(([name, value]) => value !== sorted[0]!.conditions[name])
      .map(([name, value]) => `${name} ${value} instead of ${sorted[0]!.conditions[name]}`)
      .join(', ')
  }))
}
