import { expect, test } from '@jest/globals'
import { arranged } from '../../src/data/arrange.js'
import { fingerprint, type Dataset } from '../../src/data/dataset.js'
import { openDataset } from '../../src/data/open.js'
import type { Preprocessing } from '../../src/core/graph.js'

/** Three images of 4x6 in two classes, one in each split, each channel of one value: 10, 20, 30 in the first image. */
function small(channels: 1 | 3): Dataset {
  const split = (first: number): Dataset['splits']['train'] => ({
    images: Uint8Array.from({ length: channels * 24 }, (_, i) => first + 10 * Math.floor(i / 24)),
    labels: Int32Array.of(0)
  })
  const splits = { train: split(10), valid: split(100), test: split(200) }
  return { name: 'small', classes: ['all'], imageShape: [channels, 4, 6], splits, skipped: [] }
}

const unchanged = { channelOrder: 'rgb' as const, scale: 1, mean: [0], std: [1] }

test('one channel becomes three, and every split its own images', async () => {
  const { imageShape, splits } = await arranged(small(1), { channels: 3 })
  expect(imageShape).toEqual([3, 4, 6])
  expect([...new Set(splits.train.images)]).toEqual([10])
  expect([...new Set(splits.test.images)]).toEqual([200])
  expect(splits.valid.images).toHaveLength(72)
})

test('three channels become grey as those of files do', async () => {
  const { imageShape, splits } = await arranged(small(3), { channels: 1 })
  expect(imageShape).toEqual([1, 4, 6])
  const [grey, ...others] = new Set(splits.train.images)
  expect(others).toEqual([])
  expect(grey).toBeGreaterThan(10)
  expect(grey).toBeLessThan(30)
})

test('sizes are resized, then cropped in the middle', async () => {
  const ramp = small(1)
  ramp.splits.train.images = Uint8Array.from({ length: 24 }, (_, i) => 40 * (i % 6))
  const halved = await arranged(ramp, { imageSize: [2, 3] })
  expect(halved.imageShape).toEqual([1, 2, 3])
  const row = [...halved.splits.train.images.subarray(0, 3)]
  expect(row[1]).toBe(100)
  expect(row[2]! - row[1]!).toBe(row[1]! - row[0]!)
  const crop = await arranged(ramp, { preprocessing: { ...unchanged, channels: 1, crop: [2, 2] } })
  expect([...crop.splits.train.images]).toEqual([80, 120, 80, 120])
  const shorter = await arranged(ramp, { preprocessing: { ...unchanged, channels: 1, resize: 8 } })
  expect(shorter.imageShape).toEqual([1, 8, 12])
})

test('what fits already stays as it is, without a copy', async () => {
  const dataset = small(3)
  expect(await arranged(dataset, {})).toBe(dataset)
  expect(await arranged(dataset, { imageSize: [4, 6], channels: 3 })).toBe(dataset)
  expect(await arranged(dataset, { preprocessing: { ...unchanged, channels: 3, resize: 4 } })).toBe(dataset)
})

test('resizing up and cropping back to the same size is not nothing', async () => {
  const dataset = small(1)
  dataset.splits.train.images[0] = 255
  const preprocessing: Preprocessing = { ...unchanged, channels: 1, resize: [8, 12], crop: [4, 6] }
  const { splits } = await arranged(dataset, { preprocessing })
  expect(splits.train.images[0]).toBe(10)
})

test('a crop larger than the images is refused', async () => {
  const preprocessing: Preprocessing = { ...unchanged, channels: 1, crop: [5, 5] }
  await expect(arranged(small(1), { preprocessing })).rejects.toThrow(/small is smaller than the crop 5x5/)
})

test('data sets in memory take --image-size and --channels', async () => {
  const digits = await openDataset({ imageSize: [12, 10], channels: 3 })
  expect(digits.imageShape).toEqual([3, 12, 10])
  expect(digits.splits.train.images).toHaveLength(1258 * 360)
  expect(fingerprint(await openDataset({ imageSize: [8, 8] }))).toBe(fingerprint(await openDataset()))
})
