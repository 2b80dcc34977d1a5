import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gunzipSync, gzipSync } from 'node:zlib'
import { readFileSync } from 'node:fs'
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals'
import { classCounts, fingerprint } from '../../src/data/dataset.js'
import { readIdx } from '../../src/data/idx.js'
import { openFor } from '../../src/data/for-model.js'
import { datasetName, openDataset } from '../../src/data/open.js'
import type { DataOptions } from '../../src/data/options.js'
import type { Model } from '../../src/model/model.js'
import { plainPreprocessing } from '../../src/model/preprocessing.js'
import { packageRoot } from '../../src/core/paths.js'

let folder = ''
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'lrp-data-'))
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

/** An idx file of bytes. */
function idx(shape: number[], values: number[]): Buffer {
  const axes = shape.map((axis) => {
    const bytes = Buffer.alloc(4)
    bytes.writeUInt32BE(axis)
    return bytes
  })
  return Buffer.concat([Buffer.from([0, 0, 8, shape.length]), ...axes, Buffer.from(values)])
}

function writePair(prefix: string, labels: number[], side = 2, zip = true): void {
  const pixels = labels.flatMap((label) => Array.from({ length: side * side }, (_, i) => label * 10 + i))
  const pack = (bytes: Buffer): Buffer => (zip ? gzipSync(bytes) : bytes)
  const end = zip ? '.gz' : ''
  writeFileSync(join(folder, `${prefix}-images-idx3-ubyte${end}`), pack(idx([labels.length, side, side], pixels)))
  writeFileSync(join(folder, `${prefix}-labels-idx1-ubyte${end}`), pack(idx([labels.length], labels)))
}

const every = (times: number): number[] => Array.from({ length: 10 * times }, (_, i) => i % 10)

describe('the shipped digits', () => {
  test('have fixed, stratified splits', async () => {
    const digits = await openDataset()
    const { train, valid, test: tests } = digits.splits
    expect([train, valid, tests].map(({ labels }) => labels.length)).toEqual([1258, 180, 359])
    expect(digits.imageShape).toEqual([1, 8, 8])
    expect(Math.min(...classCounts(valid, 10))).toBeGreaterThanOrEqual(17)
    expect(await openDataset().then(fingerprint)).toBe(fingerprint(digits))
  })

  test('a changed label changes the fingerprint', async () => {
    const digits = await openDataset()
    const before = fingerprint(digits)
    digits.splits.test.labels[0]! ^= 1
    expect(fingerprint(digits)).not.toBe(before)
  })
})

