import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import sharp from 'sharp'
import { openInputs } from '../../src/explain/inputs.js'
import { explain } from '../../src/explain/explain.js'
import type { Graph } from '../../src/core/graph.js'
import { buildArchitecture } from '../../src/model/architectures/index.js'
import { initialise } from '../../src/model/builder.js'
import { writeSafetensors } from '../../src/model/import/safetensors.js'
import { buildLayers, type Layer } from '../../src/model/layers.js'
import { loadModelParts } from '../../src/model/load.js'
import { Model } from '../../src/model/model.js'

const folder = mkdtempSync(join(tmpdir(), 'lrp-shape-'))
const pooled = [{ type: 'convolution', channels: 4, kernelSize: 3 }, { type: 'relu' }] as Layer[]
const classifier = { type: 'linear', features: 'classes' } as const
const save = async (name: string, layers: Layer[]): Promise<void> => {
  const parts = await initialise(buildLayers(layers, { imageShape: [1, 28, 28], classes: 3 }), 1)
  const model = await Model.create(parts)
  await model.save(join(folder, name))
  model.dispose()
}

beforeAll(async () => {
  await save('convolutional', [...pooled, { type: 'global-average-pool' }, { type: 'flatten' }, classifier] as Layer[])
  await save('dense', [...pooled, { type: 'flatten' }, classifier] as Layer[])
  await sharp({ create: { width: 84, height: 28, channels: 3, background: '#333' } }).toFile(join(folder, 'wide.png'))
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

test('a network that takes any size explains a wide image at its own', async () => {
  const model = await Model.load(join(folder, 'convolutional'), { inputShape: [1, 28, 84] })
  const { read } = await openInputs(model, { input: [join(folder, 'wide.png')] })
  const input = await read(0, 1)
  expect(input.shape).toEqual([1, 1, 28, 84])
  const { relevance, logits } = await explain(model, input, { target: 1 })
  expect([relevance.shape, logits.shape]).toEqual([
    [1, 1, 28, 84],
    [1, 3]
  ])
  model.dispose()
})

test('padding that follows from the image size is that of the size asked for', async () => {
  const architecture = 'efficientnet_lite0'
  const imageShape: [number, number, number] = [3, 101, 101]
  const built = (shape: [number, number, number]) => buildArchitecture(architecture, { classes: 2, imageShape: shape })
  const { tensors } = await initialise(built([3, 224, 224]), 1)
  const path = join(folder, 'lite.safetensors')
  await writeSafetensors(path, tensors)
  const padding = (graph: Graph): unknown[] => graph.nodes.map(({ attributes }) => attributes)
  const { graph } = await loadModelParts(path, { architecture, inputShape: imageShape })
  expect(padding(graph)).toEqual(padding(built(imageShape).graph))
  expect(padding(graph)).not.toEqual(padding(built([3, 224, 224]).graph))
  expect(graph.inputShape.slice(1)).toEqual(imageShape)
})

test('without it the image is resized, to the image size where one is given', async () => {
  const model = await Model.load(join(folder, 'convolutional'))
  const sizes = async (imageSize?: [number, number]): Promise<number[]> => {
    const { read } = await openInputs(model, { input: [join(folder, 'wide.png')], imageSize })
    return (await read(0, 1)).shape
  }
  expect(await sizes()).toEqual([1, 1, 28, 28])
  expect(await sizes([10, 20])).toEqual([1, 1, 10, 20])
  model.dispose()
})

test('sizes that a file leaves open are those of its preprocessing', async () => {
  const whole = await loadModelParts(join(folder, 'convolutional'))
  using open = await Model.create({ ...whole, graph: { ...whole.graph, inputShape: [null, 1, null, null] } })
  await open.save(join(folder, 'open'))
  using model = await Model.load(join(folder, 'open'))
  expect(model.imageShape).toEqual([1, 28, 28])
  const { read } = await openInputs(model, { input: [join(folder, 'wide.png')] })
  expect((await explain(model, await read(0, 1))).relevance.shape).toEqual([1, 1, 28, 28])
})

test.each([
  ['dense', [1, 28, 84], /dense|cannot take inputs of 1x28x84/],
  ['convolutional', [3, 28, 84], /cannot be 3x28x84: .* takes only inputs of 1x28x28/]
] as const)('%s cannot take %j', async (name, shape, message) => {
  const loading = Model.load(join(folder, name), { inputShape: [...shape] })
  await expect(loading).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' })
  await expect(loading).rejects.toThrow(message)
})
