import { describe, expect, test } from '@jest/globals'
import sharp from 'sharp'
import type { Dataset } from '../../src/data/dataset.js'
import { contactSheet, inspectDataset } from '../../src/data/inspect.js'

/** Two classes of one-pixel images: 0 and 255. */
function dataset(classes = ['a', 'b']): Dataset {
  const split = (count: number): Dataset['splits']['train'] => ({
    images: Uint8Array.from({ length: count }, (_, i) => (i % 2) * 255),
    labels: Int32Array.from({ length: count }, (_, i) => i % 2)
  })
  const splits = { train: split(30), valid: split(3), test: split(0) }
  return { name: 'set', classes, imageShape: [1, 1, 1], splits, skipped: ['x.png'] }
}

describe('inspecting a data set', () => {
  test('counts images per class and measures their values', async () => {
    const { splits, mean, std, skipped } = await inspectDataset(dataset())
    expect(splits.train).toEqual({ images: 30, perClass: [15, 15] })
    expect(splits.valid).toEqual({ images: 3, perClass: [2, 1] })
    expect(splits.test).toEqual({ images: 0, perClass: [0, 0] })
    expect([mean, std, skipped]).toEqual([[0.5], [0.5], ['x.png']])
  })

  test('without training images there is no mean', async () => {
    const { splits, ...rest } = dataset()
    const { mean } = await inspectDataset({ ...rest, splits: { ...splits, train: splits.test, test: splits.train } })
    expect(mean).toBeUndefined()
  })

  test('the sheet shows ten of each class, or one of each of many', async () => {
    const few = await sharp(await contactSheet(dataset())).metadata()
    expect(few.width).toBe(16 + 10 * (96 + 16))
    const many = Array.from({ length: 30 }, (_, i) => String(i))
    const sheet = await sharp(await contactSheet(dataset(many))).metadata()
    expect(sheet.width).toBeLessThan(few.width!)
  })
})