describe('idx files', () => {
  test.each([true, false])('are read, gzipped: %s, and validate on a stratified share', async (zip) => {
    writePair('train', every(20), 2, zip)
    writePair('t10k', every(1), 2, zip)
    const { splits, name, imageShape } = await openDataset({ dataPath: folder, validSplit: 0.25 })
    expect([name, imageShape]).toEqual(['mnist', [1, 2, 2]])
    expect(classCounts(splits.valid, 10)).toEqual(Array(10).fill(5))
    expect(classCounts(splits.train, 10)).toEqual(Array(10).fill(15))
    expect([...splits.test.images.subarray(4, 8)]).toEqual([10, 11, 12, 13])
  })

  test('the seed alone decides which images validate', async () => {
    writePair('train', every(20))
    writePair('t10k', every(1))
    const open = (options: object): Promise<string> => openDataset({ dataPath: folder, ...options }).then(fingerprint)
    const first = await open({ seed: 1 })
    expect(await open({ seed: 1 })).toBe(first)
    expect(await open({ seed: 7, splitSeed: 1 })).toBe(first)
  })

  test('names of classes belong to the data set', async () => {
    writePair('train', every(2))
    writePair('t10k', every(1))
    expect((await openDataset({ data: 'fashion-mnist', dataPath: folder })).classes[9]).toBe('Ankle boot')
  })

  test("EMNIST's letters are set upright and counted from 0", async () => {
    writePair('emnist-letters-train', [1, 2, 1, 2], 2)
    writePair('emnist-letters-test', [2, 1], 2)
    const { classes, splits } = await openDataset({ dataPath: folder, validSplit: 0 })
    expect(classes).toEqual(['A', 'B'])
    expect([...splits.test.labels]).toEqual([1, 0])
    expect([...splits.test.images.subarray(0, 4)]).toEqual([20, 22, 21, 23])
  })

  test.each([
    ['truncated', (whole: Buffer) => whole.subarray(0, -1), 'truncated'],
    ['cut in its gzip stream', (whole: Buffer) => gzipSync(whole).subarray(0, -12), 'damaged'],
    [
      'of another type',
      (whole: Buffer) => Buffer.concat([Buffer.from([0, 0, 13]), whole.subarray(3)]),
      'not an idx file'
    ],
    ['empty', () => Buffer.alloc(0), 'not an idx file'],
    [
      'of a shape that is a lie',
      (whole: Buffer) => Buffer.concat([Buffer.from([0, 0, 8, 1, 255, 255, 255, 255]), whole]),
      'header'
    ]
  ])('a file that is %s is refused by name', async (_, damage, message) => {
    const path = join(folder, 'file')
    writeFileSync(path, damage(idx([2, 3], [1, 2, 3, 4, 5, 6])))
    await expect(readIdx(path)).rejects.toMatchObject({ code: 'INVALID_FILE', message: expect.stringContaining(path) })
    await expect(readIdx(path)).rejects.toThrow(message)
  })

  test('a label out of range, a class without images, and images without labels are refused', async () => {
    writePair('t10k', every(1))
    writePair('train', [...every(1), 10])
    await expect(openDataset({ dataPath: folder })).rejects.toThrow(/label 10, but the classes are 0 to 9/)
    writePair('train', [0, 1, 2, 3, 4, 5, 6, 7, 8])
    await expect(openDataset({ dataPath: folder })).rejects.toThrow(/class '9' has no training image/)
    rmSync(join(folder, 'train-labels-idx1-ubyte.gz'))
    await expect(openDataset({ data: 'mnist', dataPath: folder })).rejects.toMatchObject({ code: 'NOT_FOUND' })
  })
})

describe('CIFAR', () => {
  const record = (labels: number[], value: number): Buffer =>
    Buffer.concat([Buffer.from(labels), Buffer.alloc(3072, value)])

  test('10 is read in its binary version', async () => {
    const rows = every(1).map((label) => record([label], label))
    writeFileSync(join(folder, 'data_batch_1.bin'), Buffer.concat(rows))
    writeFileSync(join(folder, 'data_batch_2.bin'), Buffer.concat(rows))
    writeFileSync(join(folder, 'test_batch.bin'), record([7], 99))
    const { name, classes, splits, imageShape } = await openDataset({ dataPath: folder })
    expect([name, imageShape, classes[7]]).toEqual(['cifar10', [3, 32, 32], 'horse'])
    expect(splits.train.labels).toHaveLength(20)
    expect(splits.train.images[11 * 3072]).toBe(splits.train.labels[11])
    expect([...splits.test.labels, splits.test.images[3071]]).toEqual([7, 99])
  })

  test('100 counts by its fine labels', async () => {
    const rows = Array.from({ length: 100 }, (_, label) => record([3, label], label))
    writeFileSync(join(folder, 'train.bin'), Buffer.concat(rows))
    writeFileSync(join(folder, 'test.bin'), record([1, 42], 5))
    writeFileSync(join(folder, 'fine_label_names.txt'), rows.map((_, i) => `thing ${i}`).join('\n') + '\n')
    const { classes, splits } = await openDataset({ dataPath: folder })
    expect([classes[42], ...splits.test.labels]).toEqual(['thing 42', 42])
  })

  test('truncated or missing batches are refused', async () => {
    writeFileSync(join(folder, 'test_batch.bin'), record([7], 99))
    await expect(openDataset({ dataPath: folder })).rejects.toMatchObject({ code: 'NOT_FOUND' })
    writeFileSync(join(folder, 'data_batch_1.bin'), record([7], 99).subarray(1))
    await expect(openDataset({ dataPath: folder })).rejects.toThrow(/data_batch_1.bin.*truncated/)
  })
})

