import { uniformFloat64 } from 'pure-rand/distribution/uniformFloat64'
import { xoroshiro128plus } from 'pure-rand/generator/xoroshiro128plus'
import { stacked, valueRange } from '../images.js'
import type { ScoreContext } from './context.js'
import { familyOf } from './description.js'

const SAMPLES = 10
/** Largest change of a pixel, as a share of the range. */
const RADIUS = 0.02

/** Metrics of how much a map changes if every pixel changes a little. */
export const ROBUSTNESS = familyOf({ family: 'robustness', needs: ['model', 'image', 'explainer'] }, [
  {
    name: 'max_sensitivity',
    better: 'lower',
    definition: 'largest relative change of the map under small changes of the image',
    reference: 'Yeh et al. 2019',
    score: async (c) => Math.max(...(await changes(c)).map(({ relative }) => relative))
  },
  {
    name: 'avg_sensitivity',
    better: 'lower',
    definition: 'mean relative change of the map',
    reference: 'Bhatt et al. 2020',
    score: async (c) => (await changes(c)).reduce((sum, { relative }) => sum + relative, 0) / SAMPLES
  },
  {
    name: 'local_lipschitz',
    better: 'lower',
    definition: 'largest change of the map over the change of the image',
    reference: 'Alvarez-Melis and Jaakkola 2018',
    score: async (c) => Math.max(...(await changes(c)).map(({ ratio }) => ratio))
  }
])

interface Change {
  /** Norm of the change of the map, divided by the norm of the map. */
  relative: number
  /** Norm of the change of the map, divided by the norm of the change of the image. */
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
  const { low, high } = valueRange(c.model)
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
