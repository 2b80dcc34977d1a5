import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import sharp from 'sharp'
import type { Dataset } from '../../src/data/dataset.js'
import { withoutListed } from '../../src/data/exclude.js'
import { withPatch } from '../../src/data/insert-patch.js'

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

  /** Changed pixels of each training image, in the first channel. */
  const changed = ({ splits }: Dataset): number[][] =>
    Array.from({ length: COUNT }, (_, i) =>
      Array.from(splits.train.images.subarray(i * 108, i * 108 + 36).entries())
        .filter(([, value]) => value !== 7)
        .map(([place]) => place)
    )

  test('a patch as large as the images lies where it is opaque, in about half of every class', async () => {
    const before = dataset()
    const after = await withPatch(before, inFolder('whole.png'), 1)
    const places = changed(after)
    expect(places.every((one) => one.length === 0 || one.join() === '23')).toBe(true)
    for (const label of [0, 1]) {
      const some = places.filter((one, i) => i % 2 === label && one.length > 0).length
      expect(some).toBeGreaterThan(4)
      expect(some).toBeLessThan(16)
    }
    const own = places.findIndex((one) => one.length > 0)
    const pixel = [0, 1, 2].map((c) => after.splits.train.images[own * 108 + c * 36 + 23])
    expect(pixel).toEqual([200, 100, 50])
    expect(after.splits.test).toBe(before.splits.test)
    expect(changed(before).flat()).toEqual([])
    expect(changed(await withPatch(before, inFolder('whole.png'), 1))).toEqual(places)
  })

  test('a small one lies at its place, or anywhere', async () => {
    const placed = changed(await withPatch(dataset(), `${inFolder('small.png')}@3:2`, 1))
    expect(new Set(placed.filter((one) => one.length > 0).map(String))).toEqual(new Set(['15,16,21,22']))
    const anywhere = changed(await withPatch(dataset(), inFolder('small.png'), 1))
    expect(new Set(anywhere.map(String)).size).toBeGreaterThan(6)
    await expect(withPatch(dataset(), `${inFolder('small.png')}@5:2`, 1)).rejects.toThrow('does not fit')
    await expect(withPatch(dataset(), inFolder('none.png'), 1)).rejects.toThrow('none.png')
  })

  test('listed images are left out, by their path or from the data folder on', async () => {
    await writeFile(inFolder('list.csv'), 'path,class,cluster\ntest/1/3.png,8,0\ndata/train/0/4.png,8,0\n')
    const { splits } = await withoutListed(dataset(), inFolder('list.csv'), 'data')
    expect(splits.test.paths).not.toContain('data/test/1/3.png')
    expect(splits.train.paths).not.toContain('data/train/0/4.png')
    expect([splits.train, splits.valid, splits.test].map(({ labels }) => labels.length)).toEqual([39, 40, 39])
    expect(splits.train.images.length).toBe(39 * 108)
  })

  test('a list of something else is refused', async () => {
    await writeFile(inFolder('other.csv'), 'path\nelsewhere.png\n')
    await writeFile(inFolder('wrong.csv'), 'file\n1.png\n')
    await expect(withoutListed(dataset(), inFolder('other.csv'), 'data')).rejects.toThrow('none of the 1 paths')
    await expect(withoutListed(dataset(), inFolder('wrong.csv'), 'data')).rejects.toThrow("no column 'path'")
    await expect(withoutListed(dataset(), inFolder('absent.csv'), 'data')).rejects.toThrow('cannot be read')
  })
})
