import {
  components,
  cropped,
  findPattern,
  PRESENT,
  TOLERANCE,
  type Bytes,
  type ImageShape,
  type Pattern
} from './pattern.js'
import type { Random } from './random.js'

/** An image of a group, with the relevance of its pixels (magnitudes, [height, width]). */
export interface Seen {
  bytes: Bytes
  relevance: Float32Array
}

/** Images of a group that are looked at. */
export const MOST_SEEN = 72
/** Values of which the most frequent one is sought. */
const CANDIDATES = 12
/** Images whose window the others are laid on, in turn. */
const SEEDS = 6
const LEAST_PIXELS = 4
const ROUNDS = 3
/** Parts of a pattern with less of its relevance are left out. */
const LEAST_SHARE = 0.05

/** How often members must agree on a pixel's value, and how much more often than other images, at first and then. */
const BEGIN = { agree: 0.3, more: 0.25 }
const THEN = { agree: 0.8, more: 0.5 }

/**
 * What looks the same at the same place in many images of a group, and not in others, and carries relevance; undefined
 * where there is nothing. The group may hold other images too.
 * @param others images of other classes
 */
export function fixedPattern(group: Seen[], others: Bytes[], shape: ImageShape, random: Random): Pattern | undefined {
  let members = group
  let pattern: Pattern | undefined
  for (let round = 0; round < ROUNDS; round++) {
    const views = members.map(({ bytes }) => bytes)
    const found = agreement(views, others, shape, round === 0 ? BEGIN : THEN, random)
    const mask = round === 0 ? found.mask : relevantParts(found.mask, members, shape)
    pattern = cropped(mask, found.content, shape, LEAST_PIXELS, true)
    if (!pattern) return undefined
    const kept = pattern
    members = best(group, (one) => findPattern(one.bytes, shape, kept).share)
    if (members.length < 4) return undefined
  }
  return pattern
}

/**
 * What looks the same in many images of a group wherever it lies: windows about the most relevant place are laid on each
 * other until they agree best.
 */
export function movingPattern(group: Seen[], others: Bytes[], shape: ImageShape, random: Random): Pattern | undefined {
  const [channels, rows, columns] = shape
  const radius = Math.round(Math.max(rows, columns) / 5)
  const side = 2 * radius + 1
  const windowShape: ImageShape = [channels, side, side]
  const peaks = group.map(({ relevance }) => peakOf(relevance, rows, columns))
  const windowOf = (i: number, dy = 0, dx = 0): Int16Array =>
    window(group[i]!.bytes, shape, peaks[i]![0] + dy, peaks[i]![1] + dx, radius)
  const rarity = rarityOf(others)
  const centred = group.map((_, i) => windowOf(i))
  const places = group.map((_, i) => i)
  let chosen: { score: number; windows: Int16Array[] } | undefined
  for (const seed of random.some(places, SEEDS)) {
    const model = centred[seed]!
    const core = coreOf(model, rarity, side)
    const fits = places
      .filter((i) => i !== seed)
      .map((i) => ({ i, ...bestShift(model, core, centred[i]!, windowShape) }))
      .sort((a, b) => b.score - a.score)
      .slice(0, Math.max(4, Math.ceil(group.length / 3)))
    const score = fits.reduce((sum, fit) => sum + fit.score, 0) / fits.length
    if (chosen && score <= chosen.score) continue
    chosen = { score, windows: [model, ...fits.map(({ i, down, right }) => windowOf(i, down, right))] }
  }
  if (!chosen) return undefined
  const backgrounds = others.map((bytes) => window(bytes, shape, random.below(rows), random.below(columns), radius))
  const found = agreement(chosen.windows, backgrounds, windowShape, { agree: 0.6, more: 0.3 }, random)
  const centre = nearCentre(found.mask, side)
  return cropped(centre, found.content, windowShape, LEAST_PIXELS, false)
}

