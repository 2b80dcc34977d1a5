import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { describe, expect, test } from '@jest/globals'
import sharp from 'sharp'
import { BitDepth } from '../../src/data/bit-depth.js'
import { packageRoot } from '../../src/core/paths.js'
import { isImageFile } from '../../src/core/image-file.js'
import { readImage } from '../../src/data/read-image.js'
import { imagenetPreprocessing, plainPreprocessing } from '../../src/model/preprocessing.js'
import type { Interpolation, Preprocessing } from '../../src/core/graph.js'

const folder = join(import.meta.dirname, 'images')

/** What PIL makes of the files: scripts/make-image-fixture.py. */
interface Expected {
  files: Record<string, { size: [number, number]; rgb: string; l: string }>
  resized: { interpolation: Interpolation; size: [number, number]; rgb: string }[]
  parts: { interpolation: Interpolation; size: [number, number]; crop: [number, number]; rgb: string }[]
}
const expected = JSON.parse(readFileSync(join(folder, 'expected.json'), 'utf8')) as Expected

async function largestDifference(name: string, p: Preprocessing, values: string): Promise<number> {
  const { bytes } = await readImage(join(folder, name), p)
  const wanted = Buffer.from(values, 'base64')
  expect(bytes).toHaveLength(wanted.length)
  return wanted.reduce((most, value, i) => Math.max(most, Math.abs(value - bytes[i]!)), 0)
}

/** Image files are what PIL makes of them. */
describe.each(Object.entries(expected.files))('%s', (name, { size, rgb, l }) => {
  test('is read as PIL reads it', async () => {
    expect(isImageFile(name)).toBe(true)
    expect(await largestDifference(name, plainPreprocessing([3, ...size]), rgb)).toBe(0)
  })

  test("becomes PIL's grey", async () => {
    expect(await largestDifference(name, plainPreprocessing([1, ...size]), l)).toBe(0)
  })
})

test.each(expected.resized)('$interpolation to $size as PIL, to one step', async ({ interpolation, size, rgb }) => {
  const p = { ...plainPreprocessing([3, ...size]), interpolation }
  expect(await largestDifference('colours.png', p, rgb)).toBeLessThanOrEqual(interpolation === 'nearest' ? 0 : 1)
})

test.each(expected.parts)(
  'the middle $crop of $size, $interpolation, is what PIL crops',
  async ({ interpolation, size, crop, rgb }) => {
    const p = { ...plainPreprocessing([3, ...size]), interpolation, crop }
    expect(await largestDifference('colours.png', p, rgb)).toBe(0)
  }
)

test('is turned as EXIF says where the preprocessing asks for it', async () => {
  const { shape } = await readImage(join(folder, 'turned.jpg'), { ...plainPreprocessing([3]), orient: true })
  expect(shape).toEqual([3, 17, 13])
})

test.each([
  ['float.tif', 'float'],
  ['int32.tif', 'int']
])('%s is refused by the type of its numbers', async (name, type) => {
  const reading = readImage(join(folder, name), plainPreprocessing([1, 13, 17]))
  await expect(reading).rejects.toMatchObject({ code: 'INVALID_FILE' })
  await expect(reading).rejects.toThrow(`its values are of the type ${type}:`)
})

test('a set of dark 16-bit images is noticed, one with a bright image is not', async () => {
  const [images, bits] = [join(folder, 'twelve-bits.png'), new BitDepth()]
  expect(bits.notes()).toEqual([])
  bits.see(await readImage(images, plainPreprocessing([1, 13, 17])))
  expect(bits.notes()).toEqual([expect.stringMatching(/reach 3616 of 65535 .*"white": 4095/)])
  bits.see(await readImage(join(folder, 'sixteen-bits.png'), plainPreprocessing([1, 13, 17])))
  expect(bits.notes()).toEqual([])
})

describe('what would take too much is refused', () => {
  const svg = (width: number): Buffer =>
    Buffer.from(`<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="20000"><rect/></svg>`)

  test('by its pixels', async () => {
    const reading = readImage(svg(6000), plainPreprocessing([3, 8, 8]))
    await expect(reading).rejects.toMatchObject({ code: 'INVALID_FILE' })
    await expect(reading).rejects.toThrow('it has 6000x20000 pixels, which is more than 100 million')
  })

  const long = (): Promise<Buffer> =>
    sharp({ create: { width: 65000, height: 1, channels: 3, background: '#123' } })
      .png()
      .toBuffer()

  test('by what resizing would make of it', async () => {
    const whole = { ...imagenetPreprocessing(), crop: undefined }
    await expect(readImage(await long(), whole)).rejects.toThrow('1x65000 and would be resized to 256x16640000')
  })

  test('but of a large image only what the crop keeps is resized (F3)', async () => {
    const { bytes, shape } = await readImage(await long(), imagenetPreprocessing())
    expect([shape, [0, 224 * 224, 2 * 224 * 224].map((i) => bytes[i])]).toEqual([
      [3, 224, 224],
      [0x11, 0x22, 0x33]
    ])
  })

  test('and large images are decoded and resized one after the other (F4)', () => {
    const script = `
      const { readImage } = await import(process.argv[1])
      const { default: sharp } = await import('sharp')
      const create = { width: 9900, height: 9900, channels: 3, background: '#123456' }
      const file = await sharp({ create, limitInputPixels: false }).png().toBuffer()
      const p = { channels: 3, resize: 256, crop: [224, 224], channelOrder: 'rgb', scale: 1, mean: [0, 0, 0], std: [1, 1, 1] }
      const read = await Promise.all(Array.from({ length: 12 }, () => readImage(file, p)))
      console.log(read.length, Math.round(process.resourceUsage().maxRSS / 1024))`
    const module = join(packageRoot, 'dist', 'data', 'read-image.js')
    const args = ['--input-type=module', '-e', script, pathToFileURL(module).href]
    const { stdout, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8', cwd: packageRoot })
    expect(stderr).toBe('')
    const [images, megabytes] = stdout.trim().split(' ').map(Number)
    expect(images).toBe(12)
    expect(megabytes).toBeLessThan(2000)
  })
})

test('a file that changes is read anew', async () => {
  const path = join(mkdtempSync(join(tmpdir(), 'lrp-changed-')), 'image.webp')
  for (const value of [10, 200]) {
    const image = sharp({ create: { width: 4, height: 4, channels: 3, background: { r: value, g: value, b: value } } })
    writeFileSync(path, await image.webp({ lossless: true }).toBuffer())
    expect((await readImage(path, plainPreprocessing([1, 4, 4]))).bytes[0]).toBe(value)
  }
})

test('12 bits in a file of 16 are noticed, and become bytes where white is named', async () => {
  const path = join(folder, 'twelve-bits.png')
  const plain = plainPreprocessing([1, 13, 17])
  const dark = await readImage(path, plain)
  expect(dark.largest16).toBe(12 * 300 + 16)
  expect(Math.max(...dark.bytes)).toBe((12 * 300 + 16) >> 8)
  const { bytes, largest16 } = await readImage(path, { ...plain, white: 4095 })
  expect(largest16).toBeUndefined()
  expect(bytes[bytes.length - 1]).toBe(Math.round(((12 * 300 + 16) / 4095) * 255))
})
