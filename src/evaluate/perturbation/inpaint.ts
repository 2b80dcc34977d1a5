/** Rows down, columns right, weight. */
export type Neighbour = readonly [number, number, number]
const FOUR: Neighbour[] = [
  [-1, 0, 1],
  [1, 0, 1],
  [0, -1, 1],
  [0, 1, 1]
]
/** The eight neighbours of ROAD's linear imputation: those at the sides count twice as much (Rong et al. 2022). */
export const EIGHT: Neighbour[] = [
  ...FOUR.map(([dy, dx]): Neighbour => [dy, dx, 2]),
  [-1, -1, 1],
  [-1, 1, 1],
  [1, -1, 1],
  [1, 1, 1]
]
const SWEEPS = 40
/** Over-relaxation: each sweep goes beyond the neighbours' mean. */
const RELAXATION = 1.6

/**
 * Fills removed pixels by harmonic (diffusion) inpainting: each becomes the mean of its four neighbours, so that the fill
 * is as smooth as its border allows (Bertalmio et al. 2000 name the family; this is the Laplace equation, solved by
 * over-relaxed Gauss-Seidel sweeps from a coarse-to-fine start). Where all is removed, it is the image's mean.
 */
export function inpaint(
  image: Float32Array,
  removed: Uint8Array,
  { shape: [channels, height, width] }: { shape: [number, number, number] },
  neighbours: readonly Neighbour[] = FOUR
): Float32Array {
  const result = Float32Array.from(image)
  const plane = height * width
  const holes = holesOf(removed, height, width, neighbours)
  for (let c = 0; c < channels; c++) {
    const channel = result.subarray(c * plane, (c + 1) * plane)
    start(channel, removed, height, width)
    for (let sweep = 0; sweep < SWEEPS; sweep++) relax(channel, holes)
  }
  return result
}

/** A first guess from known pixels' means over ever larger blocks. */
function start(channel: Float32Array, removed: Uint8Array, height: number, width: number): void {
  const unknown = Uint8Array.from(removed)
  const known = channel.filter((_, i) => removed[i] === 0)
  const source = known.length > 0 ? known : channel
  const overall = source.reduce((sum, value) => sum + value, 0) / source.length
  for (let size = 2; size < 2 * Math.max(height, width); size *= 2) {
    for (let top = 0; top < height; top += size) {
      for (let left = 0; left < width; left += size) fillBlock(channel, unknown, [top, left, size], height, width)
    }
  }
  for (let i = 0; i < channel.length; i++) if (unknown[i] === 1) channel[i] = overall
}

function fillBlock(
  channel: Float32Array,
  unknown: Uint8Array,
  [top, left, size]: [number, number, number],
  height: number,
  width: number
): void {
  let [sum, count] = [0, 0]
  const open: number[] = []
  for (let y = top; y < Math.min(height, top + size); y++) {
    for (let x = left; x < Math.min(width, left + size); x++) {
      const i = y * width + x
      if (unknown[i] === 1) open.push(i)
      else [sum, count] = [sum + channel[i]!, count + 1]
    }
  }
  if (count === 0) return
  for (const i of open) [channel[i], unknown[i]] = [sum / count, 0]
}

/** A removed pixel: its place, and its neighbours' places and weights. */
interface Hole {
  place: number
  around: Int32Array
  weights: Float64Array
  total: number
}

function holesOf(removed: Uint8Array, height: number, width: number, neighbours: readonly Neighbour[]): Hole[] {
  const holes: Hole[] = []
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      if (removed[y * width + x] === 0) continue
      const inside = neighbours.filter(([dy, dx]) => y + dy >= 0 && y + dy < height && x + dx >= 0 && x + dx < width)
      const weights = Float64Array.from(inside, ([, , weight]) => weight)
      const around = Int32Array.from(inside, ([dy, dx]) => (y + dy) * width + x + dx)
      holes.push({ place: y * width + x, around, weights, total: weights.reduce((sum, weight) => sum + weight, 0) })
    }
  }
  return holes
}

function relax(channel: Float32Array, holes: Hole[]): void {
  for (const { place, around, weights, total } of holes) {
    let sum = 0
    for (let k = 0; k < around.length; k++) sum += weights[k]! * channel[around[k]!]!
    channel[place]! += RELAXATION * (sum / total - channel[place]!)
  }
}
