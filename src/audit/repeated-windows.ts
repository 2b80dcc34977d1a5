import { peakOf, type Seen } from './find-patterns.js'
import { TOLERANCE, type Bytes, type ImageShape } from './pattern.js'
import type { Random } from './random.js'
import { LEAST_RATIO, LEAST_REPEATED } from './repeated-blocks.js'

/** Images that the others are compared with, in turn. */
const SEEDS = 64
/** Side of the block at the most relevant place, and how far about that place it is sought in other images. */
const SIDE = 3
const REACH = 4
const MOST_GROUPS = 4
/** Groups that have a larger share of their images in common are the same. */
const SAME = 0.5

/**
 * Groups of images of a class that show the same at their most relevant place, wherever it lies, and more often than images of
 * other classes do at theirs.
 * @param own images of the class; @param others images of other classes
 * @returns groups of places in `own`, at most 4
 */
export function groupsByWindow(own: Seen[], others: Seen[], shape: ImageShape, random: Random): number[][] {
  const [peaks, elsewhere] = [own, others].map((all) => all.map((one) => centreOf(one, shape)))
  const found: { members: Set<number>; worth: number }[] = []
  for (const seed of random.some(Array.from(own.keys()), SEEDS)) {
    const block = blockAt(own[seed]!.bytes, peaks![seed]!, shape)
    const shows = (one: Seen, peak: [number, number]): boolean => isNear(one.bytes, peak, block, shape)
    const members = [...own.keys()].filter((i) => shows(own[i]!, peaks![i]!))
    if (members.length < LEAST_REPEATED) continue
    const count = others.filter((one, i) => shows(one, elsewhere![i]!)).length
    const ratio = members.length / own.length / ((count + 0.5) / Math.max(1, others.length))
    if (ratio >= LEAST_RATIO) found.push({ members: new Set(members), worth: Math.log(ratio) * members.length })
  }
  const kept: Set<number>[] = []
  for (const { members } of found.sort((a, b) => b.worth - a.worth))
    if (kept.length < MOST_GROUPS && kept.every((one) => overlap(one, members) < SAME)) kept.push(members)
  return kept.map((members) => [...members])
}

/** Where the block about an image's most relevant place begins: within the image. */
function centreOf({ relevance }: Seen, [, rows, columns]: ImageShape): [number, number] {
  const [y, x] = peakOf(relevance, rows, columns, Math.floor(SIDE / 2))
  const within = (at: number, whole: number): number => Math.max(0, Math.min(whole - SIDE, at - Math.floor(SIDE / 2)))
  return [within(y, rows), within(x, columns)]
}

/** Values of a block, pixel by pixel. */
function blockAt(bytes: Bytes, [top, left]: [number, number], [channels, rows, columns]: ImageShape): Uint8Array {
  const result = new Uint8Array(SIDE * SIDE * channels)
  let at = 0
  for (let y = top; y < top + SIDE; y++)
    for (let x = left; x < left + SIDE; x++)
      for (let c = 0; c < channels; c++) result[at++] = bytes[(c * rows + y) * columns + x]!
  return result
}

/** Whether an image shows the block within reach of a place. */
function isNear(bytes: Bytes, [top, left]: [number, number], block: Uint8Array, shape: ImageShape): boolean {
  const [, rows, columns] = shape
  for (let y = Math.max(0, top - REACH); y <= Math.min(rows - SIDE, top + REACH); y++)
    for (let x = Math.max(0, left - REACH); x <= Math.min(columns - SIDE, left + REACH); x++)
      if (isThere(bytes, y, x, block, shape)) return true
  return false
}

function isThere(
  bytes: Bytes,
  top: number,
  left: number,
  block: Uint8Array,
  [channels, rows, columns]: ImageShape
): boolean {
  let at = 0
  for (let y = top; y < top + SIDE; y++)
    for (let x = left; x < left + SIDE; x++)
      for (let c = 0; c < channels; c++)
        if (Math.abs(bytes[(c * rows + y) * columns + x]! - block[at++]!) > TOLERANCE) return false
  return true
}

/** Share of the members of both in those of either. */
function overlap(a: Set<number>, b: Set<number>): number {
  const common = [...b].filter((i) => a.has(i)).length
  return common / (a.size + b.size - common)
}
