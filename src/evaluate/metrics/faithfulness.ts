import { uniformInt } from 'pure-rand/distribution/uniformInt'
import { xoroshiro128plus } from 'pure-rand/generator/xoroshiro128plus'
import type { RandomGenerator } from 'pure-rand/types/RandomGenerator'
import { areaOver } from '../flipping/areas.js'
import { flipCurves, flippedImages, flippingSchema, type GivenFlipping } from '../flipping/curve.js'
import type { FlipOrder } from '../flipping/order.js'
import { normal } from '../flipping/replacement.js'
import { argmax } from '../../core/logits.js'
import { pearson } from '../similarity.js'
import { batchOf, rangeOf, stacked, targetScores, type ScoreContext } from './context.js'

const SUBSETS = 100
const SUBSET_SHARE = 0.1
const SIZES = [0.01, 0.05, 0.1, 0.2, 0.4]
const PER_SIZE = 20
const NOISES = 64

/** Correlation of the summed attribution of random tenths of the pixels with the fall of the logit when they turn black (Bhatt et al. 2020). */
export async function faithfulnessCorrelation(c: ScoreContext): Promise<number> {
  return subsetCorrelation(c, SUBSET_SHARE, SUBSETS, xoroshiro128plus(c.seed))
}

/** The same, averaged over subsets of 1 % to 40 % of the pixels (sensitivity-n, Ancona et al. 2018). */
export async function sensitivityN(c: ScoreContext): Promise<number> {
  const random = xoroshiro128plus(c.seed)
  let sum = 0
  for (const share of SIZES) sum += await subsetCorrelation(c, share, PER_SIZE, random)
  return sum / SIZES.length
}

async function subsetCorrelation(c: ScoreContext, share: number, subsets: number, random: RandomGenerator) {
  const [channels] = c.model.imageShape as [number]
  const plane = c.image.length / channels
  const { low } = rangeOf(c.model)
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
  const { logits } = await targetScores(c, images)
  return pearson(
    sums,
    logits.map((logit) => c.logit - logit)
  )
}

/** `count` of the numbers 0 to n - 1, each at most once. */
function draw(n: number, count: number, random: RandomGenerator): Int32Array {
  const all = Int32Array.from({ length: n }, (_, i) => i)
  for (let i = 0; i < count; i++) {
    const j = uniformInt(random, i, n - 1)
    ;[all[i], all[j]] = [all[j]!, all[i]!]
  }
  return all.subarray(0, count)
}

/**
 * Mean squared difference between noise times attribution and the change that the noise makes to the logit, the
 * attribution scaled as fits best, over the mean squared change: 0 is perfect, 1 is no better than a map of zeros (Yeh et
 * al. 2019). Noise: normal, a fifth of the range.
 */
export async function infidelity(c: ScoreContext): Promise<number> {
  const random = xoroshiro128plus(c.seed)
  const { low, high } = rangeOf(c.model)
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
  const changes = (await targetScores(c, images)).logits.map((logit) => c.logit - logit)
  const [both, own, total] = [product(dots, changes), product(dots, dots), product(changes, changes)]
  return total === 0 ? 0 : 1 - (own === 0 ? 0 : both ** 2 / (own * total))
}

function product(a: number[], b: number[]): number {
  return a.reduce((sum, value, i) => sum + value * b[i]!, 0)
}

/** Area under the probability while the most relevant pixels turn black: low is good (Petsiuk et al. 2018). */
export function deletion(c: ScoreContext): Promise<number> {
  return areaOf(c, 'morf', { replacement: 'black' })
}

/** Area under the probability while the most relevant pixels come into the blurred image: high is good (Petsiuk et al. 2018). */
export function insertion(c: ScoreContext): Promise<number> {
  return areaOf(c, 'lerf', { replacement: 'blur' }) // the same images, from the last to the first
}

async function areaOf(c: ScoreContext, order: FlipOrder, given: GivenFlipping): Promise<number> {
  const [curve] = await flipCurves(c.model, [{ ...c, order }], flippingSchema.parse(given), c.signal)
  return areaOver(curve!.shares, curve!.probabilities)
}

/**
 * Share of steps, 10 % to 90 % of the most relevant pixels removed by noisy linear imputation, in which the image is still
 * classified as the target: low is good (ROAD, Rong et al. 2022).
 */
export async function road(c: ScoreContext): Promise<number> {
  const settings = flippingSchema.parse({ replacement: 'noisy-linear', steps: 9, share: 0.9 })
  const images = flippedImages(c.model, { ...c, order: 'morf' }, settings).images.slice(1)
  const logits = await c.model.forward(stacked(images, c.model.imageShape), {
    batchSize: batchOf(c.model),
    signal: c.signal
  })
  return argmax(logits).filter((predicted) => predicted === c.target).length / images.length
}
