import { uniformInt } from 'pure-rand/distribution/uniformInt'
import { xoroshiro128plus } from 'pure-rand/generator/xoroshiro128plus'
import type { RandomGenerator } from 'pure-rand/types/RandomGenerator'
import { valueRange } from '../images.js'
import { areaOver } from '../perturbation/areas.js'
import { perturbationCurves, type Curve, type Perturbation } from '../perturbation/curves.js'
import { normal } from '../perturbation/fills.js'
import { stepsTo } from '../perturbation/steps.js'
import { firstNumbers } from '../perturbation/units.js'
import { pearson } from '../statistics/similarity.js'
import { targetLogits, type ScoreContext } from './context.js'
import { familyOf } from './description.js'

const SUBSETS = 100
const SUBSET_SHARE = 0.1
const SIZES = [0.01, 0.05, 0.1, 0.2, 0.4]
const PER_SIZE = 20
const NOISES = 64

export const FAITHFULNESS = [
  ...familyOf({ family: 'faithfulness', needs: ['model', 'image'] }, [
    {
      name: 'faithfulness_correlation',
      better: 'higher',
      definition:
        'correlation between the attribution of random subsets (10 % of the pixels) and the drop in the logit without them',
      reference: 'Bhatt et al. 2020',
      score: (c) => subsetCorrelation(c, SUBSET_SHARE, SUBSETS, xoroshiro128plus(c.seed))
    },
    {
      name: 'sensitivity_n',
      better: 'higher',
      definition: 'the same correlation for subsets of 1 % to 40 % of the pixels',
      reference: 'Ancona et al. 2018',
      score: sensitivityN
    },
    {
      name: 'infidelity',
      better: 'lower',
      definition: 'normalised infidelity: residual of the linear fit of logit changes on attribution, under noise',
      reference: 'Yeh et al. 2019',
      score: infidelity
    }
  ]),
  ...familyOf({ family: 'faithfulness', needs: ['model', 'classes', 'image'] }, [
    {
      name: 'deletion',
      better: 'lower',
      definition: 'area under the probability while relevant pixels turn black',
      reference: 'Petsiuk et al. 2018',
      score: async (c) => areaOfProbability(await curveOf(c, DELETION))
    }
  ]),
  ...familyOf({ family: 'faithfulness', needs: ['model', 'classes', 'image', 'neighbours'] }, [
    {
      name: 'insertion',
      better: 'higher',
      definition: 'area under the probability while relevant pixels are inserted into the blurred image',
      reference: 'Petsiuk et al. 2018',
      score: async (c) => areaOfProbability(await curveOf(c, INSERTION))
    },
    {
      name: 'road',
      better: 'lower',
      definition:
        'share of steps with the same predicted class, while relevant pixels are imputed by noisy linear interpolation',
      reference: 'Rong et al. 2022',
      score: road
    }
  ])
]

const DELETION: Perturbation = { order: 'morf', unit: 1, fill: 'black', steps: stepsTo(1, 20) }
/** The images of an insertion, from the last to the first. */
const INSERTION: Perturbation = { order: 'lerf', unit: 1, fill: 'blur', steps: stepsTo(1, 20) }
const ROAD: Perturbation = { order: 'morf', unit: 1, fill: 'noisy-linear', steps: stepsTo(0.9, 9) }

async function curveOf(c: ScoreContext, perturbation: Perturbation): Promise<Curve> {
  return (await perturbationCurves(c.model, [{ ...c, ...perturbation }], c.signal))[0]!
}

function areaOfProbability({ shares, probabilities }: Curve): number {
  return areaOver(shares, probabilities)
}

/** Share of the steps after which the predicted class is unchanged, for a single logit too. */
async function road(c: ScoreContext): Promise<number> {
  const { predictions } = await curveOf(c, ROAD)
  const own = c.outputs === 1 && c.logit <= 0 ? 1 - c.target : c.target
  return predictions.slice(1).filter((predicted) => predicted === own).length / (predictions.length - 1)
}

/** Mean correlation over subsets of several sizes. */
async function sensitivityN(c: ScoreContext): Promise<number> {
  const random = xoroshiro128plus(c.seed)
  let sum = 0
  for (const share of SIZES) sum += await subsetCorrelation(c, share, PER_SIZE, random)
  return sum / SIZES.length
}

/**
 * Pearson correlation between the summed attribution of random subsets of the pixels and the drop in the logit when
 * they turn black.
 */
async function subsetCorrelation(c: ScoreContext, share: number, subsets: number, random: RandomGenerator) {
  const [channels] = c.model.planes
  const plane = c.image.length / channels
  const { low } = valueRange(c.model)
  const sums: number[] = []
  const images = Array.from({ length: subsets }, () => {
    const image = Float32Array.from(c.image)
    let sum = 0
    for (const pixel of draw(plane, Math.max(1, Math.round(share * plane)), random)) {
      for (let channel = 0; channel < channels; channel++) {
        sum += c.relevance[channel * plane + pixel]!
        image[channel * plane + pixel] = low[channel]!
      }
    }
    sums.push(sum)
    return image
  })
  const logits = await targetLogits(c, images)
  return pearson(
    sums,
    logits.map((logit) => c.logit - logit)
  )
}

/** Draws `count` different numbers from 0 to n - 1. */
function draw(n: number, count: number, random: RandomGenerator): Int32Array {
  const all = firstNumbers(n)
  for (let i = 0; i < count; i++) {
    const j = uniformInt(random, i, n - 1)
    ;[all[i], all[j]] = [all[j]!, all[i]!]
  }
  return all.subarray(0, count)
}

/**
 * Mean squared difference between the scaled product of noise and attribution, and the change of the logit under this
 * noise, divided by the mean squared change. The scale is the best fit: 0 is perfect, 1 is no better than a map of
 * zeros (Yeh et al. 2019). The noise is normal with a deviation of a fifth of the range.
 */
async function infidelity(c: ScoreContext): Promise<number> {
  const random = xoroshiro128plus(c.seed)
  const { low, high } = valueRange(c.model)
  const plane = c.image.length / low.length
  const dots: number[] = []
  const images = Array.from({ length: NOISES }, () => {
    let dot = 0
    const image = c.image.map((value, i) => {
      const channel = Math.floor(i / plane)
      const noise = 0.2 * (high[channel]! - low[channel]!) * normal(random)
      dot += noise * c.relevance[i]!
      return value - noise
    })
    dots.push(dot)
    return image
  })
  const changes = (await targetLogits(c, images)).map((logit) => c.logit - logit)
  const [both, own, total] = [product(dots, changes), product(dots, dots), product(changes, changes)]
  return total === 0 ? 0 : 1 - (own === 0 ? 0 : both ** 2 / (own * total))
}

function product(a: number[], b: number[]): number {
  return a.reduce((sum, value, i) => sum + value * b[i]!, 0)
}