describe('choosing a data set', () => {
  test('an unknown name suggests the nearest', async () => {
    await expect(openDataset({ data: 'mnits' })).rejects.toThrow("there is no data set 'mnits': did you mean 'mnist'?")
    await expect(openDataset({ data: 'constructor' })).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' })
  })

  test.each(['folder', 'csv', 'npy', 'cifar10', 'kmnist'])('%s without a place says what is missing', async (data) => {
    await expect(openDataset({ data })).rejects.toThrow('--data-path')
  })

  test('a place that does not exist is not found', async () => {
    for (const data of ['mnist', 'folder', 'csv', 'npy', 'cifar100', 'digits']) {
      await expect(openDataset({ data, dataPath: join(folder, 'no') })).rejects.toMatchObject({ code: 'NOT_FOUND' })
    }
  })

  test('what lies at the place decides where no name is given', () => {
    expect(datasetName({})).toBe('digits')
    expect(datasetName({ dataPath: 'list.csv' })).toBe('csv')
    expect(datasetName({ dataPath: 'arrays.npz' })).toBe('npy')
    expect(datasetName({ dataPath: folder })).toBe('folder')
    mkdirSync(join(folder, 'deep'))
    writeFileSync(join(folder, 'x_train.npy'), '')
    expect(datasetName({ dataPath: folder })).toBe('npy')
  })

  test('shares that are none are refused', async () => {
    await expect(openDataset({ validSplit: 1 })).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' })
    await expect(openDataset({ testSplit: -0.1 })).rejects.toThrow('testSplit')
  })

  test('shares of a split that the data set brings itself are refused, whatever they are', async () => {
    writePair('train', every(20))
    writePair('t10k', every(1))
    const list = (splits: string[]): string => {
      const path = join(folder, `${splits.join('-')}.csv`)
      writeFileSync(path, splits.map((split, i) => `${i}.png,a,${split}\n`).join(''))
      return path
    }
    const cases: [DataOptions, string | undefined][] = [
      [{ validSplit: 0.1 }, "'validSplit' has no effect: digits has its own validation images"],
      [{ testSplit: 1 }, "'testSplit' has no effect: digits has its own test images"],
      [{ splitSeed: 3 }, "'splitSeed' has no effect: digits has its own validation and test images"],
      [{ seed: 3 }, undefined],
      [{ dataPath: folder, testSplit: 0.1 }, "'testSplit' has no effect: mnist has its own test images"],
      [{ dataPath: folder, validSplit: 0.2, splitSeed: 1 }, undefined],
      [{ dataPath: list(['train', 'valid']), validSplit: 0.2 }, "'validSplit' has no effect"],
      [{ dataPath: list(['train', 'test']), testSplit: 0.2 }, "'testSplit' has no effect"],
      [{ dataPath: list(['train', 'valid', 'test']), splitSeed: 2 }, "'splitSeed' has no effect"]
    ]
    for (const [options, message] of cases) {
      if (message === undefined) expect((await openDataset(options)).splits.test.labels.length).toBeGreaterThan(0)
      else await expect(openDataset(options)).rejects.toMatchObject({ message: expect.stringContaining(message) })
    }
  })

  test('what was asked for when a model was trained is not asked for again', async () => {
    const command = { data: 'digits', validSplit: 0.3, testSplit: 0.3 } // as an earlier version recorded them
    const model = {
      experiment: { manifest: { command } },
      inputKind: 'image',
      task: 'classification'
    } as never as Model
    Object.assign(model, { preprocessing: plainPreprocessing([1, 8, 8]) })
    expect((await openFor(model, {}, ['test'])).name).toBe('digits')
    const dataset = await openDataset()
    for (const data of ['digits', dataset])
      await expect(openFor(model, { data, testSplit: 1 } as { data: string }, ['test'])).rejects.toThrow(
        "option 'testSplit' has no effect: digits has its own test images"
      )
  })
})

test('the shipped files are gzipped idx files of the documented split', () => {
  const path = join(packageRoot, 'data', 'digits', 'test-images-idx3-ubyte.gz')
  expect(existsSync(join(packageRoot, 'data', 'README.md'))).toBe(true)
  expect(gunzipSync(readFileSync(path))).toHaveLength(16 + 359 * 64)
})
