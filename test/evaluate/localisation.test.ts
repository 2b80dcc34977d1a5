import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { evaluate } from '../../src/evaluate/evaluate.js'
import { MAP_METRICS, scoreMaps } from '../../src/evaluate/score-maps.js'
import type { Tensor } from '../../src/core/tensor.js'
import type { Model } from '../../src/model/model.js'
import { linearModel } from './metrics/linear.js'

const NAMES = ['pointing_game', 'relevance_rank_accuracy', 'relevance_mass_accuracy', 'localisation_auc']
const [channels, side] = [3, 8]
const plane = side * side
const box = (left: number, top: number, right: number, bottom: number): Tensor => ({
  data: Float32Array.of(left, top, right, bottom),
  shape: [1, 4]
})
let model: Model
beforeAll(async () => void (model = await linearModel([channels, side, side])))
afterAll(() => model.dispose())

function localise(map: Float32Array, mask: Tensor, seed = 0): ReturnType<typeof scoreMaps> {
  const shape = [map.length / (channels * plane), channels, side, side]
  const input = { data: new Float32Array(map.length).fill(0.5), shape }
  return scoreMaps(model, { input, attribution: { data: map, shape }, mask, metrics: NAMES, seed })
}

test('a map of one channel that is exactly the box scores 1: channels are pooled (A11)', async () => {
  const map = new Float32Array(channels * plane)
  for (let y = 5; y < 7; y++) for (let x = 1; x < 4; x++) map[plane + y * side + x] = 1
  expect(await localise(map, box(1, 5, 4, 7))).toEqual(Object.fromEntries(NAMES.map((name) => [name, [1]])))
})

describe('a map of zeros (A12)', () => {
  const zeros = new Float32Array(channels * plane)
  test('is at chance, wherever the mask is', async () => {
    for (const mask of [box(0, 0, 8, 2), box(0, 6, 8, 8)]) {
      const hits: number[] = []
      for (let seed = 0; seed < 60; seed++) {
        const found = await localise(zeros, mask, seed)
        expect(found.localisation_auc).toEqual([0.5])
        expect(found.relevance_mass_accuracy).toEqual([0])
        hits.push(found.relevance_rank_accuracy![0] as number)
      }
      const mean = hits.reduce((sum, hit) => sum + hit, 0) / hits.length
      expect(Math.abs(mean - 0.25)).toBeLessThan(0.06)
    }
  })
})

test('an image whose mask is full has no localisation score; the others do (A12)', async () => {
  const map = Float32Array.from({ length: 2 * channels * plane }, (_, i) => Math.sin(i))
  const notes: string[] = []
  const shape = [2, channels, side, side]
  const mask = { data: Float32Array.of(0, 0, 8, 8, 2, 2, 4, 5), shape: [2, 4] }
  const options = { input: { data: map, shape }, attribution: { data: map, shape }, mask }
  const scores = await scoreMaps(model, { ...options, onNote: (note) => notes.push(note) })
  expect(notes).toEqual(['not in the localisation metrics, because the mask is full: image 0'])
  for (const name of MAP_METRICS) {
    const [first, second] = scores[name]!
    const localises = name.startsWith('localisation') || NAMES.includes(name) || /_localisation$|^top_k/.test(name)
    expect([name, first === null, second === null]).toEqual([name, localises, false])
  }
})

test('evaluate leaves such images out of means and tests, and says so', async () => {
  const shape = [3, channels, side, side]
  const { writeNpy } = await import('../../src/core/npy.js')
  const { mkdtempSync, rmSync } = await import('node:fs')
  const { join } = await import('node:path')
  const { tmpdir } = await import('node:os')
  const folder = mkdtempSync(join(tmpdir(), 'lrp-masks-'))
  const data = Float32Array.from({ length: 3 * channels * plane }, (_, i) => Math.cos(i * i))
  await writeNpy(join(folder, 'x.npy'), { data, shape })
  const found = await evaluate(model, {
    input: [join(folder, 'x.npy')],
    methods: ['gradient', 'random'],
    metrics: ['localisation_auc'],
    mask: { data: Float32Array.of(0, 0, 8, 8, 2, 2, 4, 5, 1, 1, 3, 3), shape: [3, 4] }
  })
  rmSync(folder, { recursive: true })
  expect(found.notes).toEqual(['not in the localisation metrics, because the mask is full: 0'])
  for (const { scores } of found.methods) {
    const { values, mean } = scores.localisation_auc!
    expect(values[0]).toBeNull()
    expect(mean).toBeCloseTo((values[1]! + values[2]!) / 2, 12)
  }
  expect(Number.isFinite(found.comparisons[0]!.mean)).toBe(true)
  expect(found.comparisons[0]!.p).toBeGreaterThan(0.1) // two images cannot tell
})
