import { copyFileSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from '@jest/globals'
import sharp from 'sharp'
import { packageRoot } from '../../src/core/paths.js'
import { openDataset } from '../../src/data/open.js'
import { readImage } from '../../src/data/read-image.js'
import { explainAll } from '../../src/explain/explain-all.js'
import { buildArchitecture } from '../../src/model/architectures/index.js'
import { initialise } from '../../src/model/builder.js'
import { Model } from '../../src/model/model.js'
import { plainPreprocessing } from '../../src/model/preprocessing.js'

const folder = mkdtempSync(join(tmpdir(), 'lrp-decode-'))
afterAll(() => rmSync(folder, { recursive: true }))
const coffee = join(packageRoot, 'examples', 'coffee.jpg') // 300 x 450

function difference(a: Uint8Array, b: Uint8Array): number {
  expect(a).toHaveLength(b.length)
  return a.reduce((sum, value, i) => sum + Math.abs(value - b[i]!), 0) / a.length
}

describe('a JPEG file', () => {
  const read = (decode: 'exact' | 'fast', size: [number, number], file = coffee, more = {}) =>
    readImage(file, { ...plainPreprocessing([3, ...size]), ...more, decode })

  test('of more than three times the size is reduced by libjpeg, with nearly the same values', async () => {
    const [exact, fast] = [await read('exact', [40, 60]), await read('fast', [40, 60])]
    expect(fast.original).toEqual([300, 450])
    expect(fast.shape).toEqual([3, 40, 60])
    expect(difference(fast.bytes, exact.bytes)).toBeGreaterThan(0)
    expect(difference(fast.bytes, exact.bytes)).toBeLessThan(3) // of 255
  })

  test('of less than three times the size is read exactly', async () => {
    expect((await read('fast', [120, 160])).bytes).toEqual((await read('exact', [120, 160])).bytes)
  })

  test('is turned as EXIF says before it is reduced', async () => {
    const turned = join(folder, 'turned.jpg')
    await sharp(coffee).withMetadata({ orientation: 6 }).toFile(turned)
    const [exact, fast] = [
      await read('exact', [60, 40], turned, { orient: true }),
      await read('fast', [60, 40], turned, { orient: true })
    ]
    expect(fast.original).toEqual([450, 300])
    expect(difference(fast.bytes, exact.bytes)).toBeLessThan(3)
  })

  test('is cropped as one that is read exactly', async () => {
    const resized = { resize: 40, crop: [32, 32] as [number, number] }
    const [exact, fast] = [await read('exact', [0, 0], coffee, resized), await read('fast', [0, 0], coffee, resized)]
    expect(fast.shape).toEqual([3, 32, 32])
    expect(difference(fast.bytes, exact.bytes)).toBeLessThan(3)
  })
})

test('other files are read exactly', async () => {
  const png = join(folder, 'coffee.png')
  await sharp(coffee).toFile(png)
  const p = plainPreprocessing([3, 40, 60])
  expect((await readImage(png, { ...p, decode: 'fast' })).bytes).toEqual((await readImage(png, p)).bytes)
})

test('data sets and images to explain are decoded so', async () => {
  const one = join(folder, 'data')
  for (const name of ['a', 'b']) {
    mkdirSync(join(one, name), { recursive: true })
    copyFileSync(coffee, join(one, name, '1.jpg'))
  }
  const how = { dataPath: one, imageSize: [40, 60] as [number, number], testSplit: 1 }
  const [exact, fast] = [await openDataset(how), await openDataset({ ...how, decode: 'fast' })]
  expect(fast.splits.test.images).not.toEqual(exact.splits.test.images)

  const parts = await initialise(buildArchitecture('lenet', { classes: 2, imageShape: [3, 40, 60] }), 1)
  using model = await Model.create({ ...parts, preprocessing: plainPreprocessing([3, 40, 60]) }, 'cpu')
  const inputs = []
  for (const decode of ['exact', 'fast'] as const)
    for await (const { input } of explainAll(model, { input: [coffee], decode }, { target: 0 })) inputs.push(input.data)
  expect(inputs).toHaveLength(2)
  expect(inputs[0]).not.toEqual(inputs[1])
})

test('without image files the option is refused', async () => {
  await expect(openDataset({ data: 'digits', decode: 'fast' })).rejects.toMatchObject({
    code: 'INVALID_ARGUMENT',
    message: "option 'decode' works only with image files, but the data set digits has none"
  })
})
