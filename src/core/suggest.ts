import { LrpError } from './errors.js'
import { eitherOf } from './plural.js'

/** More names than this are not listed. */
const MOST_LISTED = 20
const FEW = 5

/** The candidate most like `name` (fewest edits), if any is near enough to be meant. */
export function nearest(name: string, candidates: readonly string[]): string | undefined {
  const [best] = byLikeness(name, candidates)
  return best && best.edits <= Math.max(2, Math.floor(name.length / 3)) ? best.candidate : undefined
}

function byLikeness(name: string, candidates: readonly string[]): { candidate: string; edits: number }[] {
  const edits = (candidate: string): number => editDistance(name.toLowerCase(), candidate.toLowerCase())
  return candidates.map((candidate) => ({ candidate, edits: edits(candidate) })).sort((a, b) => a.edits - b.edits)
}

/**
 * An INVALID_ARGUMENT error for a name that does not exist: "there is no rule 'epsilom': did you mean 'epsilon'?"
 * @param about `owner`: what should have it, "rule 'gamma' has no parameter 'delta': ..."; `option`: the option that names it
 */
export function unknownName(
  what: string,
  name: string,
  candidates: readonly string[],
  { owner, option }: { owner?: string; option?: string } = {}
): LrpError {
  const meant = nearest(name, candidates)
  const hint = meant ? `did you mean '${meant}'?` : listOf(name, candidates)
  const missing = owner === undefined ? `there is no ${what}` : `${owner} has no ${what}`
  return new LrpError('INVALID_ARGUMENT', `${missing} '${name}': ${hint}`, { option })
}

/** The same for a class that an option names; of many classes none that is far off is suggested. */
export function unknownClass(name: string, classes: readonly string[], option: string): LrpError {
  const containing = classes.filter((one) => wordsOf(one).includes(name.toLowerCase())).slice(0, FEW)
  if (containing.length > 0) {
    const meant = eitherOf(containing.map((one) => `'${one}'`))
    return new LrpError('INVALID_ARGUMENT', `there is no class '${name}': did you mean ${meant}?`, { option })
  }
  if (classes.length <= MOST_LISTED || nearest(name, classes)) return unknownName('class', name, classes, { option })
  const few = classes.slice(0, FEW).join(', ')
  const message = `there is no class '${name}': the model has ${classes.length} classes, such as ${few}`
  return new LrpError('INVALID_ARGUMENT', message, { option })
}

function wordsOf(name: string): string[] {
  return name.toLowerCase().split(/[^\p{L}\p{N}]+/u)
}

/** All names, or of many those most like the one given. */
function listOf(name: string, candidates: readonly string[]): string {
  if (candidates.length <= MOST_LISTED) return `choose from ${candidates.join(', ')}`
  const few = byLikeness(name, candidates).slice(0, FEW)
  return `choose from ${few.map(({ candidate }) => candidate).join(', ')} and ${candidates.length - FEW} more`
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
