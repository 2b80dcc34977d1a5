import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import sharp from 'sharp'
import { writeNpy } from '../../src/core/npy.js'
import { openDataset } from '../../src/data/open.js'
import { ImageStore } from '../../src/data/image-store.js'
import { baselineOf } from '../../src/explain/baseline.js'
import { openInputs, readInputs } from '../../src/explain/inputs.js'
import type { ExplainSummary } from '../../src/explain/summary.js'
import { explainToFiles } from '../../src/explain/to-files.js'
import { buildArchitecture } from '../../src/model/architectures/index.js'
import { initialise } from '../../src/model/builder.js'
import { Model } from '../../src/model/model.js'
import { plainPreprocessing } from '../../src/model/preprocessing.js'
import { testModel } from '../../src/scores/test-model.js'

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
    await expect(openInputs(model, { input: [images], strict: true })).rejects.toMatchObject({ code: 'INVALID_FILE' })
    await expect(openInputs(model, { input: [join(images, 'b.png')] })).rejects.toThrow(/b\.png/)
  })
})

test('an array whose values lie far outside those of preprocessed images gets a note', async () => {
  const path = join(root, 'bytes.npy')
  const notes = async (value: number): Promise<string[]> => {
    await writeNpy(path, {
      data: Float32Array.from({ length: 64 }, (_, i) => (i === 5 ? value : 0.5)),
      shape: [1, 1, 8, 8]
    })
    return (await openInputs(model, { input: [path] })).notes
  }
  expect(await notes(251)).toEqual([
    `${path} has values from 0.5 to 251, but the model expects 0 to 1: arrays are not preprocessed`
  ])
  expect(await notes(-1.01)).toHaveLength(1)
  expect([await notes(-1), await notes(2)]).toEqual([[], []])
})

test('without preprocessing the choices are named, whatever reads the images', async () => {
  const parts = await initialise(buildArchitecture('mlp', { imageShape: [1, 8, 8], classes: 10 }), 1)
  using bare = await Model.create({ ...parts, preprocessing: undefined })
  const choices =
    /: pass --preprocess imagenet \(shorter side 256, crop 224x224, .*\), cifar .*, none .* or a JSON file/
  const input = { data: new Float32Array(64), shape: [1, 1, 8, 8] }
  const refused = [
    () => readInputs(bare, { input: [join(root, 'elsewhere.png')] }),
    () => readInputs(bare, { data: 'digits' }),
    () => testModel(bare, { data: 'digits' }),
    () => baselineOf(bare, input, 'black')
  ]
  for (const read of refused)
    await expect(read()).rejects.toMatchObject({ code: 'INVALID_ARGUMENT', message: expect.stringMatching(choices) })
})

describe('class folders', () => {
  const folder = join(root, 'classes')
  const colour = { width: 8, height: 8, channels: 3, background: '#808080' } as const
  beforeAll(async () => {
    for (const [name, broken] of [
      ['0', [1]],
      ['1', []],
      ['2', [0, 1]]
    ] as const) {
      mkdirSync(join(folder, 'test', name), { recursive: true })
      for (let i = 0; i < 4; i++) {
        const path = join(folder, 'test', name, `${i}.png`)
        if ((broken as readonly number[]).includes(i)) writeFileSync(path, 'no image')
        else await sharp({ create: colour }).toFile(path)
      }
    }
    mkdirSync(join(folder, 'train'))
    for (const name of ['0', '1', '2']) {
      mkdirSync(join(folder, 'train', name))
      writeFileSync(join(folder, 'train', name, 'never-read.png'), 'no image')
    }
  })

  test('give images their class and path; only those asked for are read, broken ones are made up for', async () => {
    const few = await openInputs(model, { data: 'folder', dataPath: folder, limit: 3 })
    expect(few.names).toEqual(['0/0', '1/0', '0/2'])
    expect(few.paths).toEqual(few.names.map((name) => join(folder, 'test', `${name}.png`)))
    expect([...few.labels!]).toEqual([0, 1, 0])
    expect(few.skipped).toEqual(['2/0', '0/1'].map((name) => join(folder, 'test', `${name}.png`)))
    const all = await openInputs(model, { data: 'folder', dataPath: folder, limit: 50 })
    expect(all.names).toHaveLength(9)
    const strict = openInputs(model, { data: 'folder', dataPath: folder, limit: 50, strict: true })
    await expect(strict).rejects.toThrow(/not a readable image/)
  })

  test('give their results folders of classes, and explain.json the paths', async () => {
    const output = join(root, 'explained')
    const { files } = await explainToFiles(model, { input: [join(folder, 'test')], limit: 3, output })
    expect(files).toEqual(['0/0.png', '0/2.png', '0/3.png', 'explain.json'].map((name) => join(output, name)))
    expect(existsSync(files[0]!)).toBe(true)
    const { images: explained } = JSON.parse(readFileSync(files[3]!, 'utf8')) as ExplainSummary
    expect(explained[1]).toMatchObject({ name: '0/2', path: join(folder, 'test', '0', '2.png') })
  })

  test('given as --input give the same names', async () => {
    const { names, paths } = await openInputs(model, { input: [join(folder, 'test')], limit: 2 })
    expect(names).toEqual(['0/0', '0/2'])
    expect(paths![1]).toBe(join(folder, 'test', '0', '2.png'))
  })
})

