import { describe, expect, test } from '@jest/globals'
import { drawAttention } from '../../src/explain/attention.js'
import { drawComparison } from '../../src/explain/compare.js'
import { explain, type Explanation } from '../../src/explain/explain.js'
import { drawFigures, drawLayers, drawMaps } from '../../src/explain/figures.js'
import type { DrawOptions } from '../../src/explain/file-options.js'
import { explanationHtml } from '../../src/explain/html.js'
import { namedMethod } from '../../src/explain/named-method.js'
import type { ExplainSummary } from '../../src/explain/summary.js'
import { explainedText } from '../../src/explain/targets/describe.js'
import { initialise } from '../../src/model/builder.js'
import { buildLayers } from '../../src/model/layers.js'
import { Model } from '../../src/model/model.js'
import { colourMap } from '../../src/plot/colour-maps.js'

/** What a comparison says of its colours. */
const SCALE =
  /^Each map is divided by its total \|relevance\|, .* strongest colours mark pixels with at least [\d.]+ % of this total/

const NAMES = ['cat', 'dog', 'frog']

/** What drawing needs of a model: 1x2x2 images, values from 0 to 1. */
const model = {
  className: (index: number) => NAMES[index],
  classes: NAMES,
  outputNoun: 'class',
  inputKind: 'image',
  graph: { inputShape: [null, 1, 2, 2], nodes: [{ name: 'fc', op: 'linear' }] },
  preprocessing: { channels: 1, channelOrder: 'rgb', scale: 1, mean: [0], std: [1] }
} as unknown as Model

const batch = {
  input: { data: Float32Array.of(0, 1, 0, 1, 1, 0, 1, 0), shape: [2, 1, 2, 2] },
  names: ['a', 'b'],
  labels: Int32Array.of(0, 2)
}

/** Relevance of two images for one or several targets, one map each. */
function explanation(targets: number[], relevance: number[]): Explanation {
  const layer = { data: Float32Array.of(1, 2, 3, 4, 5, 6), shape: [2, 3] }
  const several = targets.length > 2
  return {
    name: 'epsilon',
    kind: 'logit',
    targets: Int32Array.from(targets),
    relevance: { data: Float32Array.from(relevance), shape: [...(several ? [targets.length / 2] : []), 2, 1, 2, 2] },
    logits: { data: Float32Array.of(2, 0, 0, 0, 3, 0), shape: [2, 3] },
    scores: new Float64Array(targets.length),
    inputs: {},
    layers: { fc: several ? { data: layer.data, shape: [1, ...layer.shape] } : layer }
  } as unknown as Explanation
}

const one = explanation([0, 1], [4, 0, 0, -4, 1, 0, 0, 1])
const two = explanation([0, 0, 1, 1], [1, 0, 0, 0, 1, 0, 0, 0, -1, 0, 0, 0, -1, 0, 0, 0])
const together = { ...two, relevance: one.relevance, layers: one.layers }
const red = (figure: { picture: { data: Uint8Array } }, pixel = 0): number => figure.picture.data[pixel * 3]!

