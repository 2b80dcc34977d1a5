import type { Random } from './random.js'

/** An image as bytes [channels, height, width]. */
export type Bytes = Uint8Array
export type ImageShape = [number, number, number]

/** Something that looks the same in many images of one class. */
export interface Pattern {
  /** Bounding box: height and width, and where its upper left corner lies; without a place that varies from image to image. */
  height: number
  width: number
  place?: Place
  /** [height, width]: 1 where pixels belong to it. */
  mask: Uint8Array
  /** [channels, height, width] in bytes. */
  content: Uint8Array
  /** How exactly its images show it, if most of them show it more exactly than TOLERANCE and PRESENT ask for. */
  exactness?: Exactness
}

export interface Exactness {
  /** How far a value may be off. */
  tolerance: number
  /** Share of the pattern's pixels that an image must have. */
  share: number
}

export interface Place {
  top: number
  left: number
}

export interface Match extends Place {
  /** Share of the pattern's pixels that the image has. */
  share: number
}

/** Two values are the same if no channel differs by more: what strong JPEG compression does to a flat colour. */
export const TOLERANCE = 28
/** An image has the pattern if it has this share of its pixels. */
export const PRESENT = 0.8

/** Whether an image shows the pattern. @param match where it is most like it */
export function shows({ share }: Match, { exactness }: Pattern): boolean {
  return share >= (exactness?.share ?? PRESENT)
}

/** Where an image is most like the pattern: at its place, or anywhere. */
export function findPattern(image: Bytes, shape: ImageShape, pattern: Pattern): Match {
  const { place, height, width } = pattern
  const pixels = pixelsOf(pattern, shape)
  if (place) return { ...place, share: shareAt(image, shape, pattern, pixels, place, 0) }
  let best: Match = { top: 0, left: 0, share: 0 }
  for (let top = 0; top + height <= shape[1]; top++) {
    for (let left = 0; left + width <= shape[2]; left++) {
      const share = shareAt(image, shape, pattern, pixels, { top, left }, best.share)
      if (share > best.share) best = { top, left, share }
    }
  }
  return best
}

/** Row by row: offsets of the pattern's pixels within a plane of an image, and within its own plane. */
function pixelsOf({ mask, width }: Pattern, [, , across]: ImageShape): [number, number][] {
  const result: [number, number][] = []
  mask.forEach((inside, i) => {
    if (inside) result.push([Math.floor(i / width) * across + (i % width), i])
  })
  return result
}

function shareAt(
  image: Bytes,
  [channels, rows, columns]: ImageShape,
  { content, height, width, exactness }: Pattern,
  pixels: [number, number][],
  { top, left }: Place,
  least: number
): number {
  const [plane, own] = [rows * columns, height * width]
  const start = top * columns + left
  const tolerance = exactness?.tolerance ?? TOLERANCE
  let missing = 0
  const most = pixels.length * (1 - least)
  for (const [there, here] of pixels) {
    for (let c = 0; c < channels; c++) {
      if (Math.abs(image[c * plane + start + there]! - content[c * own + here]!) <= tolerance) continue
      if (++missing > most) return 0
      break
    }
  }
  return 1 - missing / pixels.length
}

/** Cuts a pattern down to the pixels of its mask; undefined where there are too few to speak of. */
export function cropped(
  mask: Uint8Array,
  content: Uint8Array,
  [channels, rows, columns]: ImageShape,
  least: number,
  fixed: boolean
): Pattern | undefined {
  let [top, left, bottom, right, count] = [rows, columns, -1, -1, 0]
  mask.forEach((inside, i) => {
    if (!inside) return
    const [y, x] = [Math.floor(i / columns), i % columns]
    ;[top, left, bottom, right] = [Math.min(top, y), Math.min(left, x), Math.max(bottom, y), Math.max(right, x)]
    count++
  })
  if (count < least) return undefined
  const [height, width] = [bottom - top + 1, right - left + 1]
  const cut = (from: Uint8Array, planes: number): Uint8Array => {
    const result = new Uint8Array(planes * height * width)
    for (let c = 0; c < planes; c++)
      for (let y = 0; y < height; y++) {
        const start = c * rows * columns + (top + y) * columns + left
        result.set(from.subarray(start, start + width), (c * height + y) * width)
      }
    return result
  }
  const pattern = { height, width, mask: cut(mask, 1), content: cut(content, channels) }
  return fixed ? { ...pattern, place: { top, left } } : pattern
}

