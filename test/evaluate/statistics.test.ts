import { describe, expect, test } from '@jest/globals'
import fc from 'fast-check'
import { cosine, pearson, spearman, ssim, structuralSimilarity } from '../../src/evaluate/statistics/similarity.js'
import { bootstrapMean, pairedTest } from '../../src/evaluate/statistics/intervals.js'
import { readSafetensors } from '../../src/model/import/safetensors.js'
import { floats, golden, readJson } from '../shared.js'

describe('bootstrap', () => {
  test('the interval holds the mean, narrows with more images, and is seeded', () => {
    const values = (n: number) =>
      Array.from(
        { length: n },
        (_, i) => Math.sin(i * 12.9898) * 43758.5453 - Math.floor(Math.sin(i * 12.9898) * 43758.5453)
      )
    const [few, many] = [bootstrapMean(values(20)), bootstrapMean(values(500))]
    for (const { mean, low, high } of [few, many]) {
      expect(low).toBeLessThan(mean)
      expect(high).toBeGreaterThan(mean)
    }
    expect(many.high - many.low).toBeLessThan((few.high - few.low) / 3)
    // normal theory: 1.96 times the deviation over the root of the number
    expect(many.high - many.low).toBeCloseTo((2 * 1.96 * Math.sqrt(1 / 12)) / Math.sqrt(500), 2)
    expect(bootstrapMean(values(20))).toEqual(few)
  })

  test('a constant has no spread', () => {
    expect(bootstrapMean([2, 2, 2])).toEqual({ mean: 2, low: 2, high: 2 })
  })
})

describe('the paired test', () => {
  const base = Array.from({ length: 30 }, (_, i) => (i * 37) % 11)
  test('tells a steady difference from none', () => {
    const better = base.map((value, i) => value + 0.5 + ((i * 13) % 7) / 10)
    expect(pairedTest(better, base).p).toBeLessThan(0.001)
    expect(pairedTest(better, base).low).toBeGreaterThan(0)
    expect(pairedTest(base, base).p).toBe(1)
    const around = base.map((value, i) => value + (i % 2 === 0 ? 1 : -1))
    expect(pairedTest(around, base).p).toBeGreaterThan(0.5)
  })
})

describe('similarity', () => {
  const map = Float32Array.from({ length: 64 }, (_, i) => Math.sin(i))

  test('of a map with itself is 1, with its negative -1', () => {
    const negative = map.map((value) => -value)
    for (const f of [pearson, spearman, cosine]) {
      expect(f(map, map)).toBeCloseTo(1, 6)
      expect(f(map, negative)).toBeCloseTo(-1, 6)
    }
    expect(ssim(map, map, 8, 8)).toBeCloseTo(1, 6)
    expect(ssim(map, negative, 8, 8)).toBeLessThan(0)
  })

  test('does not depend on scale; ranks do not depend on what keeps the order', () => {
    fc.assert(
      fc.property(fc.double({ min: 0.1, max: 100, noNaN: true }), (factor) => {
        const scaled = map.map((value) => value * factor)
        expect(pearson(map, scaled)).toBeCloseTo(1, 5)
        expect(ssim(map, scaled, 8, 8)).toBeCloseTo(1, 4)
        expect(
          spearman(
            map,
            map.map((value) => value ** 3)
          )
        ).toBeCloseTo(1, 6)
      })
    )
  })

  test('ties share their rank', () => {
    // scipy.stats.spearmanr([1, 2, 2, 3], [1, 3, 2, 4]) = 0.9486832980505138
    expect(spearman([1, 2, 2, 3], [1, 3, 2, 4])).toBeCloseTo(0.9486832980505138, 12)
  })

  test('what does not vary is like nothing', () => {
    expect([pearson([1, 1], [1, 2]), cosine([0, 0], [1, 2])]).toEqual([0, 0])
  })
})

describe("SciPy's and scikit-image's similarity of two attributions", () => {
  test.each(['pearson', 'spearman', 'cosine', 'ssim'])('%s', async (name) => {
    const metrics = readJson<Record<string, Record<string, number[]>>>(golden('metrics', 'metrics.json'))
    const tensors = await readSafetensors(golden('metrics', 'tensors.safetensors'))
    const [a, b] = ['epsilon-plus', 'gradient'].map((map) => floats(tensors.get(`attribution.${map}`)!).data)
    const measures: Record<string, (x: Float32Array, y: Float32Array) => number> = {
      pearson,
      spearman,
      cosine,
      ssim: (x, y) => structuralSimilarity(x, y, 28, 28, Math.max(...x, ...y) - Math.min(...x, ...y))
    }
    metrics['similarity of epsilon-plus and gradient']![name]!.forEach((wanted, i) => {
      const [x, y] = [a, b].map((maps) => maps!.subarray(i * 784, (i + 1) * 784)) as [Float32Array, Float32Array]
      expect(Math.abs(measures[name]!(x, y) - wanted)).toBeLessThan(1e-4)
    })
  })
})
