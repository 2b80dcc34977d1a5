import { afterAll, beforeAll, expect, test } from '@jest/globals'
import type { ScoreContext } from '../../../src/evaluate/metrics/context.js'
import * as faithfulness from '../../../src/evaluate/metrics/faithfulness.js'
import * as axiomatic from '../../../src/evaluate/metrics/axiomatic.js'
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
  return { model, image, relevance, target: 1, logit: exact.reduce((sum, value) => sum + value, 0), seed: 3 }
}

test('of a linear network, input times weight is the effect of removal: correlations are 1, of its negative -1', async () => {
  for (const score of [faithfulness.faithfulnessCorrelation, faithfulness.sensitivityN]) {
    expect(await score(context(exact))).toBeCloseTo(1, 4)
    expect(await score(context(exact.map((value) => -value)))).toBeCloseTo(-1, 4)
    expect(Math.abs(await score(context(exact.toReversed())))).toBeLessThan(0.7)
  }
})

test('the gradient tells what noise does, a map of zeros nothing', async () => {
  expect(await faithfulness.infidelity(context(gradient))).toBeCloseTo(0, 4)
  expect(await faithfulness.infidelity(context(gradient.map((value) => 3 * value)))).toBeCloseTo(0, 4)
  expect(await faithfulness.infidelity(context(new Float32Array(36)))).toBe(1)
  expect(await faithfulness.infidelity(context(gradient.toReversed()))).toBeGreaterThan(0.3)
})

test('removing what speaks for the class lowers deletion and road, bringing it in first raises insertion', async () => {
  const turned = exact.map((value) => -value)
  for (const score of [faithfulness.deletion, faithfulness.road])
    expect(await score(context(exact))).toBeLessThan(await score(context(turned)))
  expect(await faithfulness.insertion(context(exact))).toBeGreaterThan(await faithfulness.insertion(context(turned)))
})

test('random scores are the same for the same seed only', async () => {
  const map = exact.map((value, i) => value + Math.sin(5 * i))
  for (const score of [faithfulness.faithfulnessCorrelation, faithfulness.sensitivityN, faithfulness.infidelity]) {
    expect(await score(context(map))).toBe(await score(context(map)))
    expect(await score({ ...context(map), seed: 4 })).not.toBe(await score(context(map)))
  }
})

test('input times weight keeps the logit', async () => {
  expect(axiomatic.conservationError(context(exact))).toBeCloseTo(0, 6)
  expect(axiomatic.conservationError(context(exact.map((value) => 3 * value)))).toBeCloseTo(2, 5)
  expect(await axiomatic.completenessError(context(exact))).toBeCloseTo(0, 5)
})
