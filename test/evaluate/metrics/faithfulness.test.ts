import { afterAll, beforeAll, expect, test } from '@jest/globals'
import type { ScoreContext } from '../../../src/evaluate/metrics/context.js'
import { METRICS } from '../../../src/evaluate/metrics/registry.js'
import type { Model } from '../../../src/model/model.js'
import { linearModel, weightOf } from './linear.js'

let model: Model
beforeAll(async () => void (model = await linearModel()))
afterAll(() => model.dispose())

const image = Float32Array.from({ length: 36 }, (_, i) => Math.cos(i) + 1.2)
const gradient = image.map((_, i) => weightOf(1, i))
const exact = image.map((value, i) => value * weightOf(1, i))

/** What the scores of a map of class 1 are computed from. */
function context(relevance: Float32Array): ScoreContext {
  const logit = exact.reduce((sum, value) => sum + value, 0)
  const areas = () => Promise.reject(new Error('not asked for'))
  return { model, outputs: 3, image, relevance, target: 1, logit, probability: NaN, seed: 3, areas }
}

const scoreOf = (name: string, c: ScoreContext) => METRICS.find((metric) => metric.name === name)!.score(c)

test('of a linear network, input times weight is the effect of removal: correlations are 1, of its negative -1', async () => {
  for (const name of ['faithfulness_correlation', 'sensitivity_n']) {
    expect(await scoreOf(name, context(exact))).toBeCloseTo(1, 4)
    expect(await scoreOf(name, context(exact.map((value) => -value)))).toBeCloseTo(-1, 4)
    expect(Math.abs(await scoreOf(name, context(exact.toReversed())))).toBeLessThan(0.7)
  }
})

test('the gradient tells what noise does, a map of zeros nothing', async () => {
  expect(await scoreOf('infidelity', context(gradient))).toBeCloseTo(0, 4)
  expect(await scoreOf('infidelity', context(gradient.map((value) => 3 * value)))).toBeCloseTo(0, 4)
  expect(await scoreOf('infidelity', context(new Float32Array(36)))).toBe(1)
  expect(await scoreOf('infidelity', context(gradient.toReversed()))).toBeGreaterThan(0.3)
})

test('removing what speaks for the class lowers deletion and road, bringing it in first raises insertion', async () => {
  const turned = exact.map((value) => -value)
  for (const name of ['deletion', 'road'])
    expect(await scoreOf(name, context(exact))).toBeLessThan(await scoreOf(name, context(turned)))
  expect(await scoreOf('insertion', context(exact))).toBeGreaterThan(await scoreOf('insertion', context(turned)))
})

test('random scores are the same for the same seed only', async () => {
  const map = exact.map((value, i) => value + Math.sin(5 * i))
  for (const name of ['faithfulness_correlation', 'sensitivity_n', 'infidelity']) {
    expect(await scoreOf(name, context(map))).toBe(await scoreOf(name, context(map)))
    expect(await scoreOf(name, { ...context(map), seed: 4 })).not.toBe(await scoreOf(name, context(map)))
  }
})

test('input times weight keeps the logit', async () => {
  expect(await scoreOf('conservation_error', context(exact))).toBeCloseTo(0, 6)
  expect(await scoreOf('conservation_error', context(exact.map((value) => 3 * value)))).toBeCloseTo(2, 5)
  expect(await scoreOf('completeness_error', context(exact))).toBeCloseTo(0, 5)
})
