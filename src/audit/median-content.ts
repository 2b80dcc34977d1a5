import type { Member } from './intervene.js'
import type { ImageShape, Pattern } from './pattern.js'

/** The usual content of a pattern's place: the median of each value over the images, [channels, height, width]. */
export function medianContent(
  { height, width }: Pattern,
  members: Member[],
  [channels, rows, columns]: ImageShape
): Uint8Array {
  const content = new Uint8Array(channels * height * width)
  for (let c = 0; c < channels; c++)
    for (let y = 0; y < height; y++)
      for (let x = 0; x < width; x++) {
        const values = members.map(
          ({ bytes, place: { top, left } }) => bytes[(c * rows + top + y) * columns + left + x]!
        )
        content[(c * height + y) * width + x] = values.sort((a, b) => a - b)[values.length >> 1]!
      }
  return content
}
