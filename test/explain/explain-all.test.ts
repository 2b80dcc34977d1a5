import { expect, test } from '@jest/globals'
import { openDataset } from '../../src/data/open.js'
import {
  explainAll,
  type ExplainedPart,
  type ImageSource,
  type ExplainAllOptions
} from '../../src/explain/explain-all.js'
import { explain } from '../../src/explain/explain.js'
import { readInputs } from '../../src/explain/inputs.js'
import { buildArchitecture } from '../../src/model/architectures/index.js'
import { initialise } from '../../src/model/builder.js'
import { plainPreprocessing } from '../../src/model/preprocessing.js'
import { Model } from '../../src/model/model.js'
import { sliceBatch } from '../../src/explain/batches.js'
import type { Tensor } from '../../src/core/tensor.js'
import { relativeError } from '../shared.js'

async function network(): Promise<Model> {
  const imageShape = [1, 8, 8]
  const parts = await initialise(buildArchitecture('mlp', { imageShape, classes: 10 }), 4)
  return Model.create({ ...parts, preprocessing: plainPreprocessing(imageShape) })
}

async function partsOf(model: Model, data: ImageSource, options: ExplainAllOptions): Promise<ExplainedPart[]> {
  const parts: ExplainedPart[] = []
  for await (const part of explainAll(model, data, options)) parts.push(part)
  return parts
}

test('parts together are the whole explanation, for data sets and for batches', async () => {
  using model = await network()
  const data = await openDataset({ data: 'digits' })
  const { input, labels } = await readInputs(model, { data, limit: 10 })
  const whole = await explain(model, input, { rule: 'epsilon', targets: labels! })
  const done: [number, number][] = []
  const onProgress = (images: number, total: number): number => done.push([images, total])
  const parts = await partsOf(model, { data, limit: 10 }, { rule: 'epsilon', target: 'label', passSize: 4, onProgress })
  expect(parts.map(({ from, names }) => [from, names.length])).toEqual([
    [0, 4],
    [4, 4],
    [8, 2]
  ])
  expect(parts.flatMap(({ names }) => names)).toEqual(Array.from({ length: 10 }, (_, i) => `0000${i}`))
  expect(parts.flatMap(({ targets }) => [...targets])).toEqual([...labels!])
  const relevance = parts.flatMap((part) => [...part.relevance.data])
  expect(relativeError({ data: Float32Array.from(relevance), shape: [] }, whole.relevance)).toBeLessThan(1e-5)
  expect(done).toEqual([
    [4, 10],
    [8, 10],
    [10, 10]
  ])

  const batches = [sliceBatch(input, 0, 7), sliceBatch(input, 7, 10)]
  const given = await partsOf(model, batches, { rule: 'epsilon', target: 3 })
  expect(given.map(({ from, names }) => [from, names])).toEqual([
    [0, ['0', '1', '2', '3', '4', '5', '6']],
    [7, ['7', '8', '9']]
  ])
  const logits = given.flatMap((part) => [...part.logits.data])
  expect(relativeError({ data: Float32Array.from(logits), shape: [] }, whole.logits)).toBeLessThan(1e-5)
})

test('without a limit the whole split is explained; batches are read only when they are asked for', async () => {
  using model = await network()
  const data = await openDataset({ data: 'digits' })
  let images = 0
  for await (const { names } of explainAll(model, data, { rule: 'zplus' })) images += names.length
  expect(images).toBe(data.splits.test.labels.length)

  const { input } = await readInputs(model, { data, limit: 2 })
  let read = 0
  let closed = false
  async function* endless(): AsyncGenerator<Tensor> {
    try {
      for (;;) {
        read++
        yield Promise.resolve(input)
      }
    } finally {
      closed = true
    }
  }
  for await (const { from } of explainAll(model, endless(), { rule: 'zplus' })) if (from === 4) break
  expect([read, closed]).toEqual([3, true])
})

test('what cannot be done is refused before anything is read', async () => {
  using model = await network()
  const read = (): never => {
    throw new Error('read')
  }
  function* unread(): Generator<Tensor> {
    yield read()
  }
  await expect(partsOf(model, unread(), { steps: 3 })).rejects.toThrow(/steps/)
  await expect(partsOf(model, unread(), { colour: 1 } as object)).rejects.toThrow(/colour/)
  const { input } = await readInputs(model, { data: 'digits', limit: 1 })
  await expect(partsOf(model, [input], { target: 'label' })).rejects.toThrow('needs a data set with labels')
  await expect(partsOf(model, { input: ['no-such.png'] }, {})).rejects.toThrow('does not exist')
})