test('images beyond what is kept are decoded again, and ahead', async () => {
  const files = ['a', 'c', 'd'].map((name) => join(images, `${name}.png`))
  const { preprocessing } = model
  const how = { preprocessing: preprocessing!, most: 3, mustRead: () => true }
  const [kept, again] = [await ImageStore.open(files, how), await ImageStore.open(files, { ...how, keptBytes: 64 })]
  expect(again.paths).toEqual(files)
  expect(await again.read(0, 1)).toEqual(await kept.read(0, 1))
  expect(await again.read(1, 3)).toEqual(await kept.read(1, 3))
  const changed = join(root, 'changed.png')
  await sharp({ create: { width: 8, height: 8, channels: 3, background: '#406080' } }).toFile(changed)
  const store = await ImageStore.open([changed], { ...how, keptBytes: 0 })
  rmSync(changed)
  await expect(store.read(0, 1)).rejects.toThrow('changed.png can no longer be read')
})

test.each<[string, number[], number[], RegExp]>([
  ['empty', [0, 1, 8, 8], [], /empty\.npy contains no images: its shape is \[0, 1, 8, 8\]/],
  ['scalar', [], [1], /scalar\.npy contains no images: its shape is \[\]/],
  [
    'nan',
    [2, 1, 8, 8],
    Array.from({ length: 128 }, (_, i) => (i === 70 ? NaN : i)),
    /image 1 of .*nan\.npy contains values that are not finite/
  ],
  ['small', [2, 1, 1, 2], [0, 1, 3, 2], /small\.npy contains inputs of shape 1x1x2, but mlp takes images of 1x8x8/]
])('an array that is no images is named: %s', async (name, shape, values, message) => {
  const path = join(root, `${name}.npy`)
  await writeNpy(path, { data: Float32Array.from(values), shape })
  await expect(readInputs(model, { input: [path] })).rejects.toThrow(message)
})

test('images of an array or a data set are meant by their numbers', async () => {
  const path = join(root, 'numbers.npy')
  await writeNpy(path, { data: Float32Array.from({ length: 5 * 64 }, (_, i) => i), shape: [5, 1, 8, 8] })
  const { names, places, read } = await openInputs(model, { input: [path], images: [3, 1] })
  expect([names, places, [...(await read(0, 2)).data.filter((_, i) => i % 64 === 0)]]).toEqual([
    ['3', '1'],
    [3, 1],
    [192, 64]
  ])
  const all = join(root, 'classes')
  const listed = await openInputs(model, { data: 'folder', dataPath: all, images: [7, 0] })
  expect(listed.names).toEqual(['1/3', '0/0'])
  const beyond = openInputs(model, { data: 'folder', dataPath: all, images: [99] })
  await expect(beyond).rejects.toThrow(`image 99 does not exist, because ${all} has the images 0 to 11`)
  const files = openInputs(model, { input: [images], images: [0] })
  await expect(files).rejects.toThrow(/pass just these image files to --input instead/)
})

test.each(['scan.dcm', 'brain.nii.gz'])('%s is refused with the way to .npy', async (name) => {
  const folder = mkdtempSync(join(root, 'medical-'))
  writeFileSync(join(folder, name), '')
  const advice = new RegExp(`${name} is a (DICOM|NIfTI) file.*numpy.save\\('image.npy', \\w+.*'${name}'`)
  await expect(openInputs(model, { input: [join(folder, name)] })).rejects.toThrow(advice)
  await expect(openInputs(model, { input: [folder] })).rejects.toThrow(advice)
  const classes = mkdtempSync(join(root, 'medical-'))
  mkdirSync(join(classes, 'a'))
  writeFileSync(join(classes, 'a', name), '')
  await expect(openDataset({ dataPath: classes })).rejects.toThrow(advice)
})
