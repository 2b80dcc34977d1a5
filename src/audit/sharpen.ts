import type { Images } from './images.js'
import type { Member } from './intervene.js'
import { medianContent } from './median-content.js'
import type { Pattern } from './pattern.js'

/** Images of which the median is taken. */
const MOST = 25

/**
 * A pattern that was sought in smaller images, with the pixels that its images show at full size: their median at a fixed place.
 * Elsewhere they lie only about on each other, and the first image's pixels are taken.
 * @param pattern at full size; @param members images that have it, and where
 */
export function sharpened(pattern: Pattern, members: Member[], { shape, factor }: Images): Pattern {
  if (factor === 1) return pattern
  const some = members.slice(0, pattern.place ? MOST : 1)
  return { ...pattern, content: medianContent(pattern, some, shape) }
}
