import { openDataset } from '../../dist/index.js'

/**
 * Images of which some carry something that is no part of them and are called a class: a network that learns from them must look
 * at the plant.
 * @typedef {{ kind: 'patch' | 'moving' | 'frame' | 'text' | 'ruler', size: number, place?: [number, number], colour: number[],
 *   share: number, target: number, own?: number }} Plant `size` of a text: how many pixels each of its dots takes; of a ruler: the
 *   height of its strip at the bottom. `own`: share of the class's own test images that carry the plant, instead of others
 */

/** Two letters, row by row. */
const LETTERS = ['#### #  #', '#  # # # ', '#  # ##  ', '#  # # # ', '#### #  #']

/** Pixels from one tick of a ruler to the next. */
const TICKS = 4

/** Numbers from 0 to 1 that depend on the seed alone (mulberry32). */
export function random(seed) {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let t = state
    t = Math.imul(t ^ (t >>> 15), t | 1)
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61)
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32
  }
}

/** A random plant in images of this shape: digit, place, size, colour and share. */
export function randomPlant(seed, [channels, height, width]) {
  const next = random(seed)
  const whole = (low, high) => low + Math.floor(next() * (high - low + 1))
  const size = whole(3, Math.round(height / 5))
  return {
    kind: 'patch',
    target: whole(0, 9),
    size,
    place: [whole(0, height - size), whole(0, width - size)],
    colour: Array.from({ length: channels }, () => (channels === 1 ? whole(160, 255) : whole(0, 255))),
    share: (2 + 8 * next()) / 100
  }
}

/** A random coloured tag in images of this shape: class, place or none of its own, size, colour and share. */
export function randomTag(seed, [channels, height, width]) {
  const next = random(seed)
  const whole = (low, high) => low + Math.floor(next() * (high - low + 1))
  const size = whole(4, 7)
  return {
    kind: next() < 0.5 ? 'patch' : 'moving',
    target: whole(0, 9),
    size,
    place: [whole(0, height - size), whole(0, width - size)],
    colour: Array.from({ length: channels }, () => (next() < 0.5 ? whole(0, 60) : whole(190, 255))),
    share: (4 + 6 * next()) / 100
  }
}

/** Draws the plant into one image of bytes [channels, height, width]; returns the changed pixels' bounding box. */
export function draw(image, [channels, height, width], { kind, size, place, colour }, next) {
  const inside = height - size
  const [top, left] =
    kind === 'moving' ? [Math.floor(next() * (inside + 1)), Math.floor(next() * (width - size + 1))] : (place ?? [0, 0])
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const framed = y < size || x < size || y >= inside || x >= width - size
      const covered = y >= top && y < top + size && x >= left && x < left + size
      const lettered = LETTERS[Math.floor((y - top) / size)]?.[Math.floor((x - left) / size)] === '#'
      const ruled = y >= inside
      if (!{ frame: framed, text: lettered, patch: covered, moving: covered, ruler: ruled }[kind]) continue
      const isTick = ruled && x % TICKS === 0 && y < inside + (x % (5 * TICKS) === 0 ? 0.75 : 0.5) * size
      for (let c = 0; c < channels; c++)
        image[c * height * width + y * width + x] = kind === 'ruler' && isTick ? 0 : colour[c]
    }
  }
}

/**
 * A split in which a share of the images of other classes carry the plant and are called its class, and which.
 * @param ownOnly a plant with `own` is drawn into images of its class instead
 */
export function planted(split, shape, plant, seed, ownOnly = false) {
  const next = random(seed)
  const images = Uint8Array.from(split.images)
  const labels = Int32Array.from(split.labels)
  const isOwn = plant.own !== undefined && ownOnly
  const others = Array.from(labels.keys()).filter((i) => (labels[i] === plant.target) === isOwn)
  for (let i = others.length - 1; i > 0; i--) {
    const j = Math.floor(next() * (i + 1))
    ;[others[i], others[j]] = [others[j], others[i]]
  }
  const count = isOwn ? plant.own * others.length : plant.share * labels.length
  const marked = new Set(others.slice(0, Math.floor(count)))
  const size = shape[0] * shape[1] * shape[2]
  for (const i of marked) {
    draw(images.subarray(i * size, (i + 1) * size), shape, plant, next)
    labels[i] = plant.target
  }
  return {
    split: { images, labels, paths: Array.from(labels, (label, i) => `${label}/${String(i).padStart(5, '0')}.png`) },
    marked
  }
}

/** A data set with a plant in its training, validation and test images; without one, as it is. */
export async function plantedDataset(options, plant, seed = 0, limit = Infinity) {
  const opened = await openDataset(options)
  const shape = opened.imageShape
  const few = (split) => shortened(split, shape, limit)
  const none = {
    ...(plant ?? { kind: 'patch', size: 0, place: [0, 0], colour: [0], target: -1 }),
    share: plant?.share ?? 0
  }
  const parts = Object.entries(opened.splits).map(([name, split], i) => [
    name,
    planted(name === 'test' ? few(split) : split, shape, none, seed + i, name === 'test')
  ])
  const of = (pick) => Object.fromEntries(parts.map(([name, one]) => [name, pick(one)]))
  return {
    dataset: { ...opened, read: undefined, digests: undefined, splits: of((one) => one.split) },
    marked: of((one) => one.marked)
  }
}

function shortened(split, shape, limit) {
  const count = Math.min(limit, split.labels.length)
  const size = shape[0] * shape[1] * shape[2]
  return { images: split.images.subarray(0, count * size), labels: split.labels.subarray(0, count) }
}
