import { describe, expect, test } from '@jest/globals'
import { drawFigures, drawLayers, drawMaps } from '../../src/explain/figures.js'
import { namedMethod } from '../../src/explain/named-method.js'
import type { Explanation } from '../../src/explain/explain.js'
import type { Model } from '../../src/model/model.js'

const NAMES = ['cat', 'dog', 'frog']

/** What drawing needs of a model: 1x2x2 images, values from 0 to 1. */
const model = {
  className: (index: number) => NAMES[index],
  graph: { inputShape: [null, 1, 2, 2], nodes: [{ name: 'fc', op: 'linear' }] },
  preprocessing: { channels: 1, channelOrder: 'rgb', scale: 1, mean: [0], std: [1] }
} as unknown as Model

const batch = {
  input: { data: Float32Array.of(0, 1, 0, 1, 1, 0, 1, 0), shape: [2, 1, 2, 2] },
  names: ['a', 'b'],
  labels: Int32Array.of(0, 2)
}

/** Relevance of two images for one or several targets. */
function explanation(targets: number[], relevance: number[]): Explanation {
  const layer = { data: Float32Array.of(1, 2, 3, 4, 5, 6), shape: [2, 3] }
  return {
    name: 'epsilon',
    targets: Int32Array.from(targets),
    relevance: { data: Float32Array.from(relevance), shape: [targets.length, 1, 2, 2] },
    logits: { data: Float32Array.of(2, 0, 0, 0, 3, 0), shape: [2, 3] },
    layers: { fc: layer }
  } as unknown as Explanation
}

const one = explanation([0, 1], [4, 0, 0, -4, 1, 0, 0, 1])
const red = (figure: { picture: { data: Uint8Array } }, pixel = 0): number => figure.picture.data[pixel * 3]!

describe('figures of explanations', () => {
  test('show the original beside the map, and say what was predicted and explained', () => {
    const [a, b] = drawFigures(model, batch, one, {})
    expect(a!.panels.map(({ title }) => title)).toEqual(['original', 'epsilon'])
    expect(a!.captions).toEqual(['predicted cat (78.7 %), true class cat', 'explained cat: sum of relevance 0.000'])
    expect(b!.captions).toEqual(['predicted dog (90.9 %), true class frog', 'explained dog: sum of relevance 2.000'])
    expect([red(a!.panels[0]!, 0), red(a!.panels[0]!, 1)]).toEqual([0, 255])
  })

  test('several targets are one map each, in their order', () => {
    const two = explanation([0, 0, 1, 1], [1, 0, 0, 0, 1, 0, 0, 0, -1, 0, 0, 0, -1, 0, 0, 0])
    const [, b] = drawMaps(model, batch, two, { heatmap: { colourMap: 'bwr' } })
    expect(b!.map(({ title }) => title)).toEqual(['original', 'epsilon: cat', 'epsilon: dog'])
    expect(b!.slice(1).map((panel) => [...panel.picture.data.subarray(0, 3)])).toEqual([
      [255, 0, 0],
      [0, 0, 255]
    ])
  })

  test('one scale for the batch makes the weaker image paler', () => {
    const paleness = (scale: 'image' | 'batch' | number): number => {
      const [, b] = drawMaps(model, batch, one, { heatmap: { colourMap: 'bwr', scale } })
      return b![1]!.picture.data[1]!
    }
    expect([paleness('image'), paleness('batch'), paleness(2)]).toEqual([0, 191, 128])
  })

  test('every view is a panel', () => {
    const [a] = drawMaps(model, batch, one, { views: ['heatmap', 'overlay', 'contours'] })
    expect(a).toHaveLength(4)
    expect(a![3]!.outlines).toHaveLength(2)
  })

  test('one wide picture holds all images above their maps', () => {
    const figures = drawFigures(model, batch, one, { wide: true })
    const wide = figures.at(-1)!
    expect([figures.length, wide.name]).toEqual([3, 'wide'])
    expect(wide.panels.map(({ picture }) => [picture.width, picture.height])).toEqual([
      [4, 2],
      [4, 2]
    ])
  })

  test('layers of units become grids', () => {
    const [a, b] = drawLayers(model, batch.names, one, {})
    expect([a!.name, b!.name]).toEqual(['a.layers', 'b.layers'])
    expect(a!.panels[0]!.title).toBe('fc linear')
    expect([b!.panels[0]!.picture.width, b!.panels[0]!.picture.height]).toEqual([2, 2])
  })

  test('inputs that are no images have no figures', () => {
    const flat = { ...batch, input: { data: batch.input.data, shape: [2, 4] } }
    expect(drawFigures(model, flat, one, { wide: true })).toEqual([])
  })
})

test('one word names a rule, a composite or a method', () => {
  expect(namedMethod('alpha2beta1')).toEqual({ rule: 'alpha2beta1' })
  expect(namedMethod('epsilon-plus')).toEqual({ composite: 'epsilon-plus' })
  expect(namedMethod('gradient')).toEqual({ method: 'gradient' })
  expect(() => namedMethod('epsilom')).toThrow("did you mean 'epsilon'?")
  expect(() => namedMethod('lrp')).toThrow('there is no rule, composite or method')
})