/** Connected groups of pixels (eight neighbours), as lists of their places. */
export function components(mask: Uint8Array, columns: number): number[][] {
  const rows = mask.length / columns
  const seen = new Uint8Array(mask.length)
  const groups: number[][] = []
  for (let start = 0; start < mask.length; start++) {
    if (!mask[start] || seen[start]) continue
    const group = [start]
    seen[start] = 1
    for (let at = 0; at < group.length; at++) {
      const [y, x] = [Math.floor(group[at]! / columns), group[at]! % columns]
      for (let dy = -1; dy <= 1; dy++)
        for (let dx = -1; dx <= 1; dx++) {
          const [row, column] = [y + dy, x + dx]
          if (row < 0 || row >= rows || column < 0 || column >= columns) continue
          const next = row * columns + column
          if (!mask[next] || seen[next]) continue
          seen[next] = 1
          group.push(next)
        }
    }
    groups.push(group)
  }
  return groups
}

/** A place where the pattern may lie: its own, or a random one. */
export function somePlace({ place, height, width }: Pattern, [, rows, columns]: ImageShape, random: Random): Place {
  return place ?? { top: random.below(rows - height + 1), left: random.below(columns - width + 1) }
}

/** The pattern's pixels in a whole image at a place, grown by a number of pixels. */
export function maskAt(
  { mask, height, width }: Pattern,
  [, rows, columns]: ImageShape,
  { top, left }: Place,
  grown = 0
): Uint8Array {
  const result = new Uint8Array(rows * columns)
  for (let y = 0; y < height; y++)
    for (let x = 0; x < width; x++) {
      if (!mask[y * width + x]) continue
      for (let dy = -grown; dy <= grown; dy++)
        for (let dx = -grown; dx <= grown; dx++) {
          const [row, column] = [top + y + dy, left + x + dx]
          if (row >= 0 && row < rows && column >= 0 && column < columns) result[row * columns + column] = 1
        }
    }
  return result
}

/** Copies the pattern into an image. */
export function paste(image: Bytes, shape: ImageShape, pattern: Pattern, { top, left }: Place): Bytes {
  const result = Uint8Array.from(image)
  const { mask, content, height, width } = pattern
  const [channels, rows, columns] = shape
  for (let c = 0; c < channels; c++)
    for (let y = 0; y < height; y++)
      for (let x = 0; x < width; x++) {
        if (mask[y * width + x])
          result[c * rows * columns + (top + y) * columns + left + x] = content[(c * height + y) * width + x]!
      }
  return result
}

/** Copies the masked pixels of one image into another. */
export function pasteMasked(host: Bytes, guest: Bytes, mask: Uint8Array): Bytes {
  const result = Uint8Array.from(host)
  const plane = mask.length
  for (let c = 0; c * plane < host.length; c++) {
    for (let i = 0; i < plane; i++) if (mask[i]) result[c * plane + i] = guest[c * plane + i]!
  }
  return result
}

/** The mask shifted by rows and columns, with wrap-around. */
export function shifted(mask: Uint8Array, [, rows, columns]: ImageShape, down: number, right: number): Uint8Array {
  const result = new Uint8Array(mask.length)
  for (let y = 0; y < rows; y++)
    for (let x = 0; x < columns; x++) {
      if (mask[y * columns + x]) result[((y + down) % rows) * columns + ((x + right) % columns)] = 1
    }
  return result
}

export function isSame(a: Pattern, b: Pattern): boolean {
  const same = (x: Uint8Array, y: Uint8Array): boolean => x.length === y.length && x.every((value, i) => value === y[i])
  return (
    a.height === b.height &&
    a.width === b.width &&
    a.place?.top === b.place?.top &&
    a.place?.left === b.place?.left &&
    same(a.mask, b.mask)
  )
}

/** The pattern scaled to images whose sides are longer by a factor. */
export function enlarged(pattern: Pattern, factor: number): Pattern {
  if (factor === 1) return pattern
  const { height, width, place } = pattern
  const grow = (from: Uint8Array): Uint8Array => {
    const planes = from.length / (height * width)
    const result = new Uint8Array(from.length * factor ** 2)
    for (let c = 0; c < planes; c++)
      for (let y = 0; y < height * factor; y++)
        for (let x = 0; x < width * factor; x++)
          result[(c * height * factor + y) * width * factor + x] =
            from[(c * height + Math.floor(y / factor)) * width + Math.floor(x / factor)]!
    return result
  }
  return {
    height: height * factor,
    width: width * factor,
    mask: grow(pattern.mask),
    content: grow(pattern.content),
    ...(place && { place: { top: place.top * factor, left: place.left * factor } })
  }
}