/** Images of the group that have most of what was found; those that have it clearly, if there are some. */
function best(group: Seen[], shareOf: (one: Seen) => number): Seen[] {
  const shares = group.map(shareOf)
  const clear = group.filter((_, i) => shares[i]! >= PRESENT)
  if (clear.length >= 4) return clear
  return group.filter((_, i) => shares[i]! >= 0.6)
}

/** Where images agree on a value, and others have it less often. Negative values are outside of an image. */
function agreement(
  images: ArrayLike<number>[],
  others: ArrayLike<number>[],
  [channels, rows, columns]: ImageShape,
  wanted: { agree: number; more: number },
  random: Random
): { mask: Uint8Array; content: Uint8Array } {
  const plane = rows * columns
  const mask = new Uint8Array(plane)
  const content = new Uint8Array(channels * plane)
  const candidates = random.some(images, CANDIDATES)
  for (let i = 0; i < plane; i++) {
    let [most, mode] = [0, candidates[0]!]
    for (const one of candidates) {
      if (one[i]! < 0) continue
      const count = frequency(images, one, i, plane, channels, Math.max(most, wanted.agree))
      if (count > most) [most, mode] = [count, one]
    }
    if (most < wanted.agree) continue
    for (let c = 0; c < channels; c++) content[c * plane + i] = mode[c * plane + i]!
    if (most - frequency(others, mode, i, plane, channels) >= wanted.more) mask[i] = 1
  }
  return { mask, content }
}

/**
 * Share of the images whose pixel has the value of `one`.
 * @param least a smaller share is not of interest: 0 is returned as soon as it cannot be reached
 */
function frequency(
  images: ArrayLike<number>[],
  one: ArrayLike<number>,
  i: number,
  plane: number,
  channels: number,
  least = 0
): number {
  const most = images.length * (1 - least) + 1e-9
  let others = 0
  for (const image of images) {
    let same = true
    for (let at = i; same && at < channels * plane; at += plane) same = Math.abs(image[at]! - one[at]!) <= TOLERANCE
    if (!same && ++others > most) return 0
  }
  return (images.length - others) / images.length
}

/** Connected parts of a mask that carry a notable share of the relevance of all parts. */
function relevantParts(mask: Uint8Array, members: Seen[], [, , columns]: ImageShape): Uint8Array {
  const mean = new Float64Array(mask.length)
  for (const { relevance } of members) relevance.forEach((value, i) => (mean[i]! += value))
  const parts = components(mask, columns).filter((part) => part.length >= LEAST_PIXELS)
  const shares = parts.map((part) => part.reduce((sum, i) => sum + mean[i]!, 0))
  const all = shares.reduce((sum, share) => sum + share, 0)
  const result = new Uint8Array(mask.length)
  parts.forEach((part, at) => {
    if (shares[at]! >= LEAST_SHARE * all) part.forEach((i) => (result[i] = 1))
  })
  return result
}

/**
 * The middle of the most relevant square.
 * @param half pixels to each side of the middle; without it the square has about a sixth of the image's side
 */
export function peakOf(
  relevance: Float32Array,
  rows: number,
  columns: number,
  half = Math.max(1, Math.round(Math.max(rows, columns) / 12))
): [number, number] {
  const sums = new Float64Array((rows + 1) * (columns + 1))
  for (let y = 0; y < rows; y++)
    for (let x = 0; x < columns; x++)
      sums[(y + 1) * (columns + 1) + x + 1] =
        relevance[y * columns + x]! +
        sums[y * (columns + 1) + x + 1]! +
        sums[(y + 1) * (columns + 1) + x]! -
        sums[y * (columns + 1) + x]!
  const at = (y: number, x: number): number =>
    sums[Math.max(0, Math.min(rows, y)) * (columns + 1) + Math.max(0, Math.min(columns, x))]!
  let [best, place] = [-1, [0, 0] as [number, number]]
  for (let y = 0; y < rows; y++)
    for (let x = 0; x < columns; x++) {
      const [top, bottom, left, right] = [y - half, y + half + 1, x - half, x + half + 1]
      const sum = at(bottom, right) - at(top, right) - at(bottom, left) + at(top, left)
      if (sum > best) [best, place] = [sum, [y, x]]
    }
  return place
}

