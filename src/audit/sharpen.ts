import type { Images } from './images.js'
import type { Member } from './intervene.js'
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
  const { height, width } = pattern
  const [channels, rows, columns] = shape
  const content = new Uint8Array(channels * height * width)
  for (let c = 0; c < channels; c++)
    for (let y = 0; y < height; y++)
      for (let x = 0; x < width; x++) {
        const values = some.map(({ bytes, place: { top, left } }) => bytes[(c * rows + top + y) * columns + left + x]!)
        content[(c * height + y) * width + x] = values.sort((a, b) => a - b)[values.length >> 1]!
      }
  return { ...pattern, content }
}
