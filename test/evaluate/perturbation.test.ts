import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import fc from 'fast-check'
import { probabilities } from '../../src/core/logits.js'
import type { Model } from '../../src/model/model.js'
import { areaOver, perturbationScores } from '../../src/evaluate/perturbation/areas.js'
import {
  perturbationCurves,
  perturbed,
  type Perturbation,
  type Subject
} from '../../src/evaluate/perturbation/curves.js'
import { FILLS, replacing, type Fill } from '../../src/evaluate/perturbation/fills.js'
import { EIGHT, inpaint } from '../../src/evaluate/perturbation/inpaint.js'
import { fallingOrder, orderOf } from '../../src/evaluate/perturbation/order.js'
import { stepsAt, stepsOf, stepsTo } from '../../src/evaluate/perturbation/steps.js'
import { relevanceOf, unitsOf } from '../../src/evaluate/perturbation/units.js'
import { linearModel } from './metrics/linear.js'

describe('units', () => {
  test('cover every position once, whatever the sizes', () => {
    const sizes = [
      fc.integer({ min: 1, max: 12 }),
      fc.integer({ min: 1, max: 12 }),
      fc.integer({ min: 1, max: 5 })
    ] as const
    fc.assert(
      fc.property(...sizes, (height, width, patch) => {
        const { positions, starts, count } = unitsOf([2, height, width], patch)
        expect([...positions].sort((a, b) => a - b)).toEqual(Array.from({ length: height * width }, (_, i) => i))
        expect([starts.length, starts[0], starts[count]]).toEqual([count + 1, 0, positions.length])
      })
    )
  })

  test('have the relevance of their pixels and channels', () => {
    const relevance = Float32Array.of(0, 0, 3, 0, 0, 0, 0, 3, 5, 0, 1, 0, 0, 0, 0, 0)
    expect([...relevanceOf(unitsOf([1, 4, 4], 2), relevance)]).toEqual([0, 6, 5, 1])
    expect([...relevanceOf(unitsOf([4, 2, 2], 2), relevance)]).toEqual([12])
    expect([...relevanceOf(unitsOf([4, 2, 2], 1), relevance)]).toEqual([5, 0, 4, 3])
    expect(relevanceOf(unitsOf([16], 'entry'), relevance)).toEqual(relevance)
  })
})

/** Values with many ties. */
const tied = fc
  .array(fc.integer({ min: -2, max: 2 }), { minLength: 1, maxLength: 60 })
  .map((list) => Float32Array.from(list))

describe('orders', () => {
  test('sort floats as comparing them does', () => {
    const special = [0, -0, 1, -1, 1e-44, -1e-44, 3e38, -3e38]
    const value = fc.oneof(fc.constantFrom(...special), fc.float({ noNaN: true }))
    fc.assert(
      fc.property(fc.array(value, { maxLength: 60 }), (list) => {
        const values = Float32Array.from(list)
        const falling = Array.from(values).sort((a, b) => b - a)
        const found = Array.from(fallingOrder(values, 0), (i) => values[i]!)
        falling.forEach((one, i) => expect(found[i] === one).toBe(true)) // 0 and -0 are equal
      })
    )
  })

  test('least relevant first is most relevant first backwards, ties included', () => {
    fc.assert(
      fc.property(tied, fc.nat(), (values, seed) => {
        expect([...orderOf(values, 'lerf', seed)]).toEqual([...orderOf(values, 'morf', seed)].reverse())
      })
    )
  })

  test('floats and doubles have one rule for ties, and a seed gives one order', () => {
    fc.assert(
      fc.property(tied, fc.nat(), (values, seed) => {
        const order = fallingOrder(values, seed)
        expect(fallingOrder(values, seed)).toEqual(order)
        expect([...order].sort((a, b) => a - b)).toEqual([...values.keys()])
        const ranks = Array.from(fallingOrder(Float64Array.from(values), seed), (i) => values[i])
        expect(ranks).toEqual(Array.from(order, (i) => values[i]))
      })
    )
  })

  test('equal values come at every place equally often', () => {
    const draws = 2000
    const places = new Float64Array(8)
    for (let seed = 0; seed < draws; seed++) places[fallingOrder(new Float32Array(8), seed)[0]!]!++
    for (const count of places) expect(Math.abs(count / draws - 1 / 8)).toBeLessThan(0.03)
  })

  test('random is seeded', () => {
    const zeros = new Float32Array(64)
    expect([...orderOf(zeros, 'random', 1)].sort((a, b) => a - b)).toEqual([...zeros.keys()])
    expect(orderOf(zeros, 'random', 1)).toEqual(orderOf(zeros, 'random', 1))
    expect(orderOf(zeros, 'random', 2)).not.toEqual(orderOf(zeros, 'random', 1))
  })
})

