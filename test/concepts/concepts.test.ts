import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals'
import { concepts } from '../../src/concepts/concepts.js'
import type { ConceptsResult } from '../../src/concepts/result.js'
import { conceptLayer } from '../../src/concepts/layers.js'
import { receptiveField, windowOf } from '../../src/concepts/receptive-field.js'
import { openDataset } from '../../src/data/open.js'
import { explain } from '../../src/explain/explain.js'
import { explainOptions } from '../../src/explain/options.js'
import { plainPreprocessing } from '../../src/model/preprocessing.js'
import { buildLayers } from '../../src/model/layers.js'
import { initialise } from '../../src/model/builder.js'
import { Model } from '../../src/model/model.js'

jest.setTimeout(600_000)

async function smallModel(): Promise<Model> {
  const layers = [
    { type: 'convolution', channels: 4, kernelSize: 3, padding: 1, name: 'low' },
    { type: 'relu' },
    { type: 'max-pool', kernelSize: 2 },
    { type: 'convolution', channels: 6, kernelSize: 3, name: 'high' },
    { type: 'relu' },
    { type: 'flatten' },
    { type: 'linear', features: 'classes' }
  ] as Parameters<typeof buildLayers>[0]
  const parts = await initialise(buildLayers(layers, { imageShape: [1, 8, 8], classes: 10 }), 3)
  return Model.create({ ...parts, preprocessing: plainPreprocessing([1, 8, 8]) })
}

describe('concepts of a layer', () => {
  let folder: string
  let model: Model
  let result: ConceptsResult
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'lrp-concepts-'))
    model = await smallModel()
    result = (await concepts(model, { output: join(folder, 'whole'), samples: 4, top: 3 })).result
  })
  afterAll(async () => {
    model.dispose()
    await rm(folder, { recursive: true, force: true })
  })

  test('reference samples are those with the largest relevance of the class', async () => {
    expect(result.layer).toBe(conceptLayer(model))
    const dataset = await openDataset()
    const { images, labels } = dataset.splits.test
    const input = { data: Float32Array.from(images, (byte) => byte / 255), shape: [labels.length, 1, 8, 8] }
    const { channels, targets } = await explain(model, input, {
      composite: 'epsilon-plus',
      channelLayers: [result.layer]
    })
    const { sum } = channels[result.layer]!.relevance
    expect(result.classes.reduce((all, one) => all + one.images, 0)).toBe(labels.length)
    for (const { class: name, channels: listed, images: count } of result.classes) {
      const own = Array.from(targets.keys()).filter((i) => targets[i] === Number(name))
      expect(own).toHaveLength(count)
      for (const { channel, samples } of listed) {
        const values = own.map((i) => sum.data[i * 6 + channel]!).sort((a, b) => b - a)
        samples.forEach(({ value, image }, rank) => {
          expect(value).toBeCloseTo(values[rank]!, 4)
          expect(value).toBeCloseTo(sum.data[Number(image.split('/').at(-1)) * 6 + channel]!, 4)
        })
      }
    }
  })

  test('a stopped run goes on and ends the same', async () => {
    const output = join(folder, 'stopped')
    const stop = new AbortController()
    const options = { output, samples: 4, top: 3 }
    const onProgress = (): void => stop.abort()
    await expect(concepts(model, { ...options, onProgress, signal: stop.signal })).rejects.toMatchObject({
      code: 'ABORTED'
    })
    let passes = 0
    const again = await concepts(model, { ...options, onProgress: () => passes++ })
    expect(again.result).toEqual(result)
    expect(passes).toBeGreaterThan(0)
    const page = await readFile(join(output, 'concepts.html'), 'utf8')
    expect(page).toContain('The path of concepts')
    expect(page).not.toMatch(/(src|href)="http/)
  })

  test('receptive fields are what a place can see', () => {
    const field = receptiveField(model.graph, model.parameterShapes, result.layer)
    expect(field).toEqual({ size: [8, 8], step: [2, 2], start: [-1, -1] })
    expect(windowOf(field, [0, 1], [8, 8])).toEqual({ top: 0, left: 1, height: 7, width: 7 })
    expect(windowOf(receptiveField(model.graph, model.parameterShapes, model.graph.output), [0, 0], [8, 8])).toEqual({
      top: 0,
      left: 0,
      height: 8,
      width: 8
    })
  })

  test('channels and layers that are not there are refused by name', async () => {
    const input = { data: new Float32Array(64), shape: [1, 1, 8, 8] }
    const refused = (concepts_: Record<string, number[]>): Promise<unknown> =>
      explain(model, input, { concepts: concepts_ })
    await expect(refused({ [result.layer]: [6] })).rejects.toThrow(
      `'${result.layer}' has no channel 6: its channels are 0 to 5`
    )
    await expect(refused({ hihg: [0] })).rejects.toThrow('hihg')
    await expect(explain(model, input, { start: 'activation' })).rejects.toThrow('only if a concept names its layer')
  })
})

test('--concept names channels by layer', () => {
  const read = explainOptions.shape.concepts.meta()!.read!
  expect(read(['layer3.2.conv2:22,54'])).toEqual({ 'layer3.2.conv2': [22, 54] })
  expect(read(['3:0', '4:2', '3:1'])).toEqual({ 3: [0, 1], 4: [2] })
  expect(() => read(['3'])).toThrow('LAYER:CHANNEL')
  expect(() => read(['3:a'])).toThrow('LAYER:CHANNEL')
})
