import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, expect, jest, test } from '@jest/globals'
import type { Dataset } from '../../src/data/dataset.js'
import { Model } from '../../src/model/model.js'
import type { ModelParts } from '../../src/core/graph.js'
import type { Panel } from '../../src/plot/figure.js'
import { plainPreprocessing } from '../../src/model/preprocessing.js'
import { node, weight } from '../models.js'

/** What the drawing code was given: a title and the first pixel of every panel, and the captions. */
let drawn: { panels: [title: string | string[], pixel: number][]; captions: string[] }[] = []
jest.mock('../../src/plot/figure.js', () => ({
  figure: (panels: Panel[], captions: string[]) => {
    drawn.push({ panels: panels.map(({ title, picture }) => [title, picture.data[0]!]), captions })
    return Promise.resolve(Buffer.from('png'))
  }
}))

// imported after the mock is there
const classifier = import('../../src/scores/test-classifier.js')
const multilabel = import('../../src/scores/test-multilabel.js')
const regression = import('../../src/scores/test-regression.js')

const output = mkdtempSync(join(tmpdir(), 'lrp-worst-'))
const models = new Map<string, Model>()
beforeAll(async () => {
  const make = (name: string, weights: number[], more: Partial<ModelParts> = {}): Promise<void> =>
    Model.create({
      name,
      graph: {
        inputShape: [null, 1, 1, 1],
        nodes: [node('flat', 'flatten', ['input']), node('fc', 'linear', ['flat'], {}, { weight: 'w' })],
        output: 'fc'
      },
      tensors: new Map([['w', weight([weights.length, 1], weights)]]),
      ...more
    }).then((model) => void models.set(name, model))
  await make('classes', [0, 0, 0])
  await make('binary', [0])
  await make('labels', [0, 0, 0], { multilabel: true })
  await make('values', [25.5, 12.75], { task: 'regression', preprocessing: plainPreprocessing([1, 1, 1]) }) // i and i / 2 for the image number i
})
afterAll(() => {
  for (const model of models.values()) model.dispose()
  rmSync(output, { recursive: true, force: true })
})
beforeEach(() => void (drawn = []))

/** A test split whose image number i has the grey value 10 i. */
function dataset(classes: string[], labels: number[], values?: number[]): Dataset {
  const none = { images: new Uint8Array(0), labels: new Int32Array(0) }
  const images = Uint8Array.from(labels, (_, i) => 10 * i)
  const split = { images, labels: Int32Array.from(labels), ...(values && { values: Float32Array.from(values) }) }
  return { name: 'set', classes, imageShape: [1, 1, 1], splits: { train: none, valid: none, test: split }, skipped: [] }
}

/** Outputs of a network on it. */
const outputsOf = (data: Dataset, rows: number[][]) => ({
  dataset: data,
  split: 'test' as const,
  outputs: { data: Float32Array.from(rows.flat()), shape: [rows.length, rows[0]!.length] },
  imagesPerSecond: 1
})

/** The logit of a probability. */
const logit = (p: number): number => Math.log(p / (1 - p))

test('of classes: the true class, the predicted one and its confidence, the surest error first', async () => {
  const rows = [
    [0.7, 0.2, 0.1],
    [0.1, 0.6, 0.3],
    [0.05, 0.9, 0.05],
    [0.3, 0.3, 0.4]
  ].map((row) => row.map(Math.log))
  const data = dataset(['cat', 'dog', 'fish'], [0, 0, 2, 2])
  await (await classifier).scoreClasses(models.get('classes')!, outputsOf(data, rows), { output })
  expect(drawn).toEqual([
    {
      panels: [
        [['fish', 'as dog', '90 %'], 20],
        [['cat', 'as dog', '60 %'], 10]
      ],
      captions: ['The 2 most confident of 2 errors: true class, predicted class, confidence']
    }
  ])
})

test('of a single logit: the classes on both sides of the threshold', async () => {
  const data = dataset(['benign', 'malignant'], [0, 1, 1])
  const rows = [[logit(0.8)], [logit(0.1)], [logit(0.9)]]
  await (await classifier).scoreClasses(models.get('binary')!, outputsOf(data, rows), { output })
  expect(drawn[0]!.panels).toEqual([
    [['malignant', 'as benign', '90 %'], 10],
    [['benign', 'as malignant', '80 %'], 0]
  ])
})

test('of many errors the first twenty, and the caption says of how many', async () => {
  const count = 23
  const data = dataset(['cat', 'dog'], Array<number>(count).fill(0))
  const rows = Array.from({ length: count }, (_, i) => [0, 1 + i])
  await (
    await classifier
  ).scoreClasses(models.get('classes')!, outputsOf({ ...data, classes: ['cat', 'dog'] }, rows), { output })
  const [{ panels, captions }] = drawn as [(typeof drawn)[0]]
  expect([panels.length, panels[0]![1], panels[19]![1]]).toEqual([20, 220, 30])
  expect(captions).toEqual(['The 20 most confident of 23 errors: true class, predicted class, confidence'])
})

test('without errors nothing is drawn', async () => {
  await (
    await classifier
  ).scoreClasses(models.get('classes')!, outputsOf(dataset(['cat', 'dog'], [0]), [[1, 0]]), { output })
  expect(drawn).toEqual([])
})

test('of labels: the true and the predicted ones, the surest wrong label first', async () => {
  // of the first image nothing is wrong; the second has a label too many; the third lacks one; the last has none
  const values = [1, 0, 0, 1, 0, 0, 0, 1, 1, 0, 0, 0]
  const rows = [
    [0.9, 0.1, 0.2],
    [0.9, 0.7, 0.2],
    [0.1, 0.05, 0.6],
    [0.1, 0.2, 0.8]
  ].map((row) => row.map(logit))
  const data = dataset(['cat', 'dog', 'fish'], [0, 0, 0, 0], values)
  await (
    await multilabel
  ).scoreLabels(models.get('labels')!, outputsOf({ ...data, task: 'multilabel' }, rows), { output })
  expect(drawn).toEqual([
    {
      panels: [
        [['dog;fish', 'as fish'], 20],
        [['none', 'as fish'], 30],
        [['cat', 'as cat;dog'], 10]
      ],
      captions: ['The 3 most confident of 3 images with wrong labels: true and predicted labels']
    }
  ])
})

test('of values: the true and the predicted ones, the largest error first', async () => {
  const data: Dataset = { ...dataset(['x', 'y'], [0, 0, 0], [0, 1, 1, 2, 2.5, 2.34567]), task: 'regression' }
  await (await regression).testRegression(models.get('values')!, { data, output })
  expect(drawn).toEqual([
    {
      panels: [
        [['1, 2', 'as 1, 0.5'], 10],
        [['2.5, 2.35', 'as 2, 1'], 20],
        [['0, 1', 'as 0, 0'], 0]
      ],
      captions: ['The largest errors, 3 of 3: true value, predicted value']
    }
  ])
})