describe('steps', () => {
  test('of one size, growing, at shares, so many at a time', () => {
    expect(stepsTo(1, 4)(100)).toEqual([0, 25, 50, 75, 100])
    expect(stepsTo(1, 4, true)(100)).toEqual([0, 6, 25, 56, 100])
    expect(stepsTo(0.2, 4)(100)).toEqual([0, 5, 10, 15, 20])
    expect(stepsTo(1, 20)(3)).toEqual([0, 1, 2, 3])
    expect(stepsAt([0, 0.1, 0.5])(64)).toEqual([0, 6, 32])
    expect(stepsOf(28)(60)).toEqual([28, 56, 60])
    expect(stepsOf(1, 3)(60)).toEqual([1, 2, 3])
  })

  test('growing ones never shrink, and both end at the share', () => {
    const counts = [fc.integer({ min: 1, max: 2000 }), fc.integer({ min: 2, max: 40 }), fc.boolean()] as const
    fc.assert(
      fc.property(...counts, fc.double({ min: 0.01, max: 1, noNaN: true }), (units, steps, growing, share) => {
        const found = stepsTo(share, steps, growing)(units)
        const sizes = found.slice(1).map((count, k) => count - found[k]!)
        expect(found.at(-1)).toBe(Math.round(share * units))
        expect(sizes.every((size) => size > 0)).toBe(true)
        if (growing) expect(sizes).toEqual(sizes.toSorted((a, b) => a - b))
        else expect(Math.max(0, ...sizes) - Math.min(...sizes, Infinity)).toBeLessThanOrEqual(1)
      })
    )
  })
})

describe('curves', () => {
  let model: Model
  beforeAll(async () => void (model = await linearModel([2, 4, 6], 3)))
  afterAll(() => model.dispose())

  const subject = fc.record({
    image: fc.array(fc.float({ min: -1, max: 1, noNaN: true }), { minLength: 48, maxLength: 48 }),
    relevance: fc.array(fc.integer({ min: -2, max: 2 }), { minLength: 48, maxLength: 48 }),
    target: fc.nat(2),
    seed: fc.nat()
  })
  const perturbation = fc.record({
    order: fc.constantFrom('morf' as const, 'lerf' as const, 'random' as const),
    unit: fc.constantFrom('entry' as const, 1, 2, 4),
    fill: fc.constantFrom('black' as const, 'mean' as const, 'current-mean' as const, 'uniform' as const),
    steps: fc.integer({ min: 1, max: 30 }).map((size) => stepsOf(size))
  })
  const task = fc
    .tuple(subject, perturbation)
    .map(([{ image, relevance, target, seed }, how]): Subject & Perturbation => ({
      image: Float32Array.from(image),
      relevance: Float32Array.from(relevance),
      target,
      seed,
      ...how
    }))

  test('do not depend on the other images of a pass, nor on its size', async () => {
    const tasks = fc.array(task, { minLength: 2, maxLength: 24 })
    await fc.assert(
      fc.asyncProperty(tasks, async (all) => {
        const together = await perturbationCurves(model, all)
        const backwards = (await perturbationCurves(model, all.toReversed())).reverse()
        for (const [i, one] of all.entries()) {
          const [alone] = await perturbationCurves(model, [one])
          for (const curve of [together[i]!, backwards[i]!]) {
            expect(curve.shares).toEqual(alone!.shares)
            curve.logits.forEach((logit, k) => expect(logit).toBeCloseTo(alone!.logits[k]!, 4))
            curve.probabilities.forEach((p, k) => expect(p).toBeCloseTo(alone!.probabilities[k]!, 4))
          }
        }
      }),
      { numRuns: 25 }
    )
  })

  test('are those of the images after each step', async () => {
    await fc.assert(
      fc.asyncProperty(task, async (one) => {
        const [curve] = await perturbationCurves(model, [one])
        const images = Array.from(perturbed(model, one, one), ({ image }) => [...image])
        const logits = await model.forward({ data: Float32Array.from(images.flat()), shape: [images.length, 2, 4, 6] })
        const rows = probabilities(logits)
        images.forEach((_, k) => expect(curve!.probabilities[k]).toBeCloseTo(rows[k * 3 + one.target]!, 4))
        expect(curve!.shares.at(-1)).toBe(1)
      }),
      { numRuns: 25 }
    )
  })

  test('of a single logit are of its sigmoid (A3)', async () => {
    const single = await linearModel([1, 4, 4], 1)
    const image = Float32Array.from({ length: 16 }, (_, i) => Math.cos(i))
    const how = { order: 'morf', unit: 1, fill: 'black', steps: stepsTo(1, 4) } as const
    const subject = { image, relevance: image, seed: 0, ...how }
    const [curve, first] = await perturbationCurves(single, [
      { ...subject, target: 1 },
      { ...subject, target: 0 }
    ])
    single.dispose()
    expect(first!.logits).toEqual(curve!.logits.map((logit) => -logit))
    first!.probabilities.forEach((p, k) => expect(p).toBeCloseTo(1 - curve!.probabilities[k]!, 9))
    expect(first!.predictions).toEqual(curve!.predictions)
    curve!.probabilities.forEach((p, k) => expect(p).toBeCloseTo(1 / (1 + Math.exp(-curve!.logits[k]!)), 9))
    expect(new Set(curve!.probabilities).size).toBe(5)
    expect(curve!.predictions).toEqual(curve!.logits.map((logit) => Number(logit > 0)))
  })
})

