import { rocAuc } from '../../scores/classification.js'
import { fallingOrder } from '../perturbation/order.js'
import { pooledMap, type ScoreContext } from './context.js'
import { familyOf, type MetricDescription } from './description.js'

const TOP = 50

/** A map summed over channels, and the mask of its image. */
interface Located {
  map: Float32Array
  mask: Uint8Array
  seed: number
}

type Localisation = Omit<MetricDescription, 'family' | 'needs' | 'score'> & { of: (located: Located) => number }

const located = ({ of, ...metric }: Localisation): Omit<MetricDescription, 'family' | 'needs'> => ({
  ...metric,
  better: 'higher',
  score: (c: ScoreContext) => (c.mask ? of({ map: pooledMap(c), mask: c.mask, seed: c.seed }) : NaN)
})

/**
 * Scores of a map against a mask. Channels are summed first (Arras et al. 2022); ties are broken at random by the seed.
 * Images whose mask is empty or full have no score.
 */
export const LOCALISATION = familyOf(
  { family: 'localisation', needs: ['mask'] },
  [
    {
      name: 'pointing_game',
      definition: '1 if the largest value is inside the mask',
      reference: 'Zhang et al. 2018',
      of: (c: Located) => topInside(c, 1)
    },
    {
      name: 'attribution_localisation',
      definition: 'share of |a| inside the mask',
      reference: 'Kohlbrenner et al. 2020',
      of: massInside
    },
    {
      name: 'relevance_mass_accuracy',
      definition: 'share of |a| inside the mask',
      reference: 'Arras et al. 2022',
      of: massInside
    },
    {
      name: 'relevance_rank_accuracy',
      definition: 'share of the mask-size largest values inside the mask',
      reference: 'Arras et al. 2022',
      of: (c: Located) => topInside(c, insideOf(c.mask))
    },
    {
      name: 'top_k_intersection',
      definition: `share of the ${TOP} largest values inside the mask`,
      reference: 'Theiner et al. 2021',
      of: (c: Located) => topInside(c, Math.min(TOP, c.map.length))
    },
    {
      name: 'localisation_auc',
      definition: 'ROC AUC of |a| against the mask',
      reference: 'Fawcett 2006',
      of: ({ map, mask }: Located) => rocAuc(mask, (i) => Math.abs(map[i]!))
    }
  ].map(located)
)

const insideOf = (mask: Uint8Array): number => mask.reduce((sum, inside) => sum + inside, 0)

/** Share of |map| inside the mask; 0 for a map of zeros. */
function massInside({ map, mask }: Located): number {
  let [inside, total] = [0, 0]
  map.forEach((value, i) => {
    total += Math.abs(value)
    inside += mask[i]! * Math.abs(value)
  })
  return inside / (total || 1)
}

/** Share of the k largest values inside the mask. */
function topInside({ map, mask, seed }: Located, k: number): number {
  return (
    fallingOrder(map, seed)
      .subarray(0, k)
      .reduce((sum, i) => sum + mask[i]!, 0) / k
  )
}
