import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import sharp from 'sharp'
import { writeNpy } from '../../src/data/npy.js'
import { openInputs, readInputs } from '../../src/explain/inputs.js'
import { buildArchitecture } from '../../src/model/architectures/index.js'
import { initialise } from '../../src/model/builder.js'
import { Model } from '../../src/model/model.js'
import { plainPreprocessing } from '../../src/model/preprocessing.js'

const root = mkdtempSync(join(tmpdir(), 'lrp-inputs-'))
const images = join(root, 'images')
let model: Model
beforeAll(async () => {
  const imageShape: [number, number, number] = [1, 8, 8]
  const parts = await initialise(buildArchitecture('mlp', { imageShape, classes: 3, hiddenSize: [4] }), 1)
  model = await Model.create({ ...parts, preprocessing: plainPreprocessing(imageShape) })
  mkdirSync(images)
  const create = { width: 8, height: 8, channels: 3, background: '#406080' } as const
  for (const name of ['a', 'c']) await sharp({ create }).toFile(join(images, `${name}.png`))
  writeFileSync(join(images, 'b.png'), 'no image')
  await sharp({ create }).toFile(join(root, 'elsewhere.png'))
  symlinkSync(join(root, 'elsewhere.png'), join(images, 'd.png'))
  symlinkSync(join(root, 'nowhere.png'), join(images, 'e.png'))
})
afterAll(() => {
  model.dispose()
  rmSync(root, { recursive: true, force: true })
})

describe('a folder of images', () => {
  test('has those that links lead to; what cannot be read is named and left out', async () => {
    const { names, skipped, read } = await openInputs(model, { input: [images] })
    expect([names, skipped]).toEqual([['a', 'c', 'd'], [join(images, 'b.png')]])
    expect((await read(0, 3)).shape).toEqual([3, 1, 8, 8])
  })

  test('with strict, and a file that was named itself, must be readable', async () => {
    const { read } = await openInputs(model, { input: [images], strict: true })
    await expect(read(0, 4)).rejects.toMatchObject({ code: 'INVALID_FILE' })
    const one = await openInputs(model, { input: [join(images, 'b.png')] })
    await expect(one.read(0, 1)).rejects.toThrow(/b\.png/)
  })
})

test.each<[string, number[], number[], RegExp]>([
  ['empty', [0, 1, 8, 8], [], /empty\.npy holds no images: its shape is \[0, 1, 8, 8\]/],
  ['scalar', [], [1], /scalar\.npy holds no images: its shape is \[\]/],
  ['nan', [2, 1, 1, 2], [0, 1, NaN, 2], /nan\.npy: image 1 holds values that are not finite/]
])('an array that is no images is named: %s', async (name, shape, values, message) => {
  const path = join(root, `${name}.npy`)
  await writeNpy(path, { data: Float32Array.from(values), shape })
  await expect(readInputs(model, { input: [path] })).rejects.toThrow(message)
})
