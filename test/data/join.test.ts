import { expect, test } from '@jest/globals'
import { joined } from '../../src/data/join.js'
import type { Dataset, Split } from '../../src/data/dataset.js'

function split(first: number, count: number): Split {
  const numbers = Array.from({ length: count }, (_, i) => first + i)
  return {
    images: Uint8Array.from(numbers.flatMap((one) => [one, one])),
    labels: Int32Array.from(numbers),
    values: Float32Array.from(numbers, (one) => one / 2),
    paths: numbers.map((one) => `${one}.png`)
  }
}

const dataset: Dataset = {
  name: 'numbers',
  classes: ['value'],
  imageShape: [1, 1, 2],
  splits: { train: split(0, 3), valid: split(3, 1), test: split(4, 2) },
  skipped: []
}

test('joined splits are in order, each image with its label, values and path', () => {
  const { splits } = joined(dataset)
  expect(splits.test).toEqual(split(0, 6))
  expect([splits.train.labels.length, splits.valid.labels.length]).toEqual([0, 0])
})

test('a split without images takes nothing away, and images without files get names', () => {
  const none = { images: new Uint8Array(0), labels: new Int32Array(0) }
  const one = joined({ ...dataset, splits: { train: none, valid: none, test: split(4, 2) } })
  expect(one.splits.test).toEqual(split(4, 2))
  const { images, labels } = split(0, 3)
  const unnamed = joined({ ...dataset, splits: { train: { images, labels }, valid: none, test: none } })
  const names = ['train/00000', 'train/00001', 'train/00002']
  expect(unnamed.splits.test).toEqual({ images, labels, names })
})
