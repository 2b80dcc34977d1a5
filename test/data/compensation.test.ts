import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import sharp from 'sharp'
import type { Dataset } from '../../src/data/dataset.js'
import { readExclude, withoutListed } from '../../src/data/exclude.js'
import type { Tensor } from '../../src/core/tensor.js'
import { native } from '../../src/native/addon.js'
import { nativeAugmentation } from '../../src/train/augment.js'

const COUNT = 40

function dataset(): Dataset {
  const split = (name: string) => ({
    images: new Uint8Array(COUNT * 3 * 6 * 6).fill(7),
    labels: Int32Array.from({ length: COUNT }, (_, i) => i % 2),
    paths: Array.from({ length: COUNT }, (_, i) => `data/${name}/${i % 2}/${i}.png`)
  })
  const splits = { train: split('train'), valid: split('valid'), test: split('test') }
  return { name: 'few', classes: ['0', '1'], imageShape: [3, 6, 6], splits, skipped: [] }
}

describe('what an audit found is taken out of the training images', () => {
  let folder: string
  const inFolder = (name: string): string => join(folder, name)
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'lrp-compensation-'))
    const pixel = Buffer.from([200, 100, 50, 255])
    const small = Buffer.concat(Array.from({ length: 4 }, () => pixel))
    await sharp(small, { raw: { width: 2, height: 2, channels: 4 } })
      .png()
      .toFile(inFolder('small.png'))
    const whole = Buffer.alloc(6 * 6 * 4)
    pixel.copy(whole, 4 * (3 * 6 + 5))
    await sharp(whole, { raw: { width: 6, height: 6, channels: 4 } })
      .png()
      .toFile(inFolder('whole.png'))
  })
  afterAll(() => rm(folder, { recursive: true, force: true }))

  const preprocessing = { mean: [0, 0, 0], std: [1, 1, 1], scale: 1, bgr: false }
  const pixelsOf = ({ data }: Tensor, i: number, c = 0): number[] =>
    Array.from(data.subarray((3 * i + c) * 36, (3 * i + c + 1) * 36), (value) => Math.round(value * 255))

  const without = async (list: string): Promise<Dataset> =>
    withoutListed(dataset(), (await readExclude(inFolder(list)))!, 'data')

  /** The images of one epoch; each epoch has keys of its own. */
  async function epoch(insert: string, number: number, more: object = {}): Promise<Tensor> {
    const augmentation = await nativeAugmentation({ insert, ...more }, [3, 6, 6])
    const keys = Array.from({ length: COUNT }, (_, i) => number * COUNT + i)
    const { images } = dataset().splits.train
    const given = { data: images, shape: [COUNT, 3, 6, 6] }
    return native().testing.trainingSteps.augment(given, augmentation!, preprocessing, 1, keys)
  }
  /** Changed pixels of each training image, in the first channel. */
  async function changed(insert: string, number = 0): Promise<number[][]> {
    const images = await epoch(insert, number)
    return Array.from({ length: COUNT }, (_, i) =>
      pixelsOf(images, i).flatMap((value, place) => (value === 7 ? [] : [place]))
    )
  }

  test('a patch as large as the images lies where it is opaque, in about half of every class', async () => {
    const places = await changed(inFolder('whole.png'))
    expect(places.every((one) => one.length === 0 || one.join() === '23')).toBe(true)
    for (const label of [0, 1]) {
      const some = places.filter((one, i) => i % 2 === label && one.length > 0).length
      expect(some).toBeGreaterThan(4)
      expect(some).toBeLessThan(16)
    }
    const own = places.findIndex((one) => one.length > 0)
    const images = await epoch(inFolder('whole.png'), 0)
    expect([0, 1, 2].map((c) => pixelsOf(images, own, c)[23])).toEqual([200, 100, 50])
  })

  test('a small one lies at its place, or anywhere', async () => {
    const placed = await changed(`${inFolder('small.png')}@3:2`)
    expect(new Set(placed.filter((one) => one.length > 0).map(String))).toEqual(new Set(['15,16,21,22']))
    expect(new Set((await changed(inFolder('small.png'))).map(String)).size).toBeGreaterThan(6)
    await expect(changed(`${inFolder('small.png')}@5:2`)).rejects.toThrow('does not fit')
    await expect(changed(inFolder('none.png'))).rejects.toThrow('none.png')
  })

  test('every epoch draws anew which images get it and where, and draws the same again', async () => {
    const [first, second] = [await changed(inFolder('small.png'), 0), await changed(inFolder('small.png'), 1)]
    expect(second).not.toEqual(first)
    expect(await changed(inFolder('small.png'), 1)).toEqual(second)
    const ever = await Promise.all(Array.from({ length: 12 }, (_, i) => changed(inFolder('whole.png'), i)))
    for (let i = 0; i < COUNT; i++) {
      const times = ever.filter((places) => places[i]!.length > 0).length
      expect(times).toBeGreaterThan(0)
      expect(times).toBeLessThan(12)
    }
  })

  test('it is pasted before everything else, which it does not change', async () => {
    const flipped = await epoch(`${inFolder('small.png')}@3:2`, 0, { flip: true })
    const places = new Set(
      Array.from({ length: COUNT }, (_, i) =>
        pixelsOf(flipped, i)
          .flatMap((value, at) => (value === 7 ? [] : [at]))
          .join()
      )
    )
    expect(places).toEqual(new Set(['', '15,16,21,22', '13,14,19,20']))
  })

  test('images of floats get the same patch', async () => {
    const augmentation = await nativeAugmentation({ insert: inFolder('whole.png') }, [3, 6, 6])
    const keys = Array.from({ length: COUNT }, (_, i) => i)
    const data = Float32Array.from(dataset().splits.train.images, (byte) => byte / 255)
    const given = { data, shape: [COUNT, 3, 6, 6] }
    const floats = native().testing.trainingSteps.augment(given, augmentation!, preprocessing, 1, keys)
    const bytes = await epoch(inFolder('whole.png'), 0)
    floats.data.forEach((value, i) => expect(value).toBeCloseTo(bytes.data[i]!, 6))
  })

  test('listed images are left out, by their path or from the data folder on', async () => {
    await writeFile(inFolder('list.csv'), 'path,class,cluster\ntest/1/3.png,8,0\ndata/train/0/4.png,8,0\n')
    const { splits } = await without('list.csv')
    expect(splits.test.paths).not.toContain('data/test/1/3.png')
    expect(splits.train.paths).not.toContain('data/train/0/4.png')
    expect([splits.train, splits.valid, splits.test].map(({ labels }) => labels.length)).toEqual([39, 40, 39])
    expect(splits.train.images.length).toBe(39 * 108)
  })

  test('a list of something else is refused', async () => {
    await writeFile(inFolder('other.csv'), 'path\nelsewhere.png\n')
    await writeFile(inFolder('wrong.csv'), 'file\n1.png\n')
    await expect(without('other.csv')).rejects.toThrow('none of the 1 paths')
    await expect(without('wrong.csv')).rejects.toThrow("no column 'path'")
    await expect(without('absent.csv')).rejects.toThrow('cannot be read')
  })
})
