import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, test } from '@jest/globals'
import { writeNpy } from '../../src/core/npy.js'
import { scoreMaps, type Scores } from '../../src/evaluate/score-maps.js'
import { readSafetensors } from '../../src/model/import/safetensors.js'
import type { StateDict, Tensor } from '../../src/core/tensor.js'
import { cli } from '../cli/run.js'
import { sequentialModel } from '../models.js'
import { floats, golden, readJson, values } from '../shared.js'

describe("Quantus' scores of both attributions", () => {
  const expected = readJson<Record<string, Record<string, (number | number[])[]>>>(golden('metrics', 'metrics.json'))

  const metricNames = Object.keys(expected['epsilon-plus']!)

  const load = () => readSafetensors(golden('metrics', 'tensors.safetensors'))
  const names = ['epsilon-plus', 'gradient']

  test.each(names)('%s, by code', async (name) => {
    const tensors = await load()
    const pool = { kernel_size: 2, stride: 2 }
    const model = await sequentialModel(
      [null, 1, 28, 28],
      [
        ['conv2d', { padding: 1 }],
        ['relu'],
        ['max_pool2d', pool],
        ['conv2d', { padding: 1 }],
        ['relu'],
        ['max_pool2d', pool],
        ['flatten'],
        ['linear'],
        ['relu'],
        ['linear']
      ],
      await readSafetensors(golden('metrics', 'weights.safetensors'))
    )
    const scores = await scoreMaps(model, {
      input: floats(tensors.get('input')!),
      attribution: floats(tensors.get(`attribution.${name}`)!),
      target: Array.from(values(tensors.get('target')!)),
      mask: floats(tensors.get('mask')!),
      metrics: metricNames,
      patchSize: 4,
      featuresInStep: 28
    })
    model.dispose()
    compare(scores, name, tensors)
  })

  test.each(names)('%s, by the command line with a model file', async (name) => {
    const tensors = await load()
    const folder = mkdtempSync(join(tmpdir(), 'lrp-scores-'))
    const write = async (file: string, tensor: Tensor): Promise<string> => {
      await writeNpy(join(folder, file), tensor)
      return join(folder, file)
    }
    const target = tensors.get('target')!
    const files = {
      '--input': await write('x.npy', floats(tensors.get('input')!)),
      '--attribution': await write('a.npy', floats(tensors.get(`attribution.${name}`)!)),
      '--target': await write('t.npy', { data: Float32Array.from(values(target)), shape: target.shape }),
      '--mask': await write('m.npy', floats(tensors.get('mask')!))
    }
    const settings = ['--metrics', 'all', '--patch-size', '4', '--features-in-step', '28', '--json']
    const model = golden('metrics', 'model.pt2')
    const { status, out } = await cli('evaluate', model, ...Object.entries(files).flat(), ...settings)
    rmSync(folder, { recursive: true })
    expect(status).toBe(0)
    compare(JSON.parse(out) as Scores, name, tensors)
  })

  function compare(scores: Scores, name: string, tensors: StateDict): void {
    const attribution = floats(tensors.get(`attribution.${name}`)!).data
    const masks = floats(tensors.get('mask')!).data
    const wrong: string[] = []
    let compared = 0
    for (const metric of metricNames) {
      expect(scores[metric]).toHaveLength(20)
      expected[name]![metric]!.forEach((value, i) => {
        const map = attribution.subarray(i * 784, (i + 1) * 784)
        const inside = masks.subarray(i * 784, (i + 1) * 784).filter((one) => one > 0).length
        const [found, wanted] = [[scores[metric]![i]!].flat(), [value].flat()]
        expect(found).toHaveLength(wanted.length)
        found.forEach((one, k) => {
          if (isTied(metric, map, k, inside)) return
          compared++
          if (!(Math.abs(one - wanted[k]!) <= 1e-4 * Math.max(1, Math.abs(wanted[k]!)))) {
            wrong.push(`${metric}, image ${i}, step ${k}: ${one} is not ${wanted[k]}`)
          }
        })
      })
    }
    expect(wrong).toEqual([])
    expect(compared).toBeGreaterThan(600)
  }
})

test('the curves of many images are those of each alone, with as many regions as asked for', async () => {
  const shape = [45, 1, 28, 28] // more than are scored, and perturbed, at a time
  const some = (seed: number): Float32Array =>
    Float32Array.from({ length: 45 * 784 }, (_, i) => ((i * 7919 + seed) % 617) / 617)
  const tensors = new Map([
    ['1.weight', { dtype: 'f32' as const, shape: [3, 784], data: new Uint8Array(some(1).slice(0, 3 * 784).buffer) }],
    ['1.bias', { dtype: 'f32' as const, shape: [3], data: new Uint8Array(new Float32Array(3).buffer) }]
  ])
  const model = await sequentialModel([null, 1, 28, 28], [['flatten'], ['linear']], tensors)
  const metrics = ['pixel_flipping.morf.mean', 'region_perturbation.lerf.black']
  const all = { input: { data: some(2), shape }, attribution: { data: some(3), shape }, metrics, regions: 7 }
  const done: number[] = []
  const together = await scoreMaps(model, { ...all, onProgress: (images) => done.push(images) })
  const part = ({ data }: { data: Float32Array }, i: number) => ({
    data: data.subarray(i * 784, (i + 1) * 784),
    shape: [1, 1, 28, 28]
  })
  for (const i of [0, 20, 44]) {
    const alone = await scoreMaps(model, { ...all, input: part(all.input, i), attribution: part(all.attribution, i) })
    for (const metric of metrics) {
      const [found, expected] = [together[metric]![i] as number[], alone[metric]![0] as number[]]
      expect(found).toHaveLength(metric.startsWith('region') ? 7 : 28)
      found.forEach((value, k) => expect(value).toBeCloseTo(expected[k]!, 5))
    }
  }
  expect(done.at(-1)).toBe(45)
  model.dispose()
})

/** Whether equal values decide what belongs to the first k + 1 steps: their order is not defined. */
function isTied(metric: string, map: Float32Array, k: number, inside: number): boolean {
  const falling = (values: ArrayLike<number>): number[] => Array.from(values).sort((a, b) => b - a)
  const cut = (values: number[], count: number): boolean => count < values.length && values[count - 1] === values[count]
  if (metric === 'pixel_flipping.morf.black') return cut(falling(map), (k + 1) * 28)
  if (metric === 'pixel_flipping.morf.mean') {
    const sorted = falling(map) // each step's mean depends on what was replaced before
    return Array.from({ length: k + 1 }, (_, step) => cut(sorted, (step + 1) * 28)).some(Boolean)
  }
  if (metric === 'relevance_rank_accuracy') return cut(falling(map), inside)
  if (metric === 'top_k_intersection') return cut(falling(map), 50)
  if (!/^(region|selectivity)/.test(metric)) return false
  const sums = Array<number>(49).fill(0)
  map.forEach((value, i) => (sums[Math.floor(i / 28 / 4) * 7 + Math.floor((i % 28) / 4)]! += value))
  const ranked = falling(metric.includes('lerf') ? sums.map((sum) => -sum) : sums)
  return cut(ranked, k + 1)
}