describe('figures of explanations', () => {
  test('say what a class is compared with', async () => {
    const compared = { ...one, against: Int32Array.of(2, 0) }
    const [a, b] = await drawFigures(model, batch, compared, {})
    expect(a!.captions[1]).toBe('explained cat against frog: sum of relevance 0.000')
    expect(b!.captions[1]).toBe('explained dog against cat: sum of relevance 2.000')
  })

  test('say what is explained besides a class', async () => {
    const unnamed = Object.create(model, { classes: { value: undefined } }) as Model
    const inBox = { ...one, kind: 'box' as const, boxes: Int32Array.of(7, 3) }
    expect(explainedText(unnamed, inBox, 0)).toBe('class cat in box 7')
    const similar = { ...one, kind: 'similarity' as const }
    expect(explainedText(model, similar, 0, { reference: 'photos/a.png' })).toBe('the similarity to a.png')
    expect(explainedText(model, one, 1, { start: 'softmax-gradient' })).toBe('dog, starting from softmax-gradient')
    const data = new Uint8Array(4096).fill(1, 0, 1).fill(0, 1)
    const regions = { data, shape: [1, 1, 64, 64] }
    expect(explainedText(model, { ...one, kind: 'region' as const, regions }, 0)).toBe('cat at 1 position')
    data.fill(1, 0, 4)
    expect(explainedText(model, { ...one, kind: 'region' as const, regions }, 0)).toBe(
      'cat in 0.098 % of the positions'
    )
  })

  test('a map of zeros is called that, and has no colour bar', async () => {
    const zero = explanation([0, 1], [0, 0, 0, 0, 1, 0, 0, 1])
    const [a, b] = await drawFigures(model, batch, zero, {})
    expect(a!.captions[2]).toBe('the relevance is 0 everywhere')
    expect([a!.options.legend, b!.options.legend === undefined]).toEqual([undefined, false])
    expect(b!.captions).toHaveLength(2)
  })

  test('name all labels that are predicted', async () => {
    const logits = { data: Float32Array.of(1, -1, 2, -3, -0.5, -1), shape: [2, 3] }
    const independent = Object.create(model, { multilabel: { value: true } }) as Model
    const [a, b] = await drawFigures(independent, { ...batch, labels: undefined }, { ...one, logits }, {})
    expect(a!.captions[0]).toBe('predicted frog (88.1 %), cat (73.1 %)')
    expect(b!.captions[0]).toBe('predicted no label')
  })

  test('show the original beside the map, and say what was predicted and explained', async () => {
    const [a, b] = await drawFigures(model, batch, one, {})
    expect(a!.panels.map(({ title }) => title)).toEqual(['original', 'epsilon'])
    expect(a!.captions).toEqual(['predicted cat (78.7 %), true class cat', 'explained cat: sum of relevance 0.000'])
    expect(b!.captions).toEqual(['predicted dog (90.9 %), true class frog', 'explained dog: sum of relevance 2.000'])
    expect([red(a!.panels[0]!, 0), red(a!.panels[0]!, 1)]).toEqual([0, 255])
  })

  test('of a method without negative values have the colours of their own range, and say so', async () => {
    const near = [0.99, 1, 0.98, 0.97, 2, 2.01, 2.02, 2.03]
    const rollout = { ...explanation([0, 1], near), name: 'attention-rollout' }
    const first = async (given: Explanation, heatmap?: object) =>
      (await drawFigures(model, batch, given, { heatmap }))[0]!
    const ends = (figure: { picture: { data: Uint8Array } }): number[][] =>
      [3, 1].map((pixel) => [...figure.picture.data.subarray(3 * pixel, 3 * pixel + 3)])
    const shown = await first(rollout)
    expect(ends(shown.panels[1]!)).toEqual([0, 1].map((value) => [...colourMap('viridis')(value)]))
    expect(shown.captions.at(-1)).toMatch(/^no negative values: the colours range from the lowest value/)
    for (const other of [
      await first(rollout, { colourMap: 'red-blue' }),
      await first(explanation([0, 1], near)),
      await first({ ...one, name: 'attention-rollout' })
    ]) {
      expect(ends(other.panels[1]!)).not.toEqual(ends(shown.panels[1]!))
      expect(other.captions).toHaveLength(2)
    }
  })

  test('of attention name image and class, and end with the colours of the heads', () => {
    const wave = (shape: number[]) => ({ data: Float32Array.of(1, -2, 3, 4, 1, 1, 1, 1), shape })
    const attention = [{ node: 'a', tokens: wave([2, 4]), heads: wave([2, 4]), headTokens: wave([2, 1, 4]) }]
    const [, b] = drawAttention(model, [1, 2, 2], ['a', 'b'], { ...one, attention }, {})
    expect(b!.captions[0]).toMatch(/^b, class dog\. epsilon: relevance of the tokens/)
    expect(b!.panels.map(({ title }) => title)).toEqual(['block 1', 'head 1', 'heads: -1.0 to 1.0'])
  })

  test('several targets are one map each, in their order', async () => {
    const [, b] = await drawMaps(model, batch, two, { heatmap: { colourMap: 'bwr' } })
    expect(b!.map(({ title }) => title)).toEqual([
      'original',
      'epsilon, class cat, sum 1.000',
      'epsilon, class dog, sum -1.000'
    ])
    expect(b!.slice(1).map((panel) => [...panel.picture.data.subarray(0, 3)])).toEqual([
      [255, 0, 0],
      [0, 0, 255]
    ])
  })

  test('several views are named above their pictures', async () => {
    const [a] = await drawMaps(model, batch, { ...two, name: 'epsilon' }, { views: ['heatmap', 'contours'] })
    expect(a!.slice(1, 3).map(({ title }) => title)).toEqual([
      expect.stringMatching(/^epsilon, class cat, heatmap, sum /),
      'epsilon, class cat, contours around half of the relevance'
    ])
  })

  test('several targets are counted in the caption, as each has its own sum', async () => {
    expect((await drawFigures(model, batch, two, {}))[1]!.captions[1]).toBe('2 classes explained')
    expect((await drawFigures(model, batch, together, {}))[1]!.captions[1]).toBe(
      'explained 2 classes together: sum of relevance 2.000'
    )
  })

  test('figures of the first target alone say which it is', async () => {
    const said = async (explanation: Explanation): Promise<(string | undefined)[]> => [
      (await drawFigures(model, batch, explanation, { wide: true })).at(-1)!.captions[0],
      drawLayers(model, batch.names, explanation, {})[1]!.captions[1]
    ]
    expect(await said(one)).toEqual([undefined, undefined])
    expect(await said(two)).toEqual(Array(2).fill('shown: class cat, the first of 2 explained'))
    expect(await said(together)).toEqual(Array(2).fill('2 classes explained together'))
  })

  test('a regression has outputs', async () => {
    const regression = { ...model, task: 'regression', outputNoun: 'output' } as Model
    const [a] = await drawFigures(regression, batch, two, { views: ['contours'] })
    expect(a!.panels[1]!.title).toBe('epsilon, output cat, contours around half of the relevance')
    expect(a!.captions[1]).toBe('2 outputs explained')
  })

  test('have a colour bar with the ends of the scale', async () => {
    const ends = async (given: Explanation, options: DrawOptions = {}): Promise<(string | undefined)[]> =>
      (await drawFigures(model, batch, given, options)).map(
        ({ options: { legend } }) => legend && `${legend.from} | ${legend.to}`
      )
    const [a, b] = ['relevance of a pixel: -4.00 | 4.00', 'relevance of a pixel: -1.00 | 1.00']
    expect(await ends(one)).toEqual([a, b])
    expect(await ends(one, { heatmap: { scale: 'batch' } })).toEqual([`${a}, in all maps`, `${a}, in all maps`])
    expect(await ends(two)).toEqual(Array(2).fill('relevance of a pixel: -largest | largest of each map'))
    expect(await ends(one, { views: ['contours'] })).toEqual([undefined, undefined])
    const small = explanation([0, 1], [4e-5, 3e-5, 2e-5, 1e-5, 1, 2, 3, 4])
    expect(await ends({ ...small, name: 'chefer' })).toEqual([
      'relevance of a pixel: 1.00e-5 | 4.00e-5',
      'relevance of a pixel: 1.00 | 4.00'
    ])
  })

  test('the views of a class stand in one row', async () => {
    const many = explanation(
      [0, 0, 1, 1, 2, 2],
      Array.from({ length: 24 }, (_, i) => i)
    )
    const grid = async (views: ('heatmap' | 'overlay' | 'contours')[]): Promise<object> => {
      const { legend: _, ...options } = (await drawFigures(model, batch, many, { views }))[0]!.options
      return options
    }
    expect(await grid(['heatmap'])).toEqual({ columns: 4 })
    expect(await grid(['heatmap', 'overlay'])).toEqual({ columns: 5, aside: true })
    expect(await grid(['heatmap', 'overlay', 'contours'])).toEqual({ columns: 4, aside: true })
  })

  test('one scale for the batch makes the weaker image paler', async () => {
    const paleness = async (scale: 'image' | 'batch' | number): Promise<number> => {
      const [, b] = await drawMaps(model, batch, one, { heatmap: { colourMap: 'bwr', scale } })
      return b![1]!.picture.data[1]!
    }
    expect([await paleness('image'), await paleness('batch'), await paleness(2)]).toEqual([0, 191, 128])
  })

  test('every view is a panel', async () => {
    const [a] = await drawMaps(model, batch, one, { views: ['heatmap', 'overlay', 'contours'] })
    expect(a).toHaveLength(4)
    expect(a![3]!.outlines).toHaveLength(2)
  })

  test('one wide picture holds all images above their maps', async () => {
    const figures = await drawFigures(model, batch, one, { wide: true })
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

  test('inputs of an unknown shape have no figures, and what is no image no wide picture', async () => {
    const other = { ...model, inputKind: 'array' } as Model
    expect(await drawFigures(other, batch, one, {})).toEqual([])
    await expect(drawFigures(other, batch, one, { wide: true })).rejects.toThrow(/wide.*works only with images/)
  })
})

describe('a comparison', () => {
  const architecture = buildLayers([{ type: 'flatten' }, { type: 'linear', features: 'classes' }], {
    imageShape: [1, 2, 2],
    classes: 3
  })
  const compared = async (options: object): Promise<{ titles: string[]; pixels: number[][]; captions: string[] }> => {
    using real = await Model.create(await initialise(architecture, 1))
    const all = { rule: 'epsilon', ...options }
    const explanation = await explain(real, batch.input, all)
    const [grid] = await drawComparison(real, batch, explanation, ['epsilon', 'gradient'], all)
    const { panels, captions } = grid!
    return {
      titles: panels.slice(0, 4).map(({ title }) => String(title)),
      pixels: panels.map(({ picture }) => [...picture.data]),
      captions
    }
  }

  test('of several targets shows the first, and says so', async () => {
    const { titles, captions, pixels } = await compared({ target: [1, 2] })
    expect(titles).toEqual(['class 1', 'epsilon', 'epsilon', 'gradient'])
    expect(captions).toEqual(['shown: class 1, the first of 2 explained', expect.stringMatching(SCALE)])
    const alone = await compared({ target: 1 })
    expect(alone.captions).toEqual([expect.stringMatching(SCALE)])
    expect(pixels).toEqual(alone.pixels)
  })

  test('has one colour scale for all maps, and shows it', async () => {
    const { pixels } = await compared({ target: 1 })
    const bar = pixels.at(-1)!
    expect([bar.slice(0, 3), bar.slice(150, 153), bar.slice(300, 303)]).toEqual([
      [...colourMap('red-blue')(-1)],
      [...colourMap('red-blue')(0)],
      [...colourMap('red-blue')(1)]
    ])
    const strongest = pixels.flatMap((one, i) => (i % 4 === 0 ? [] : [one])).slice(0, 6)
    const isFull = (one: number[]): boolean =>
      [-1, 1].some((end) =>
        one.some((_, i) => i % 3 === 0 && one.slice(i, i + 3).join() === colourMap('red-blue')(end).join())
      )
    expect(strongest.some(isFull)).toBe(true)
    expect(strongest.every(isFull)).toBe(false)
  })

  test('of targets that start together has them together wherever it can', async () => {
    const { titles, captions, pixels } = await compared({ target: [1, 2], together: true })
    expect(titles).toEqual(['original', 'epsilon', 'epsilon', 'gradient, class 1'])
    expect(captions).toEqual(['2 classes explained together', expect.stringMatching(SCALE)])
    expect(pixels[2]).toEqual(pixels[1])
    expect(pixels[1]).not.toEqual((await compared({ target: 1 })).pixels[1])
  })
})

test('numbers of a column of the page are written alike', async () => {
  const layer = (sum: number, absorbedByStabiliser: number): object => ({
    sum,
    propagated: sum,
    absorbedByBias: 0,
    absorbedByStabiliser
  })
  const layers = { a: layer(1.5, -0.00000139), b: layer(20.25, -7.95e-7), c: layer(0.001, 0.5) }
  const summary = { method: 'epsilon', images: [], warnings: [], rules: { a: 'epsilon' }, layers }
  const page = await explanationHtml(summary as unknown as ExplainSummary, [], 'image', '')
  const cells = [...page.matchAll(/<td[^>]*>(.*?)<\/td>/g)].map(([, cell]) => cell!)
  const column = (index: number): string[] => cells.filter((_, i) => i % 5 === index)
  expect(column(1)).toEqual(['1.500', '20.25', '0.001000'])
  expect(column(3)).toEqual(['0', '0', '0'])
  expect(column(4)).toEqual(['-1.39e-6', '-7.95e-7', '5.00e-1'])
})

test('one word names a rule, a composite or a method', () => {
  expect(namedMethod('alpha2beta1')).toEqual({ rule: 'alpha2beta1' })
  expect(namedMethod('epsilon-plus')).toEqual({ composite: 'epsilon-plus' })
  expect(namedMethod('gradient')).toEqual({ method: 'gradient' })
  expect(() => namedMethod('epsilom')).toThrow("did you mean 'epsilon'?")
  expect(() => namedMethod('lrp')).toThrow('there is no rule, composite or method')
})
