import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import type { Tensor } from '../../src/core/tensor.js'
import { sliceBatch } from '../../src/explain/batches.js'
import { explain } from '../../src/explain/explain.js'
import { describeMethod, METHODS } from '../../src/explain/methods.js'
import type { ExplainOptions } from '../../src/explain/options.js'
import { buildArchitecture } from '../../src/model/architectures/index.js'
import { initialise } from '../../src/model/builder.js'
import { Model } from '../../src/model/model.js'
import { native } from '../../src/native/addon.js'
import type { GraphNode } from '../../src/core/graph.js'
import { node } from '../models.js'

const IMAGES = 5
const input: Tensor = {
  data: Float32Array.from({ length: IMAGES * 784 }, (_, i) => Math.sin(i * 1.7) + (i % 13) / 13),
  shape: [IMAGES, 1, 28, 28]
}

let model: Model
const threads = native().info().threads

beforeAll(async () => {
  native().setThreads(2)
  model = await Model.create(
    await initialise(buildArchitecture('lenet', { classes: 10, imageShape: [1, 28, 28] }), 1),
    'cpu'
  )
})
afterAll(() => {
  native().setThreads(threads)
  model.dispose()
})

/** Largest difference, divided by the largest value. */
function difference(found: ArrayLike<number>, expected: ArrayLike<number>): number {
  expect(found.length).toBe(expected.length)
  const largest = Math.max(...Array.from(expected, Math.abs))
  return Math.max(...Array.from(expected, (value, i) => Math.abs(value - found[i]!))) / largest
}

describe('images that threads explain side by side', () => {
  test('are split over the threads', () => {
    expect(model.handle.passesFor(IMAGES)).toBe(2)
    expect(model.handle.passesFor(1)).toBe(1)
  })

  const cases: [string, ExplainOptions][] = [
    ['a rule', { rule: 'alpha2beta1' }],
    ['several targets', { composite: 'epsilon-plus', target: [3, 1, 4] }],
    ['a target for each image', { rule: 'epsilon', targets: [0, 1, 2, 3, 4] }],
    ['the relevance of a layer', { rule: 'zplus', layers: ['0', '3'] }],
    ['channels and conservation', { rule: 'gamma', channelLayers: ['3'], conservation: true }],
    ['a baseline of each image', { method: 'integrated-gradients', baseline: 'blur', steps: 4 }],
    ['random numbers', { method: 'smoothgrad', steps: 3 }],
    ['an initial relevance', { rule: 'epsilon', seed: seedOfImages() }]
  ]
  test.each(cases)('have the maps that each has by itself: %s', async (_, options) => {
    const all = await explain(model, input, options)
    const maps = all.relevance.shape.length - 4 // with an axis of targets in front
    for (let image = 0; image < IMAGES; image++) {
      const own = await explain(model, sliceBatch(input, image, image + 1), ofImage(options, image))
      const count = maps === 1 ? all.relevance.shape[0]! : 1
      for (let target = 0; target < count; target++) {
        const found = all.relevance.data.subarray((target * IMAGES + image) * 784).subarray(0, 784)
        expect(difference(found, own.relevance.data.subarray(target * 784).subarray(0, 784))).toBeLessThan(1e-4)
        expect(all.scores[target * IMAGES + image]).toBeCloseTo(own.scores[target]!, 4)
      }
      for (const [name, layer] of Object.entries(own.layers)) {
        const size = layer.data.length
        const found = all.layers[name]!.data.subarray(image * size, (image + 1) * size)
        expect(difference(found, layer.data)).toBeLessThan(1e-4)
      }
      own.conservation.forEach((layer, i) =>
        expect(all.conservation[i]!.arriving[image]).toBeCloseTo(layer.arriving[0]!, 3)
      )
    }
  })

  test('a forward pass gives the outputs of all images and layers', async () => {
    const all = await model.forward(input)
    const layers = await model.outputsOf(input, ['3'])
    for (let image = 0; image < IMAGES; image++) {
      const one = sliceBatch(input, image, image + 1)
      const own = await model.forward(one)
      expect(difference(all.data.subarray(image * 10, (image + 1) * 10), own.data)).toBeLessThan(1e-5)
      const layer = (await model.outputsOf(one, ['3']))['3']!
      const found = layers['3']!.data.subarray(image * layer.data.length, (image + 1) * layer.data.length)
      expect(difference(found, layer.data)).toBeLessThan(1e-5)
    }
  })

  test('a value that is not finite is refused, whichever thread finds it', async () => {
    const broken = { ...input, data: input.data.slice() }
    broken.data[4 * 784] = NaN
    await expect(explain(model, broken, { rule: 'epsilon' })).rejects.toMatchObject({ code: 'NUMERIC' })
  })
})

test('as many images as targets and channels: maps of several targets, and one map for all of them', async () => {
  using rgb = await Model.create(
    await initialise(buildArchitecture('mlp', { imageShape: [3, 4, 4], classes: 5, hiddenSize: [6] }), 0)
  )
  const six = { data: input.data.slice(0, 6 * 48), shape: [6, 3, 4, 4] }
  for (const method of METHODS.filter((name) => describeMethod(name).needs === undefined)) {
    for (const together of method === 'lrp' ? [true, false] : [undefined]) {
      const options = { method, target: [0, 1, 2], together }
      const all = await explain(rgb, six, options)
      expect(all.relevance.shape).toEqual(together ? [6, 3, 4, 4] : [3, 6, 3, 4, 4])
      const own = await explain(rgb, sliceBatch(six, 4, 5), options)
      for (let map = 0; map < (together ? 1 : 3); map++) {
        const found = all.relevance.data.subarray((map * 6 + 4) * 48).subarray(0, 48)
        expect(difference(found, own.relevance.data.subarray(map * 48).subarray(0, 48))).toBeLessThan(1e-4)
      }
    }
  }
})

test.each<[string, GraphNode, number]>([
  ['a mean over channels', node('one', 'mean', ['input'], { dim: [1], keepdim: true }), 2],
  ['a mean over images', node('one', 'mean', ['input'], { dim: [0], keepdim: true }), 1],
  ['a mean over images, counted from the end', node('one', 'mean', ['first'], { dim: [-4], keepdim: true }), 1],
  ['images that change places with channels', node('one', 'permute', ['input'], { dims: [1, 0, 2, 3] }), 1],
  ['a shape that takes images apart', node('one', 'reshape', ['input'], { shape: [2, -1] }), 1],
  ['a call of an aten operator', node('one', 'aten::flip', ['input'], { dims: [0] }), 1]
])('%s', async (_, one, passes) => {
  const nodes = [node('first', 'relu', ['input']), one]
  const graph = { inputShape: [null, 2, 4, 4], nodes, output: 'one' }
  using made = await Model.create({ name: 'made', graph, tensors: new Map() })
  expect(made.handle.passesFor(8)).toBe(passes)
})

function seedOfImages(): Tensor {
  return { data: Float32Array.from({ length: IMAGES * 10 }, (_, i) => Math.cos(i)), shape: [IMAGES, 10] }
}

/** The options for one image by itself. */
function ofImage(options: ExplainOptions, image: number): ExplainOptions {
  const { targets, seed, ...rest } = options
  return {
    ...rest,
    ...(targets && { targets: [targets[image]!] }),
    ...(seed && { seed: sliceBatch(seed as Tensor, image, image + 1) })
  } as ExplainOptions
}
