import { maskAt, type ImageShape, type Pattern } from './pattern.js'
import { placeInWords } from './verdict.js'

/** A pattern whose box takes a larger share of the image is rather the object itself, unless it lies along the border or across. */
export const MOST_AREA = 0.16
/** Width of the border in which a frame lies, as a share of the image's side. */
const BORDER = 1 / 6
/** A pattern that takes a larger share of a side is called wide or high. */
const WHOLE = 0.8

/** Forms that an artefact may have: small, along the border, or a line from one side of the image to the opposite one. */
export type Form = 'small' | 'border' | 'line'

/** The form of a pattern; undefined where no artefact has it. */
export function formOf(pattern: Pattern, shape: ImageShape): Form | undefined {
  const { height, width, place } = pattern
  const [, rows, columns] = shape
  const most = MOST_AREA * rows * columns
  if (height * width <= most) return 'small'
  if (!place) return undefined
  if (isBorder(pattern, shape)) return 'border'
  return (height === rows || width === columns) && pixelsIn(pattern) <= most ? 'line' : undefined
}

function isBorder(pattern: Pattern, shape: ImageShape): boolean {
  const [, rows, columns] = shape
  const [down, across] = [rows * BORDER, columns * BORDER]
  let inBorder = 0
  maskAt(pattern, shape, pattern.place!).forEach((one, i) => {
    const [y, x] = [Math.floor(i / columns), i % columns]
    if (one && (y < down || x < across || y >= rows - down || x >= columns - across)) inBorder++
  })
  return inBorder >= 0.95 * pixelsIn(pattern)
}

function pixelsIn({ mask }: Pattern): number {
  return mask.reduce((sum, one) => sum + one, 0)
}

/** A pattern in words: "a patch of 4x4 pixels, at the upper left". */
export function formInWords(pattern: Pattern, shape: ImageShape): string {
  const { width, height, place } = pattern
  const [, rows, columns] = shape
  const [isWide, isHigh] = [width > WHOLE * columns, height > WHOLE * rows]
  if (isWide && isHigh) {
    const pixels = `${pixelsIn(pattern)} pixels`
    return place && isBorder(pattern, shape) ? `a frame of ${pixels}, along the border` : `${pixels} across the image`
  }
  const where = place ? { x: place.left, y: place.top, width, height } : null
  const what = `a ${isWide || isHigh ? 'strip' : 'patch'} of ${width}x${height} pixels`
  return `${what}, ${placeInWords(where, [rows, columns])}`
}
