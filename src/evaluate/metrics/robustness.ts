import { uniformFloat64 } from 'pure-rand/distribution/uniformFloat64'
import { xoroshiro128plus } from 'pure-rand/generator/xoroshiro128plus'
import { rangeOf, stacked, type ScoreContext } from './context.js'

const SAMPLES = 10
/** Largest change of a pixel, as a share of the range. */
const RADIUS = 0.02

/** Largest relative change of the map when every pixel changes by up to 2 % of the range: low is good (Yeh et al. 2019). */
export async function maxSensitivity(c: ScoreContext): Promise<number> {
  return Math.max(...(await changes(c)).map(({ relative }) => relative))
}

/** The mean of those changes (Bhatt et al. 2020). */
export async function averageSensitivity(c: ScoreContext): Promise<number> {
  const all = await changes(c)
  return all.reduce((sum, { relative }) => sum + relative, 0) / all.length
}

/** Largest change of the map over the change of the image: low is good (Alvarez-Melis and Jaakkola 2018). */
export async function localLipschitz(c: ScoreContext): Promise<number> {
  return Math.max(...(await changes(c)).map(({ ratio }) => ratio))
}

interface Change {
  /** Norm of the change of the map over the norm of the map. */
  relative: number
  /** Norm of the change of the map over the norm of the change of the image. */
  ratio: number
}

/** The three scores of an image share its explanations. */
const known = new WeakMap<ScoreContext, Promise<Change[]>>()

function changes(c: ScoreContext): Promise<Change[]> {
  const found = known.get(c) ?? explainNearby(c)
  known.set(c, found)
  return found
}

async function explainNearby(c: ScoreContext): Promise<Change[]> {
  const random = xoroshiro128plus(c.seed)
  const { low, high } = rangeOf(c.model)
  const size = c.image.length
  const plane = size / low.length
  const shifts = Array.from({ length: SAMPLES }, () =>
    c.image.map((_, i) => {
      const channel = Math.floor(i / plane)
      return RADIUS * (high[channel]! - low[channel]!) * (2 * uniformFloat64(random) - 1)
    })
  )
  const images = shifts.map((shift) => c.image.map((value, i) => value + shift[i]!))
  const maps = await c.explainer!(stacked(images, c.model.imageShape), new Int32Array(SAMPLES).fill(c.target))
  const own = norm(c.relevance)
  return shifts.map((shift, k) => {
    const change = norm(c.relevance.map((value, i) => maps[k * size + i]! - value))
    return { relative: own === 0 ? 0 : change / own, ratio: change / norm(shift) }
  })
}

function norm(values: Float32Array): number {
  return Math.sqrt(values.reduce((sum, value) => sum + value * value, 0))
}
