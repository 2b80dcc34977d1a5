import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import sharp from 'sharp'
import { writeNpy, writeNpz } from '../../src/core/npy.js'
import type { Dataset, SplitName } from '../../src/data/dataset.js'
import { readExclude, withoutListed } from '../../src/data/exclude.js'
import { imageNames, namesBelow } from '../../src/data/image-names.js'
import { joined } from '../../src/data/join.js'
import { openDataset } from '../../src/data/open.js'
import type { DataOptions } from '../../src/data/options.js'

/** Images of each split, as files have them. The first byte of each is its own number. */
const COUNT = 20
const SIDE = 32
const PLANE = SIDE * SIDE

const bytesOf = (image: number, channels: number): Uint8Array => new Uint8Array(channels * PLANE).fill(image)

function idxImages(first: number): Buffer {
  const head = Buffer.from([0, 0, 8, 3, 0, 0, 0, COUNT, 0, 0, 0, SIDE, 0, 0, 0, SIDE])
  return Buffer.concat([head, ...Array.from({ length: COUNT }, (_, i) => bytesOf(first + i, 1))])
}

const idxLabels = (): Buffer =>
  Buffer.from([0, 0, 8, 1, 0, 0, 0, COUNT, ...Array.from({ length: COUNT }, (_, i) => i % 10)])

function cifarBatch(first: number, count: number): Buffer {
  return Buffer.concat(Array.from({ length: count }, (_, i) => Buffer.from([i % 10, ...bytesOf(first + i, 3)])))
}

const arrays = (first: number): Record<'images' | 'labels', { data: Float32Array; shape: number[] }> => ({
  images: {
    data: Float32Array.from({ length: COUNT * PLANE }, (_, i) => first + Math.floor(i / PLANE)),
    shape: [COUNT, SIDE, SIDE]
  },
  labels: { data: Float32Array.from({ length: COUNT }, (_, i) => i % 2), shape: [COUNT] }
})

/** Writes the kind of data into a folder. */
const KINDS: Record<string, (folder: string) => Promise<DataOptions>> = {
  'idx files': async (folder) => {
    for (const [prefix, first] of [['train', 0] as const, ['t10k', COUNT] as const]) {
      await writeFile(join(folder, `${prefix}-images-idx3-ubyte`), idxImages(first))
      await writeFile(join(folder, `${prefix}-labels-idx1-ubyte`), idxLabels())
    }
    return { data: 'mnist', dataPath: folder }
  },
  'CIFAR binaries': async (folder) => {
    await writeFile(join(folder, 'data_batch_1.bin'), cifarBatch(0, COUNT / 2))
    await writeFile(join(folder, 'data_batch_2.bin'), cifarBatch(COUNT / 2, COUNT / 2))
    await writeFile(join(folder, 'test_batch.bin'), cifarBatch(COUNT, COUNT))
    return { data: 'cifar10', dataPath: folder }
  },
  '.npy files': async (folder) => {
    for (const [name, first] of [['train', 0] as const, ['test', COUNT] as const])
      for (const [kind, array] of Object.entries(arrays(first)))
        await writeNpy(join(folder, `${name}_${kind}.npy`), array)
    return { data: 'npy', dataPath: folder }
  },
  'an .npz file': async (folder) => {
    const path = join(folder, 'all.npz')
    const [train, tests] = [arrays(0), arrays(COUNT)]
    await writeNpz(path, { x_train: train.images, y_train: train.labels, x_test: tests.images, y_test: tests.labels })
    return { data: 'npy', dataPath: path }
  },
  'a CSV file': async (folder) => {
    const rows: string[] = []
    for (let i = 0; i < 2 * COUNT; i++) {
      rows.push(`images/${i}.png,${i % 2},${i < COUNT ? 'train' : 'test'}`)
      await writePng(join(folder, 'images'), i)
    }
    await writeFile(join(folder, 'list.csv'), `path,label,split\n${rows.join('\n')}\n`)
    return { data: 'csv', dataPath: join(folder, 'list.csv') }
  },
  'class folders': async (folder) => {
    for (let i = 0; i < 2 * COUNT; i++)
      await writePng(join(folder, i < COUNT ? 'train' : 'test', i % 2 === 0 ? 'even' : 'odd'), i)
    return { data: 'folder', dataPath: folder }
  }
}

async function writePng(folder: string, image: number): Promise<void> {
  await mkdir(folder, { recursive: true })
  await sharp(bytesOf(image, 1), { raw: { width: SIDE, height: SIDE, channels: 1 } })
    .png()
    .toFile(join(folder, `${image}.png`))
}

describe('the names of images', () => {
  let root: string
  beforeAll(async () => {
    root = await mkdtemp(join(tmpdir(), 'lrp-names-'))
  })
  afterAll(() => rm(root, { recursive: true, force: true }))

  const imagesIn = ({ splits, imageShape: [channels] }: Dataset, split: SplitName): number[] =>
    Array.from(splits[split].labels, (_, i) => splits[split].images[i * channels * PLANE]!)
  const all = (dataset: Dataset): number[] =>
    (['train', 'valid', 'test'] as const).flatMap((split) => imagesIn(dataset, split)).sort((a, b) => a - b)

  test.each(Object.entries(KINDS))(
    'of %s are what `exclude` takes, however the validation images are chosen',
    async (kind, write) => {
      const folder = join(root, kind.replaceAll(' ', '-'))
      await mkdir(folder)
      const options = await write(folder)
      const audited = await openDataset({ ...options, validSplit: 0.5 })
      const { test: split } = joined(audited).splits
      const names = namesBelow(imageNames(split, 'test'), split, options.dataPath)
      const place = (image: number): number => imagesIn(joined(audited), 'test').indexOf(image)
      const chosen = [imagesIn(audited, 'valid')[0]!, imagesIn(audited, 'train')[3]!, COUNT + 7]
      const rows = chosen.map((image) => `${names[place(image)]},8,0`)
      expect(rows.some((row) => row.startsWith('..') || row.startsWith('/'))).toBe(false)
      const list = join(folder, 'flagged.csv')
      await writeFile(list, `path,class,cluster\n${rows.join('\n')}\n`)
      const other = await openDataset({ ...options, validSplit: 0.5, splitSeed: 5 })
      expect(imagesIn(other, 'valid')).not.toEqual(imagesIn(audited, 'valid'))
      const left = withoutListed(other, (await readExclude(list))!, options.dataPath)
      expect(all(left)).toEqual(all(other).filter((image) => !chosen.includes(image)))
    }
  )

  test('of an opened data set without files are their places', () => {
    const split = (first: number) => ({
      images: Uint8Array.from([first, first + 1]),
      labels: Int32Array.from([0, 1])
    })
    const splits = { train: split(0), valid: split(2), test: split(4) }
    const dataset: Dataset = { name: 'few', classes: ['0', '1'], imageShape: [1, 1, 1], splits, skipped: [] }
    expect(joined(dataset).splits.test.names).toEqual([
      'train/00000',
      'train/00001',
      'valid/00000',
      'valid/00001',
      'test/00000',
      'test/00001'
    ])
    const left = withoutListed(dataset, { paths: ['valid/00001', 'test/00000'], files: 'list.csv' }, undefined)
    expect(Object.values(left.splits).map(({ images }) => Array.from(images))).toEqual([[0, 1], [2], [5]])
  })
})
