import { describe, expect, test } from '@jest/globals'
import fc from 'fast-check'
import { areaOver, flipScores } from '../../src/evaluate/flipping/areas.js'
import { flipCounts, flipUnits, rankUnits } from '../../src/evaluate/flipping/order.js'
import { EIGHT, inpaint } from '../../src/evaluate/flipping/inpaint.js'
import { fallingOrder } from '../../src/evaluate/map-metrics.js'
import { REPLACEMENTS, replacement } from '../../src/evaluate/flipping/replacement.js'

describe('the order of flips', () => {
  test('units cover every pixel once, whatever the sizes', () => {
    fc.assert(
      fc.property(fc.nat({ max: 12 }), fc.nat({ max: 12 }), fc.integer({ min: 1, max: 5 }), (height, width, patch) => {
        const pixels = flipUnits(height, width, patch).flatMap((unit) => [...unit])
        expect(pixels.sort((a, b) => a - b)).toEqual(Array.from({ length: height * width }, (_, i) => i))
      })
    )
  })

  test('patches go by their summed relevance, falling or rising; random is seeded', () => {
    const relevance = Float32Array.of(0, 0, 3, 0, 0, 0, 0, 3, 5, 0, 1, 0, 0, 0, 0, 0)
    const units = flipUnits(4, 4, 2) // sums 0, 6, 5, 1
    expect([...rankUnits(relevance, units, 'morf', 0)]).toEqual([1, 2, 3, 0])
    expect([...rankUnits(relevance, units, 'lerf', 0)]).toEqual([0, 3, 2, 1])
    const all = flipUnits(8, 8, 1)
    const random = rankUnits(new Float32Array(64), all, 'random', 1)
    expect([...random].sort((a, b) => a - b)).toEqual([...all.keys()])
    expect(rankUnits(new Float32Array(64), all, 'random', 1)).toEqual(random)
    expect(rankUnits(new Float32Array(64), all, 'random', 2)).not.toEqual(random)
  })

  test('counts rise from 0 to the share, evenly or growing', () => {
    expect(flipCounts(100, 4, false)).toEqual([0, 25, 50, 75, 100])
    expect(flipCounts(100, 4, true)).toEqual([0, 6, 25, 56, 100])
    expect(flipCounts(100, 4, false, 0.2)).toEqual([0, 5, 10, 15, 20])
    expect(flipCounts(3, 20, false)).toEqual([0, 1, 2, 3])
  })
})

describe('what replaces pixels', () => {
  const context = { shape: [2, 4, 4] as [number, number, number], low: [-1, -2], high: [1, 2], value: 0.25, seed: 3 }
  const image = Float32Array.from({ length: 32 }, (_, i) => (i % 7) / 7)
  const all = new Uint8Array(16).fill(1)

  test('black, white, a number, means', () => {
    const of = (kind: (typeof REPLACEMENTS)[number]) => replacement(image, kind, context)(all)
    expect([of('black')[0], of('black')[16]]).toEqual([-1, -2])
    expect([of('white')[0], of('white')[16]]).toEqual([1, 2])
    expect(of('constant')[9]).toBe(0.25)
    const mean = (values: Float32Array) => values.reduce((a, b) => a + b, 0) / values.length
    expect(of('mean')[5]).toBeCloseTo(mean(image), 6)
    expect(of('channel-mean')[20]).toBeCloseTo(mean(image.subarray(16)), 6)
  })

  test('noise is seeded and in range; a blurred flat image stays flat', () => {
    const noise = replacement(image, 'uniform', context)(all)
    expect(replacement(image, 'uniform', context)(all)).toEqual(noise)
    expect(Math.min(...noise.subarray(0, 16))).toBeGreaterThanOrEqual(-1)
    expect(Math.max(...noise.subarray(16))).toBeLessThanOrEqual(2)
    expect(replacement(image, 'normal', context)(all)).not.toEqual(noise)
    const flat = replacement(new Float32Array(32).fill(0.5), 'blur', context)(all)
    flat.forEach((value) => expect(value).toBeCloseTo(0.5, 6))
  })

  test('every way leaves only finite numbers, also where all is gone', () => {
    for (const kind of REPLACEMENTS) {
      expect(replacement(image, kind, context)(all).every(Number.isFinite)).toBe(true)
    }
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
    const filled = inpaint(holed, removed, [1, 10, 10], neighbours)
    filled.forEach((value, i) => expect(value).toBeCloseTo(plane[i]!, 2))
  })

  test('known pixels stay, and where none is known it is the mean', () => {
    const half = Uint8Array.from({ length: 100 }, (_, i) => i % 2)
    const filled = inpaint(plane, half, [1, 10, 10])
    for (let i = 0; i < 100; i += 2) expect(filled[i]).toBe(plane[i])
    const mean = plane.reduce((a, b) => a + b, 0) / 100
    expect(inpaint(plane, new Uint8Array(100).fill(1), [1, 10, 10])[7]).toBeCloseTo(mean, 5)
  })
})

test('areas of known curves', () => {
  expect(areaOver([0, 0.5, 1], [1, 0.5, 0])).toBeCloseTo(0.5, 12)
  expect(areaOver([0, 0.25, 0.5], [1, 1, 1])).toBeCloseTo(1, 12)
  const shares = [0, 0.5, 1]
  const morf = { shares, probabilities: [1, 0.2, 0], logits: [4, 1, 0] }
  const lerf = { shares, probabilities: [1, 0.9, 0], logits: [4, 3, 0] }
  const { morf_auc, lerf_auc, abc, aopc, au_mse } = flipScores(morf, lerf)
  expect(morf_auc).toBeCloseTo(0.35, 12)
  expect(lerf_auc).toBeCloseTo(0.7, 12)
  expect(abc).toBeCloseTo(0.35, 12)
  expect(aopc).toBeCloseTo(0.9, 12)
  expect(au_mse).toBeCloseTo((0 + 1) / 4 + (1 + 16) / 4, 12)
})

test('fallingOrder sorts floats as comparing them does, the last of equal ones first', () => {
  const special = [0, -0, 1, -1, 1e-44, -1e-44, 3e38, -3e38]
  fc.assert(
    fc.property(
      fc.array(fc.oneof(fc.constantFrom(...special), fc.float({ noNaN: true })), { maxLength: 60 }),
      (list) => {
        const values = Float32Array.from(list)
        const compared = Array.from(values.keys()).sort((a, b) => values[b]! - values[a]! || b - a)
        expect(Array.from(fallingOrder(values))).toEqual(compared)
      }
    )
  )
})
