import { medianContent } from './median-content.js'
import { findPattern, shows, type Bytes, type Exactness, type ImageShape, type Match, type Pattern } from './pattern.js'

/** The strictest comes first; compressed images pass none of them. */
const LEVELS: Exactness[] = [
  { tolerance: 0, share: 1 },
  { tolerance: 0, share: 0.95 },
  { tolerance: 2, share: 0.95 },
  { tolerance: 8, share: 0.9 }
]
/** Share of a pattern's images that must show it as exactly. */
const MOST = 0.85
/** Images of which the median is taken. */
const MOST_SEEN = 101

/**
 * The pattern with the values and the exactness that most of its images show: what only resembles it, such as a thick stroke where
 * others have a white square, no longer passes as it.
 * @param matches of all images; @param members places of those that have the pattern
 * @returns the pattern itself if its images differ too much for that
 */
export function asExactAsShown(
  pattern: Pattern,
  bytes: Bytes[],
  matches: Match[],
  members: number[],
  shape: ImageShape
): Pattern {
  const some = members.slice(0, MOST_SEEN).map((i) => ({ bytes: bytes[i]!, place: matches[i]! }))
  const content = medianContent(pattern, some, shape)
  for (const exactness of LEVELS) {
    const exact = { ...pattern, content, exactness }
    const same = members.filter((i) => shows(findPattern(bytes[i]!, shape, exact), exact))
    if (same.length >= MOST * members.length) return exact
  }
  return pattern
}
