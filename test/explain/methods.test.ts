import { describe, expect, test } from '@jest/globals'
import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { explain } from '../../src/explain/explain.js'
import { describeMethod, METHODS, settingsOf } from '../../src/explain/methods.js'
import { explainOptions } from '../../src/explain/options.js'
import { writeNpy } from '../../src/core/npy.js'
import { buildArchitecture } from '../../src/model/architectures/index.js'
import { GraphBuilder, initialise } from '../../src/model/builder.js'
import { Model } from '../../src/model/model.js'
import { native } from '../../src/native/addon.js'
import { sizeOf, type Tensor } from '../../src/core/tensor.js'
import { sequentialModel, weight } from '../models.js'

function images(shape: number[], seed = 3): Tensor {
  let state = seed
  const next = (): number => (state = (state * 48271) % 2147483647) / 2147483647
  return { data: Float32Array.from({ length: sizeOf(shape) }, () => next() * 2 - 1), shape }
}

/** A6 of the cases: space ends before the second convolution. */
async function pooled(): Promise<Model> {
  const b = new GraphBuilder([3, 8, 8])
  const first = b.add('relu', 'relu', [b.convolution('conv1', 'input', 4, 3)])
  const pool = b.add('pool', 'adaptive_avg_pool2d', [first], { output_size: 1 })
  const second = b.add('relu2', 'relu', [b.convolution('conv2', pool, 5, 1)])
  const flat = b.add('flatten', 'flatten', [second], { start_dim: 1, end_dim: -1 })
  return Model.create(await initialise(b.finish('pooled', b.linear('last', flat, 3)), 2))
}

test('the registries of C++ and of JavaScript hold the same methods', () => {
  expect([...METHODS].sort()).toEqual(native().methods().sort())
})

test('what a method reads is an option of explain, which names the method and the default', () => {
  for (const method of METHODS) {
    for (const [name, usual] of Object.entries(describeMethod(method).reads ?? {})) {
      expect(Object.keys(explainOptions.shape)).toContain(name)
      const { only, default: text } = explainOptions.shape[name as keyof typeof explainOptions.shape].meta()!
      if (only) expect(only.method).toContain(method)
      if (typeof usual === 'number') expect([name, text]).toEqual([name, String(usual)])
    }
  }
  const settings = METHODS.map((method) => [method, settingsOf(method, { window: 6, steps: 3 })])
  expect(Object.fromEntries(settings)).toMatchObject({
    lrp: {},
    'integrated-gradients': { steps: 3 },
    smoothgrad: { steps: 3, noise: 0.1, seed: 0 },
    occlusion: { window: 6, stride: 6 },
    random: { seed: 0 }
  })
  expect(settingsOf('occlusion', { stride: 2 })).toEqual({ window: 4, stride: 2 })
})

test('a setting that is missing is named', async () => {
  const model = await pooled()
  const call = {
    method: 'smoothgrad',
    settings: { steps: 2, seed: 0 },
    layers: [],
    target: { binary: false, independent: false }
  }
  const ask = async (given: Partial<typeof call>): Promise<unknown> =>
    model.handle.attribute([{ ...(given as typeof call), images: images([1, 3, 8, 8]) }], {})
  await expect(ask(call)).rejects.toThrow("'noise' is missing")
  const { layers: _layers, ...rest } = call
  await expect(ask(rest)).rejects.toThrow('the passes: [0].layers is missing')
  model.dispose()
})

describe('grad-cam', () => {
  test('takes the last layer with space that every path passes through, and names it', async () => {
    const model = await pooled()
    const { layer, relevance } = await explain(model, images([1, 3, 8, 8]), { method: 'grad-cam' })
    expect(layer).toBe('relu')
    const named = await explain(model, images([1, 3, 8, 8]), { method: 'grad-cam', camLayer: 'relu' })
    expect(relevance.data).toEqual(named.relevance.data)
    expect(new Set(relevance.data).size).toBeGreaterThan(4)
    model.dispose()
  })

  test('a branch is not enough: googlenet', async () => {
    const architecture = buildArchitecture('googlenet', { imageShape: [3, 64, 64], classes: 3 })
    const model = await Model.create(await initialise(architecture, 1))
    const { layer } = await explain(model, images([1, 3, 64, 64]), { method: 'grad-cam' })
    expect(model.graph.nodes.find(({ name }) => name === layer)!.op).toBe('cat')
    model.dispose()
  })

  test('a transformer has none to choose: the message names the option', async () => {
    const architecture = buildArchitecture('vit_b_16', { imageShape: [3, 32, 32], classes: 3 })
    const model = await Model.create(await initialise(architecture, 1))
    await expect(explain(model, images([1, 3, 32, 32]), { method: 'grad-cam' })).rejects.toThrow(/camLayer/)
    model.dispose()
  })
})

