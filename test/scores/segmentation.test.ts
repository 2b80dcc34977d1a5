import { mkdirSync, mkdtempSync, readFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from '@jest/globals'
import sharp from 'sharp'
import { readLabels } from '../../src/data/read-labels.js'
import { Model } from '../../src/model/model.js'
import { PixelCounts } from '../../src/scores/segmentation.js'
import { testModel } from '../../src/scores/test-model.js'
import { node, weight } from '../models.js'

const models: Model[] = []
afterAll(() => models.forEach((model) => model.dispose()))
const root = mkdtempSync(join(tmpdir(), 'masks-'))

const grey = (values: number[], width: number) =>
  sharp(Buffer.from(values), { raw: { width, height: values.length / width, channels: 1 } }).toColourspace('b-w')

/** Class 1 where a pixel is brighter than half, class 2 where it is darker than a quarter, else class 0. */
async function brightness(): Promise<Model> {
  const nodes = [node('head', 'conv2d', ['input'], {}, { weight: 'w', bias: 'b' })]
  const tensors = new Map([
    ['w', weight([3, 1, 1, 1], [0, 4, -4])],
    ['b', weight([3], [0, -2, 1])]
  ])
  const preprocessing = { channels: 1, channelOrder: 'rgb', scale: 1, mean: [0], std: [1] } as const
  const parts = { name: 'bright', graph: { inputShape: [null, 1, 2, 4], nodes, output: 'head' }, tensors }
  const more = { preprocessing: { ...preprocessing, mean: [0], std: [1] }, classes: ['mid', 'light', 'dark'] }
  const model = await Model.create({ ...parts, ...more }, 'cpu')
  models.push(model)
  return model
}

test('pixel accuracy and mean IoU follow from counts of pixels', () => {
  const counts = new PixelCounts(4)
  counts.add([0, 0, 1, 1], [0, 1, 1, undefined])
  counts.add([2, 0], [2, 2])
  const { pixelAccuracy, meanIoU, perClass, pixels, images } = counts.metrics(['a', 'b'])
  expect([pixelAccuracy, pixels, images]).toEqual([3 / 5, 5, 2])
  expect(perClass.map(({ iou }) => iou)).toEqual([1 / 3, 1 / 2, 1 / 2, null])
  expect(perClass.map((one) => one.class)).toEqual(['a', 'b', '2', '3'])
  expect(meanIoU).toBeCloseTo((1 / 3 + 1 / 2 + 1 / 2) / 3)
})

describe('a folder of masks', () => {
  const folders = (name: string): [string, string] => {
    const made = [join(root, name, 'images', 'sub'), join(root, name, 'masks', 'sub')] as const
    made.forEach((path) => mkdirSync(path, { recursive: true }))
    return [join(root, name, 'images'), join(root, name, 'masks')]
  }

  test('scores a dense network', async () => {
    const [dataPath, masks] = folders('scored')
    await grey([255, 200, 100, 0, 10, 100, 100, 255], 4).png().toFile(join(dataPath, 'one.png'))
    await grey([1, 1, 0, 2, 2, 0, 1, 255], 4).png().toFile(join(masks, 'one.png'))
    await grey([0, 0, 0, 0, 0, 0, 0, 0], 4)
      .png()
      .toFile(join(dataPath, 'sub', 'two.png'))
    await grey([2, 2, 2, 2, 0, 0, 0, 0], 4)
      .png()
      .toFile(join(masks, 'sub', 'two.png'))
    const output = join(root, 'scored', 'test')
    const result = await testModel(await brightness(), { dataPath, masks, output })
    if (result.task !== 'segmentation') throw new Error('expected pixels')
    expect(result.metrics).toMatchObject({ images: 2, pixels: 15, pixelAccuracy: 10 / 15 })
    expect(result.metrics.perClass).toEqual([
      { class: 'mid', iou: 2 / 7, pixels: 6 },
      { class: 'light', iou: 2 / 3, pixels: 3 },
      { class: 'dark', iou: 6 / 10, pixels: 6 }
    ])
    expect(result.files).toContain(join(output, 'per-class.csv'))
    expect(JSON.parse(readFileSync(join(output, 'metrics.json'), 'utf8'))).toMatchObject({
      task: 'segmentation',
      masks
    })
  })

  test('a missing mask, a strange class, another size', async () => {
    const [dataPath, masks] = folders('broken')
    await grey([0, 0, 0, 0, 0, 0, 0, 0], 4).png().toFile(join(dataPath, 'one.png'))
    const run = async () => testModel(await brightness(), { dataPath, masks })
    await expect(run()).rejects.toThrow('one.png does not exist')
    await grey([0, 0, 0, 0, 0, 0, 0, 3], 4).png().toFile(join(masks, 'one.png'))
    await expect(run()).rejects.toThrow('contains the class 3, but the model has the classes 0 to 2')
    await grey([0, 0, 0, 0], 2).png().toFile(join(masks, 'one.png'))
    await expect(run()).rejects.toThrow('is 2x2 pixels, but its image is 2x4')
  })
})

describe('numbers of a PNG', () => {
  const values = Array.from({ length: 6 * 5 }, (_, i) => (i * 7) % 4)

  test.each([false, true])('palettes and grey values are read as they are stored (palette %p)', async (palette) => {
    const path = join(root, `labels-${palette}.png`)
    const colours = values.flatMap((value) => [[0, 0, 0], [255, 0, 0], [0, 255, 0], [0, 0, 255]][value]!) // prettier-ignore
    const image = palette
      ? sharp(Buffer.from(colours), { raw: { width: 6, height: 5, channels: 3 } }).png({ palette: true, colours: 4 })
      : grey(values, 6).png({ adaptiveFiltering: true })
    await image.toFile(path)
    const found = await readLabels(path)
    expect([found.height, found.width]).toEqual([5, 6])
    if (!palette) return expect([...found.data]).toEqual(values)
    // the order of a palette is the encoder's; equal colours have equal numbers
    const numbers = [0, 1, 2, 3].map(
      (value) => new Set(values.flatMap((one, i) => (one === value ? [found.data[i]!] : [])))
    )
    expect(numbers.map((one) => one.size)).toEqual([1, 1, 1, 1])
    expect(new Set(numbers.flatMap((one) => [...one])).size).toBe(4)
  })

  test('colours and other files are refused', async () => {
    const path = join(root, 'colours.png')
    await sharp(Buffer.alloc(12, 9), { raw: { width: 2, height: 2, channels: 3 } })
      .png()
      .toFile(path)
    await expect(readLabels(path)).rejects.toThrow('must be grey or have a palette')
    await expect(readLabels(join(root, 'none.png'))).rejects.toMatchObject({ code: 'NOT_FOUND' })
  })
})
