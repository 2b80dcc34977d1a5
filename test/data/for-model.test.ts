import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import type { Dataset } from '../../src/data/dataset.js'
import { fitTo, openFor } from '../../src/data/for-model.js'
import { testClassifier as score } from '../../src/scores/test-classifier.js'
import { GraphBuilder, initialise } from '../../src/model/builder.js'
import { Model } from '../../src/model/model.js'
import { plainPreprocessing } from '../../src/model/preprocessing.js'

/** Tells one-pixel images apart: dark, middle, light. */
async function threshold(classes?: string[]): Promise<Model> {
  const b = new GraphBuilder([1, 1, 1])
  const head = b.linear('head', b.add('flat', 'flatten', ['input'], { start_dim: 1 }), 3)
  const parts = await initialise(b.finish('threshold', head), 0)
  const floats = (values: number[], shape: number[]) =>
    ({ dtype: 'f32', shape, data: new Uint8Array(Float32Array.from(values).buffer) }) as const
  parts.tensors.set('head.weight', floats([-10, 0, 10], [3, 1]))
  parts.tensors.set('head.bias', floats([4, 2, -6], [3]))
  return Model.create({ ...parts, classes, preprocessing: plainPreprocessing([1, 1, 1]) })
}

function dataset(classes: string[], labels: number[], pixels: number[]): Dataset {
  const none = { images: new Uint8Array(0), labels: new Int32Array(0) }
  const test = { images: Uint8Array.from(pixels), labels: Int32Array.from(labels) }
  return { name: 'pixels', classes, imageShape: [1, 1, 1], splits: { train: none, valid: none, test }, skipped: [] }
}

test('a data set that a program made must hold together', async () => {
  const split = (...labels: number[]) => ({
    images: new Uint8Array(4 * labels.length),
    labels: Int32Array.from(labels)
  })
  const splits = { train: split(0, 1), valid: split(), test: split(0, 5) }
  const data: Dataset = { name: 'own', classes: ['a', 'b'], imageShape: [1, 2, 2], splits, skipped: [] }
  const open = (one: Dataset) => openFor({} as Model, { data: one }, ['test'])
  await expect(open(data)).rejects.toThrow('data set own: the test split has the label 5, but the classes are 0 to 1')
  const short = { ...split(0, 1), images: new Uint8Array(4) }
  await expect(open({ ...data, splits: { ...splits, test: short } })).rejects.toThrow(
    'data set own: the test split has 1 image, but 2 labels'
  )
})

describe('classes of a data set and of a model', () => {
  let named: Model
  let unnamed: Model
  beforeAll(async () => {
    named = await threshold(['dark', 'middle', 'light'])
    unnamed = await threshold()
  })
  afterAll(() => {
    named.dispose()
    unnamed.dispose()
  })

  test('are the same by name: some of them, in any order', async () => {
    const data = dataset(['light', 'dark'], [0, 0, 1], [255, 250, 3])
    const { metrics, labels } = await score(named, { data })
    expect([...labels]).toEqual([2, 2, 0])
    expect(metrics.accuracy).toBe(1)
    expect(metrics.macroF1).toBe(1) // over the classes that occur
    expect(metrics.perClass.map(({ name, images }) => [name, images])).toEqual([
      ['dark', 1],
      ['middle', 0],
      ['light', 2]
    ])
  })

  test('are the same by number where one side has numbers only', async () => {
    const numbered = dataset(['0', '1', '2'], [2, 0], [255, 0])
    expect((await score(named, { data: numbered })).metrics.accuracy).toBe(1)
    expect((await fitTo(named, numbered, 'test')).classes).toEqual(['dark', 'middle', 'light'])
    const short = dataset(['dark', 'middle'], [0], [0])
    expect((await score(await threshold(['0', '1', '2']), { data: short })).metrics.accuracy).toBe(1)
    expect((await fitTo(unnamed, short, 'test')).classes).toEqual(['dark', 'middle', '2'])
  })

  test('that the model does not know are named', async () => {
    await expect(score(named, { data: dataset(['cat', 'dark'], [0], [0]) })).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
      message:
        "pixels has the class 'cat', but the model has dark, middle, light: use finetune to train a new last layer"
    })
    await expect(fitTo(unnamed, dataset(['a', 'b', 'c', 'd'], [3], [0]), 'test')).rejects.toMatchObject({
      message: 'pixels has 4 classes, but the model has 3 classes: use finetune to train a new last layer'
    })
  })

  test('are all among a few images of a split that is sorted by them; of others the first are taken', async () => {
    const of = async (labels: number[]): Promise<number[]> => {
      const data = dataset(['dark', 'middle', 'light'], labels, labels.map((_, i) => i)) // prettier-ignore
      return [...(await fitTo(named, data, 'test', 3)).splits.test.images]
    }
    expect(await of([0, 0, 0, 1, 1, 2, 2])).toEqual([0, 2, 4])
    expect(await of([0, 1, 0, 1, 1, 2, 2])).toEqual([0, 1, 2])
  })
})