test.each(['smoothgrad', 'random'] as const)('%s has the same bits in every batch', async (method) => {
  const model = await pooled()
  const three = images([3, 3, 8, 8])
  const options = { method, seed: 1, target: [0, 2], ...(method === 'smoothgrad' && { steps: 11 }) }
  const together = await explain(model, three, options)
  const one = (image: number): Tensor => ({
    data: three.data.slice(image * 192, (image + 1) * 192),
    shape: [1, 3, 8, 8]
  })
  for (const image of [0, 2]) {
    const alone = await explain(model, one(image), options)
    for (const target of [0, 1]) {
      const at = (target * 3 + image) * 192
      expect(together.relevance.data.subarray(at, at + 192)).toEqual(
        alone.relevance.data.subarray(target * 192, (target + 1) * 192)
      )
    }
  }
  const passes = await explain(model, three, { ...options, batchSize: 2 })
  expect(passes.relevance.data).toEqual(together.relevance.data)
  const other = await explain(model, three, { ...options, seed: 2 })
  expect(other.relevance.data).not.toEqual(together.relevance.data)
  model.dispose()
})

describe('baselines', () => {
  const linear = (): Promise<Model> =>
    sequentialModel(
      [null, 1, 4, 4],
      [['flatten', { start_dim: 1, end_dim: -1 }], ['linear']],
      new Map([
        ['1.weight', weight([2, 16], images([32], 9).data)],
        ['1.bias', weight([2], [0.5, -0.5])]
      ])
    )

  test.each(['zero', 'mean', 'blur', 'file'])('%s: relevance is what the logit gains over it', async (name) => {
    const model = await linear()
    const input = images([2, 1, 4, 4])
    const file = join(mkdtempSync(join(tmpdir(), 'baseline-')), 'baseline.npy')
    const own = images([1, 4, 4], 77)
    await writeNpy(file, own)
    const mean = (image: number): number => input.data.slice(image * 16, image * 16 + 16).reduce((a, b) => a + b) / 16
    const baselines: Record<string, Float32Array> = {
      zero: new Float32Array(32),
      mean: Float32Array.from({ length: 32 }, (_, i) => mean(Math.floor(i / 16))),
      file: Float32Array.from([...own.data, ...own.data])
    }
    const baseline = name === 'file' ? file : name
    const found = await explain(model, input, { method: 'integrated-gradients', baseline, target: 1, steps: 3 })
    const covered = await explain(model, input, { method: 'occlusion', baseline, target: 1, window: 4 })
    covered.sums.forEach((sum, image) => expect(sum / 16).toBeCloseTo(found.sums[image]!, 5)) // the fall at each of 16 pixels
    if (!(name in baselines)) return expect(found.sums[0]).not.toBeCloseTo(0, 3)
    const { output } = await model.handle.forward(
      { data: baselines[name]!, shape: input.shape },
      { batchSize: 2, layers: [], replace: [], asWritten: false, fixedBatch: false }
    )
    found.sums.forEach((sum, image) =>
      expect(sum).toBeCloseTo(found.logits.data[image * 2 + 1]! - output.data[image * 2 + 1]!, 5)
    )
    model.dispose()
  })

  test('black needs preprocessing; a file must have the shape of an image', async () => {
    const model = await linear()
    const ask = (baseline: string): Promise<unknown> =>
      explain(model, images([1, 1, 4, 4]), { method: 'integrated-gradients', baseline })
    await expect(ask('black')).rejects.toThrow(/preprocess/)
    const file = join(mkdtempSync(join(tmpdir(), 'baseline-')), 'b.npy')
    await writeNpy(file, images([1, 3, 4]))
    await expect(ask(file)).rejects.toThrow(/shape \[1, 3, 4\]/)
    await expect(ask('gone.npy')).rejects.toThrow(/gone.npy/)
    model.dispose()
  })

  test('only the methods that compare with one read it', () => {
    expect(METHODS.filter((name) => describeMethod(name).baseline)).toEqual(['integrated-gradients', 'occlusion'])
  })
})