/** The square about a place, [channels, side, side]; -1000 outside of the image. */
function window(bytes: Bytes, [channels, rows, columns]: ImageShape, y: number, x: number, radius: number): Int16Array {
  const side = 2 * radius + 1
  const result = new Int16Array(channels * side * side).fill(-1000)
  for (let c = 0; c < channels; c++)
    for (let dy = -radius; dy <= radius; dy++) {
      const row = y + dy
      if (row < 0 || row >= rows) continue
      for (let dx = -radius; dx <= radius; dx++) {
        const column = x + dx
        if (column < 0 || column >= columns) continue
        result[(c * side + dy + radius) * side + dx + radius] = bytes[(c * rows + row) * columns + column]!
      }
    }
  return result
}

/** By value of the first channel: how seldom pixels of other images have it. */
function rarityOf(others: Bytes[]): Float64Array {
  const counts = new Float64Array(256)
  let total = 0
  for (const bytes of others)
    for (let i = 0; i < bytes.length; i += 3) {
      counts[bytes[i]!]!++
      total++
    }
  return Float64Array.from(counts, (_, value) => {
    let near = 0
    for (let v = Math.max(0, value - TOLERANCE); v <= Math.min(255, value + TOLERANCE); v++) near += counts[v]!
    return 1 - near / Math.max(1, total)
  })
}

const SHIFT = 4
const CORE = 3

/** Pixels of a window's core, the rarest first: their place in a plane of the window, their row and column, and rarity. */
interface Core {
  place: Int32Array
  row: Int32Array
  column: Int32Array
  worth: Float64Array
}

function coreOf(model: Int16Array, rarity: Float64Array, side: number): Core {
  const radius = (side - 1) / 2
  const core: [place: number, worth: number][] = []
  for (let y = radius - CORE; y <= radius + CORE; y++)
    for (let x = radius - CORE; x <= radius + CORE; x++) {
      const value = model[y * side + x]!
      if (value >= 0) core.push([y * side + x, rarity[value]!])
    }
  core.sort((a, b) => b[1] - a[1])
  const place = Int32Array.from(core, ([one]) => one)
  return {
    place,
    row: place.map((one) => Math.floor(one / side)),
    column: place.map((one) => one % side),
    worth: Float64Array.from(core, ([, one]) => one)
  }
}

/** How far a window must be moved to agree best with a model about its centre, and how well it then does. */
function bestShift(
  model: Int16Array,
  { place, row, column, worth }: Core,
  other: Int16Array,
  [channels, side]: ImageShape
): { score: number; down: number; right: number } {
  const plane = side * side
  const all = worth.reduce((sum, one) => sum + one, 0)
  let best = { score: -1, down: 0, right: 0 }
  for (let down = -SHIFT; down <= SHIFT; down++)
    for (let right = -SHIFT; right <= SHIFT; right++) {
      const move = down * side + right
      let reachable = all
      for (let i = 0; i < place.length; i++) {
        const [y, x, at] = [row[i]! + down, column[i]! + right, place[i]!]
        let same = y >= 0 && y < side && x >= 0 && x < side
        for (let c = 0; same && c < channels; c++)
          same = Math.abs(model[c * plane + at]! - other[c * plane + at + move]!) <= TOLERANCE
        if (!same && (reachable -= worth[i]!) <= best.score) break
      }
      if (reachable > best.score) best = { score: reachable, down, right }
    }
  return best
}

/** The connected part of a mask that lies next to its centre, with the largest area for its distance. */
function nearCentre(mask: Uint8Array, side: number): Uint8Array {
  const middle = (side - 1) / 2
  const result = new Uint8Array(mask.length)
  const parts = components(mask, side).map((part) => {
    const nearest = Math.min(...part.map((i) => Math.hypot(Math.floor(i / side) - middle, (i % side) - middle)))
    return { part, worth: part.length / (1 + nearest) }
  })
  const chosen = parts.sort((a, b) => b.worth - a.worth)[0]
  chosen?.part.forEach((i) => (result[i] = 1))
  return result
}
