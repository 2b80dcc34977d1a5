import { fixedPattern, MOST_SEEN, movingPattern } from './find-patterns.js'
import { formOf } from './form.js'
import { isSame, type Bytes, type ImageShape, type Pattern } from './pattern.js'
import type { Random } from './random.js'

/** Smaller groups have no pattern that could be told from chance. */
const LEAST_GROUP = 5

const SEEKERS = { fixed: [fixedPattern], anywhere: [movingPattern], either: [fixedPattern, movingPattern] }

/** Images that are looked at together, by their place in the class, and whether what they share lies at one place or anywhere. */
export interface Group {
  members: number[]
  lies: 'fixed' | 'anywhere' | 'either'
}

/**
 * Patterns of every group of images that have the form of an artefact, each once.
 * @param bytes images of the class
 * @param relevance magnitudes of one image's map
 */
export function clusterPatterns(
  groups: Group[],
  bytes: Bytes[],
  relevance: (image: number) => Float32Array,
  others: Bytes[],
  shape: ImageShape,
  random: Random
): Pattern[] {
  const patterns: Pattern[] = []
  for (const { members, lies } of groups) {
    if (members.length < LEAST_GROUP) continue
    const seen = random.some(members, MOST_SEEN).map((i) => ({ bytes: bytes[i]!, relevance: relevance(i) }))
    for (const seek of SEEKERS[lies]) {
      const pattern = seek(seen, others, shape, random)
      if (!pattern || !formOf(pattern, shape)) continue
      if (!patterns.some((one) => isSame(one, pattern))) patterns.push(pattern)
    }
  }
  return patterns
}
