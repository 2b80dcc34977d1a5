import { TOLERANCE, type Bytes, type ImageShape } from './pattern.js'

/** Images of a class that are compared with each other. */
export const MOST_COMPARED = 400
/** Fewer images that show the same may do so by chance. */
export const LEAST_REPEATED = 5
/** Blocks along the longer side of an image. */
const BLOCKS = 16
const LEAST_SIDE = 2
/** A block must be this many times as frequent in images of the class as in images of other classes. */
export const LEAST_RATIO = 3
/** Share of all images that two blocks have in common, of those that have either, if they belong to one pattern. */
const TOGETHER = 0.85
/** Blocks that are compared with each other, and groups that are kept. */
const MOST_BLOCKS = 1500
const MOST_GROUPS = 12

/** Images that show the same block at the same place. */
interface Block {
  members: number[]
  /** How much more often the class shows it than other classes, as a logarithm. */
  excess: number
}

/**
 * Groups of images of a class that show the same at the same place, however few they are: small blocks that repeat in the class
 * and seldom elsewhere. Blocks that the same images have belong together; groups of many blocks come first.
 * @param own images of the class
 * @param others images of other classes
 * @returns groups of places in `own`, at most 12
 */
export function groupsByBlock(own: Bytes[], others: Bytes[], shape: ImageShape): number[][] {
  const blocks = repeatedBlocks(own, others, shape)
  blocks.sort((a, b) => b.excess * b.members.length - a.excess * a.members.length)
  const groups: { first: Block; bits: Uint8Array; blocks: number }[] = []
  for (const block of blocks.slice(0, MOST_BLOCKS)) {
    const same = groups.find(({ first, bits }) => overlap(first.members, bits, block.members) >= TOGETHER)
    if (same) same.blocks++
    else groups.push({ first: block, bits: bitsOf(block.members, own.length), blocks: 1 })
  }
  const worth = ({ first, blocks: count }: (typeof groups)[number]): number => first.excess * count
  return groups
    .sort((a, b) => worth(b) - worth(a))
    .slice(0, MOST_GROUPS)
    .map(({ first }) => first.members)
}

function repeatedBlocks(own: Bytes[], others: Bytes[], shape: ImageShape): Block[] {
  const [, rows, columns] = shape
  const side = Math.max(LEAST_SIDE, Math.round(Math.max(rows, columns) / BLOCKS))
  const step = Math.max(1, Math.floor(side / 2))
  const result: Block[] = []
  for (const top of starts(rows, side, step))
    for (const left of starts(columns, side, step)) {
      const pixels = pixelsOf(top, left, side, shape)
      for (const members of equals(own, pixels)) {
        const elsewhere = others.filter((one) => isEqual(one, own[members[0]!]!, pixels)).length
        const ratio = members.length / own.length / ((elsewhere + 0.5) / Math.max(1, others.length))
        if (ratio >= LEAST_RATIO) result.push({ members, excess: Math.log(ratio) })
      }
    }
  return result
}

/** Where blocks begin along a side of the image; the last one ends with it. */
function starts(length: number, side: number, step: number): number[] {
  const last = Math.max(0, length - side)
  const result = Array.from({ length: Math.ceil(last / step) }, (_, i) => i * step)
  return [...result, last]
}

/** Places in an image's bytes of the values of one block. */
function pixelsOf(top: number, left: number, side: number, [channels, rows, columns]: ImageShape): Int32Array {
  const result: number[] = []
  for (let y = top; y < Math.min(rows, top + side); y++)
    for (let x = left; x < Math.min(columns, left + side); x++)
      for (let c = 0; c < channels; c++) result.push((c * rows + y) * columns + x)
  return Int32Array.from(result)
}

/** Images that look like the first of them at these pixels, if there are enough. */
function equals(images: Bytes[], pixels: Int32Array): number[][] {
  const buckets = bucketsOf(images, pixels)
  const isTaken = new Uint8Array(images.length)
  const result: number[][] = []
  images.forEach((first, i) => {
    if (isTaken[i]) return
    const members = buckets.near(first).filter((j) => !isTaken[j] && isEqual(images[j]!, first, pixels))
    for (const j of members) isTaken[j] = 1
    if (members.length >= LEAST_REPEATED) result.push(members.sort((a, b) => a - b))
  })
  return result
}

/** Values in one bucket; equal values are in the same one or in the next. */
const WIDTH = TOLERANCE + 1
const ALONG = Math.ceil(256 / WIDTH) + 2

/** Images by three values of a block, so that only those are compared that may be equal. */
function bucketsOf(images: Bytes[], pixels: Int32Array): { near: (image: Bytes) => number[] } {
  const keys = [pixels[0]!, pixels[pixels.length >> 1]!, pixels[pixels.length - 1]!]
  const bucketOf = (image: Bytes): number =>
    keys.reduce((bucket, at) => bucket * ALONG + 1 + Math.floor(image[at]! / WIDTH), 0)
  const buckets = new Map<number, number[]>()
  images.forEach((one, i) => {
    const bucket = bucketOf(one)
    const known = buckets.get(bucket)
    if (known) known.push(i)
    else buckets.set(bucket, [i])
  })
  const near = (image: Bytes): number[] => {
    const [middle, result] = [bucketOf(image), [] as number[]]
    for (let a = -1; a <= 1; a++)
      for (let b = -1; b <= 1; b++)
        for (let c = -1; c <= 1; c++) {
          const some = buckets.get(middle + (a * ALONG + b) * ALONG + c)
          if (some) for (const i of some) result.push(i)
        }
    return result
  }
  return { near }
}

function isEqual(a: Bytes, b: Bytes, pixels: Int32Array): boolean {
  for (const i of pixels) if (Math.abs(a[i]! - b[i]!) > TOLERANCE) return false
  return true
}

function bitsOf(members: number[], count: number): Uint8Array {
  const bits = new Uint8Array(count)
  for (const i of members) bits[i] = 1
  return bits
}

/** Share of the members of both in those of either. @param bits those of `a`, 1 each */
function overlap(a: number[], bits: Uint8Array, b: number[]): number {
  let common = 0
  for (const i of b) common += bits[i]!
  return common / (a.length + b.length - common)
}
