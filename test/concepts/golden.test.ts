import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { readSafetensors } from '../../src/model/import/safetensors.js'
import { normedChannels, ReferenceSamples } from '../../src/concepts/reference-samples.js'
import type { StateDict, Tensor } from '../../src/core/tensor.js'
import { explain, type Explanation } from '../../src/explain/explain.js'
import type { ExplainOptions } from '../../src/explain/options.js'
import { Model } from '../../src/model/model.js'
import { describeShared, floats, goldenModel, readJson, relativeError, shared, values } from '../shared.js'

interface Conditions {
  composite: string
  layers: string[]
  conditions: { key: string; layers: Record<string, number[]>; class: number | 'argmax'; other_paths: boolean }[]
}

describeShared('concepts of the reference values', () => {
  describe.each(['lenet', 'vgg_tiny_bn', 'resnet_tiny'])('%s', (name) => {
    const folder = shared('golden', 'concepts', name)
    let model: Model
    let tensors: StateDict
    let input: Tensor
    let conditions: Conditions
    let composite: ExplainOptions
    let whole: Explanation
    const wanted = (key: string): Tensor => floats(tensors.get(key)!)

    beforeAll(async () => {
      conditions = readJson<Conditions>(`${folder}/conditions.json`)
      const { graph, weights } = await goldenModel(shared('golden', 'models', name))
      tensors = await readSafetensors(`${folder}/tensors.safetensors`)
      model = await Model.create({ name, graph, tensors: weights })
      input = wanted('input')
      composite = { composite: conditions.composite }
      whole = await explain(model, input, {
        ...composite,
        layers: conditions.layers,
        channelLayers: conditions.layers
      })
    })
    afterAll(() => model.dispose())

    test('maps under conditions, and relevance arriving at the other layers', async () => {
      const errors: Record<string, number> = { heatmap: relativeError(whole.relevance, wanted('heatmap')) }
      for (const { key, layers, class: target, other_paths } of conditions.conditions) {
        const result = await explain(model, input, {
          ...composite,
          target,
          concepts: layers,
          exclusive: !other_paths,
          layers: conditions.layers
        })
        errors[key] = relativeError(result.relevance, wanted(`heatmap.${key}`))
        for (const layer of conditions.layers.filter((one) => !(one in layers))) {
          const stored = `relevance.${key}.${layer}`
          if (tensors.has(stored)) errors[stored] = relativeError(result.layers[layer]!, wanted(stored))
        }
      }
      expect(Object.entries(errors).filter(([, error]) => !(error < 1e-4))).toEqual([])
      expect(Object.keys(errors).length).toBeGreaterThan(conditions.conditions.length)
    })

    test('relevance starts as the activation of one channel', async () => {
      const keys = [...tensors.keys()].filter((key) => key.startsWith('activation-start.'))
      expect(keys).toHaveLength(2)
      for (const key of keys) {
        const [, layer, channel] = /^activation-start\.(.+)\.(\d+)$/.exec(key)!
        const result = await explain(model, input, {
          ...composite,
          start: 'activation',
          concepts: { [layer!]: [Number(channel)] }
        })
        expect(relativeError(result.relevance, wanted(key))).toBeLessThan(1e-4)
      }
    })

    test('relevance of channels', () => {
      for (const layer of conditions.layers) {
        const { sum } = whole.channels[layer]!.relevance
        expect(relativeError(sum, wanted(`channels.${layer}`))).toBeLessThan(1e-4)
        expect(relativeError(normedChannels(sum), wanted(`channels-normed.${layer}`))).toBeLessThan(1e-4)
        expect(relativeError(whole.layers[layer]!, wanted(`relevance.${layer}`))).toBeLessThan(1e-4)
      }
    })

    test('reference samples by relevance and activation, sum and maximum', () => {
      const images = Array.from({ length: input.shape[0]! }, (_, i) => i)
      let ties = 0
      let compared = 0
      for (const layer of conditions.layers) {
        for (const [kind, measured] of [
          ['relmax', whole.channels[layer]!.relevance],
          ['actmax', whole.channels[layer]!.activation]
        ] as const) {
          for (const measure of ['sum', 'max'] as const) {
            for (const normed of [false, true]) {
              const found = new ReferenceSamples({ measure, normed, count: images.length })
              found.add(measured, images)
              const key = `${kind}-${measure}${normed ? '-normed' : ''}.${layer}`
              const [samples, ranked, places] = ['samples', 'values', 'place'].map((one) => wanted(`${key}.${one}`))
              const channels = ranked!.shape[1]!
              const largest = Math.max(...Array.from(ranked!.data, Math.abs))
              for (let c = 0; c < channels; c++) {
                const at = (tensor: Tensor, rank: number): number => tensor.data[rank * channels + c]!
                const value = (rank: number): number => (rank < images.length && rank >= 0 ? at(ranked!, rank) : NaN)
                found.best[c]!.forEach((sample, rank) => {
                  expect(Math.abs(sample.value - value(rank))).toBeLessThan(1e-4 * largest)
                  const gap = Math.min(...[rank - 1, rank + 1].map((near) => Math.abs(value(near) - value(rank)) || 0))
                  compared++
                  if (gap < 1e-5 * largest) ties++
                  else {
                    expect(sample.image).toBe(at(samples!, rank))
                    expect(sample.place).toBe(at(places!, rank))
                  }
                })
              }
            }
          }
        }
      }
      expect(compared).toBeGreaterThan(2 * ties)
    })

    test('the maps of all channels of a layer add up to the whole map', async () => {
      const layer = conditions.layers.at(-1)!
      const channels = whole.channels[layer]!.relevance.sum.shape[1]!
      const total = new Float64Array(input.data.length)
      for (let c = 0; c < channels; c++) {
        const { relevance } = await explain(model, input, { ...composite, concepts: { [layer]: [c] }, exclusive: true })
        relevance.data.forEach((value, i) => (total[i]! += value))
      }
      const all = await explain(model, input, {
        ...composite,
        concepts: { [layer]: Array.from({ length: channels }, (_, c) => c) },
        exclusive: true
      })
      const sum = { data: Float32Array.from(total), shape: input.shape }
      expect(relativeError(sum, all.relevance)).toBeLessThan(1e-4)
      if (name !== 'resnet_tiny') expect(relativeError(sum, whole.relevance)).toBeLessThan(1e-4)
      else expect(relativeError(sum, whole.relevance)).toBeGreaterThan(1e-2)
    })

    test('channels add up to the layer, whatever the batches', async () => {
      const small = await explain(model, input, { ...composite, channelLayers: conditions.layers, batchSize: 3 })
      for (const layer of conditions.layers) {
        const { sum } = whole.channels[layer]!.relevance
        const total = Array.from(values(whole.layers[layer]!)).reduce((a, b) => a + b, 0)
        const scale = Math.max(...Array.from(sum.data, Math.abs))
        expect(Math.abs(sum.data.reduce((a, b) => a + b, 0) - total)).toBeLessThan(1e-3 * scale)
        expect(relativeError(small.channels[layer]!.relevance.sum, sum)).toBeLessThan(1e-4)
      }
    })
  })
})
