import { fixedPattern, MOST_SEEN, movingPattern } from './find-patterns.js'
import { isSame, isSmallOrBorder, type Bytes, type ImageShape, type Pattern } from './pattern.js'
import type { Random } from './random.js'

/** Smaller groups have no pattern that could be told from chance. */
const LEAST_GROUP = 5

/**
 * Patterns of every group of images that have the form of an artefact, each once.
 * @param groups places in `bytes`
 * @param relevance magnitudes of one image's map
 */
export function clusterPatterns(
  groups: number[][],
  bytes: Bytes[],
  relevance: (image: number) => Float32Array,
  others: Bytes[],
  shape: ImageShape,
  random: Random
): Pattern[] {
  const patterns: Pattern[] = []
  for (const group of groups) {
    if (group.length < LEAST_GROUP) continue
    const seen = random.some(group, MOST_SEEN).map((i) => ({ bytes: bytes[i]!, relevance: relevance(i) }))
    for (const seek of [fixedPattern, movingPattern]) {
      const pattern = seek(seen, others, shape, random)
      if (!pattern || !isSmallOrBorder(pattern, shape)) continue
      if (!patterns.some((one) => isSame(one, pattern))) patterns.push(pattern)
    }
  }
  return patterns
}
