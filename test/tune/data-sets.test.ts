import { expect, test } from '@jest/globals'
import type { Dataset } from '../../src/data/dataset.js'
import { checkSettings } from '../../src/train/settings.js'
import { DataSets } from '../../src/tune/data-sets.js'

test('a data set is opened when it is needed, and kept until another is needed and no trial works on it', async () => {
  const opened: number[] = []
  const datasets = new DataSets({ onData: ({ imageShape }: Dataset) => opened.push(imageShape[1]) })
  const use = <T>(side: number, work: (dataset: Dataset) => Promise<T>): Promise<T> =>
    datasets.use(checkSettings({ imageSize: [side, side] }, 'test'), work)
  const none = async (): Promise<void> => {}
  expect(opened).toEqual([])
  await use(8, none)
  const first = await use(8, async (dataset) => {
    await use(12, none)
    return (await use(8, async (again) => again)) === dataset
  })
  expect([first, opened]).toEqual([true, [8, 12]])
  await use(12, none)
  await use(16, none)
  expect(opened).toEqual([8, 12, 16])
  await use(8, none)
  expect(opened).toEqual([8, 12, 16, 8])
})

test('the seed decides what is carved out, and images kept larger are others', async () => {
  let opened = 0
  const datasets = new DataSets({ onData: () => opened++ })
  for (const seed of [1, 2, 2]) await datasets.use(checkSettings({ seed }, 'test'), async () => {})
  expect(opened).toBe(2)
  const crop = checkSettings({ augment: 'random-crop', seed: 2 }, 'test')
  await expect(datasets.use(crop, async () => {})).rejects.toThrow('the augmentation random-crop needs')
})

test('one without validation images is refused', async () => {
  const none = { images: new Uint8Array(0), labels: new Int32Array(0) }
  const splits = { train: none, valid: none, test: none }
  const data: Dataset = { name: 'empty', classes: ['a'], imageShape: [1, 8, 8], splits, skipped: [] }
  const datasets = new DataSets({ data })
  await expect(datasets.use(checkSettings({}, 'test'), async () => {})).rejects.toThrow(
    'empty has no validation images'
  )
})
