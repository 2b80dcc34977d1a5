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
  const size = pixels.length
  const values = new Uint8Array(images.length * size)
  images.forEach((one, i) => {
    for (let k = 0; k < size; k++) values[i * size + k] = one[pixels[k]!]!
  })
  const { bucket, first, next } = bucketsOf(values, size)
  const isTaken = new Uint8Array(images.length)
  const result: number[][] = []
  for (let i = 0; i < images.length; i++) {
    if (isTaken[i]) continue
    const members: number[] = []
    for (const step of NEIGHBOURS)
      for (let j = first[bucket[i]! + step]!; j >= 0; j = next[j]!)
        if (!isTaken[j] && isSame(values, i * size, j * size, size)) members.push(j)
    for (const j of members) isTaken[j] = 1
    if (members.length >= LEAST_REPEATED) result.push(members.sort((a, b) => a - b))
  }
  return result
}

/** Values in one bucket; equal values are in the same one or in the next. */
const WIDTH = TOLERANCE + 1
const ALONG = Math.ceil(256 / WIDTH) + 2
/** From a bucket to those that may hold an equal image. */
const STEPS = [-1, 0, 1]
const NEIGHBOURS = Int32Array.from(
  STEPS.flatMap((a) => STEPS.flatMap((b) => STEPS.map((c) => (a * ALONG + b) * ALONG + c)))
)

/**
 * Images by three values of a block, so that only those are compared that may be equal: the bucket of every image, the first
 * image in every bucket, and the next one after every image; -1 if there is none.
 * @param values of the block, image by image; @param size how many of each image
 */
function bucketsOf(values: Uint8Array, size: number): Record<'bucket' | 'first' | 'next', Int32Array> {
  const count = values.length / size
  const first = new Int32Array(ALONG ** 3).fill(-1)
  const [bucket, next] = [new Int32Array(count), new Int32Array(count)]
  for (let i = 0; i < count; i++) {
    let at = 0
    for (const key of [0, size >> 1, size - 1]) at = at * ALONG + 1 + Math.floor(values[i * size + key]! / WIDTH)
    bucket[i] = at
    next[i] = first[at]!
    first[at] = i
  }
  return { bucket, first, next }
}

/** Whether two runs of values are equal. */
function isSame(values: Uint8Array, a: number, b: number, size: number): boolean {
  for (let k = 0; k < size; k++) if (Math.abs(values[a + k]! - values[b + k]!) > TOLERANCE) return false
  return true
}

function isEqual(a: Bytes, b: Bytes, pixels: Int32Array): boolean {
  for (let k = 0; k < pixels.length; k++) {
    const i = pixels[k]!
    if (Math.abs(a[i]! - b[i]!) > TOLERANCE) return false
  }
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
