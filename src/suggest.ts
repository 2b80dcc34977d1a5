import { LrpError } from './errors.js'

/** The candidate most like `name` (fewest edits), if any is near enough to be meant. */
export function nearest(name: string, candidates: readonly string[]): string | undefined {
  let best: string | undefined
  let fewest = Math.max(2, Math.floor(name.length / 2)) + 1
  for (const candidate of candidates) {
    const edits = editDistance(name.toLowerCase(), candidate.toLowerCase())
    if (edits < fewest) [best, fewest] = [candidate, edits]
  }
  return best
}

/** An INVALID_ARGUMENT error for a name that does not exist: "there is no rule 'epsilom': did you mean 'epsilon'?" */
export function unknownName(what: string, name: string, candidates: readonly string[]): LrpError {
  const meant = nearest(name, candidates)
  const hint = meant ? `did you mean '${meant}'?` : `there are ${candidates.join(', ')}`
  return new LrpError('INVALID_ARGUMENT', `there is no ${what} '${name}': ${hint}`)
}

function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, j) => j)
  for (let i = 1; i <= a.length; i++) {
    const next = [i]
    for (let j = 1; j <= b.length; j++) {
      next[j] = Math.min(row[j]! + 1, next[j - 1]! + 1, row[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1))
    }
    row = next
  }
  return row[b.length]!
}