describe('what replaces pixels', () => {
  const context = { shape: [2, 4, 4] as [number, number, number], low: [-1, -2], high: [1, 2], value: 0.25, seed: 3 }
  const image = Float32Array.from({ length: 32 }, (_, i) => (i % 7) / 7)
  /** What is left once every pixel is replaced. */
  const all = (fill: Fill): Float32Array => {
    const result = image.slice()
    replacing(image, fill, context)(
      result,
      new Uint8Array(16).fill(1),
      Int32Array.from({ length: 16 }, (_, i) => i)
    )
    return result
  }

  test('black, white, a number, means', () => {
    expect([all('black')[0], all('black')[16]]).toEqual([-1, -2])
    expect([all('white')[0], all('white')[16]]).toEqual([1, 2])
    expect(all('constant')[9]).toBe(0.25)
    const mean = (values: Float32Array) => values.reduce((a, b) => a + b, 0) / values.length
    expect(all('mean')[5]).toBeCloseTo(mean(image.subarray(0, 16)), 6)
    expect(all('mean')[20]).toBeCloseTo(mean(image.subarray(16)), 6)
    expect(all('current-mean')[5]).toBeCloseTo(mean(image), 6)
    expect([all('zero'), all('noise')]).toEqual([all('black'), all('uniform')])
  })

  test('noise is seeded and in range; a blurred flat image stays flat', () => {
    const noise = all('uniform')
    expect(all('uniform')).toEqual(noise)
    expect(Math.min(...noise.subarray(0, 16))).toBeGreaterThanOrEqual(-1)
    expect(Math.max(...noise.subarray(16))).toBeLessThanOrEqual(2)
    expect(all('normal')).not.toEqual(noise)
    const flat = new Float32Array(32).fill(0.5)
    replacing(flat.slice(), 'blur', context)(flat, new Uint8Array(16).fill(1), Int32Array.of(0, 3, 9))
    flat.forEach((value) => expect(value).toBeCloseTo(0.5, 6))
  })

  test('every way leaves only finite numbers, also where all is gone', () => {
    for (const fill of FILLS) expect([fill, all(fill).every(Number.isFinite)]).toEqual([fill, true])
  })
})

describe('inpainting', () => {
  const plane = Float32Array.from({ length: 100 }, (_, i) => 0.1 * (i % 10) + 0.05 * Math.floor(i / 10))

  test.each([
    ['four neighbours', undefined],
    ['eight neighbours', EIGHT]
  ])('gives a sloped plane back from its border (%s)', (_, neighbours) => {
    const removed = Uint8Array.from({ length: 100 }, (_, i) => {
      const [x, y] = [i % 10, Math.floor(i / 10)]
      return Number(x > 0 && x < 9 && y > 0 && y < 9)
    })
    const holed = plane.map((value, i) => (removed[i] === 1 ? 9 : value))
    const filled = inpaint(holed, removed, { shape: [1, 10, 10] }, neighbours)
    filled.forEach((value, i) => expect(value).toBeCloseTo(plane[i]!, 2))
  })

  test('known pixels stay, and where none is known it is the mean', () => {
    const half = Uint8Array.from({ length: 100 }, (_, i) => i % 2)
    const filled = inpaint(plane, half, { shape: [1, 10, 10] })
    for (let i = 0; i < 100; i += 2) expect(filled[i]).toBe(plane[i])
    const mean = plane.reduce((a, b) => a + b, 0) / 100
    expect(inpaint(plane, new Uint8Array(100).fill(1), { shape: [1, 10, 10] })[7]).toBeCloseTo(mean, 5)
  })
})

test('areas of known curves', () => {
  expect(areaOver([0, 0.5, 1], [1, 0.5, 0])).toBeCloseTo(0.5, 12)
  expect(areaOver([0, 0.25, 0.5], [1, 1, 1])).toBeCloseTo(1, 12)
  const shares = [0, 0.5, 1]
  const morf = { shares, probabilities: [1, 0.2, 0], logits: [4, 1, 0], predictions: [] }
  const lerf = { shares, probabilities: [1, 0.9, 0], logits: [4, 3, 0], predictions: [] }
  const { morf_auc, lerf_auc, abc, aopc, au_mse } = perturbationScores(morf, lerf)
  expect(morf_auc).toBeCloseTo(0.35, 12)
  expect(lerf_auc).toBeCloseTo(0.7, 12)
  expect(abc).toBeCloseTo(0.35, 12)
  expect(aopc).toBeCloseTo(0.9, 12)
  expect(au_mse).toBeCloseTo((0 + 1) / 4 + (1 + 16) / 4, 12)
})
