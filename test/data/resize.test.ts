import { expect, test } from '@jest/globals'
import sharp from 'sharp'
import { readImage } from '../../src/data/read-image.js'
import { plainPreprocessing } from '../../src/model/preprocessing.js'
import { native } from '../../src/native/addon.js'

/** What PIL 13 makes of the picture below: `Image.resize((width, height), Image.BILINEAR)`, channels first. */
const SMALLER = [
  [80, 119, 109, 92, 109, 125, 148, 160, 88, 110, 130, 111, 137, 147, 150, 175, 165, 144, 138, 158],
  [102, 100, 100, 114, 96, 157, 119, 70, 88, 161, 174, 127, 155, 99, 134, 163, 164, 96, 77, 174],
  [124, 105, 105, 119, 127, 124, 123, 99, 87, 89, 158, 107, 112, 157, 137, 177, 190, 167, 143, 135]
].flat()
const LARGER_BEGIN = [28, 144, 99, 67, 136, 132, 52, 131, 104, 86, 111, 114, 93, 108, 112, 119, 68, 83, 115, 129]

const [height, width] = [7, 9]
const pixels = Uint8Array.from({ length: height * width * 3 }, (_, i) => (i * i * 31 + i * 17) % 256)
const png = (): Promise<Buffer> =>
  sharp(pixels, { raw: { width, height, channels: 3 } })
    .png()
    .toBuffer()

function expectNear(found: Uint8Array, wanted: number[]): void {
  wanted.forEach((value, i) => expect(Math.abs(found[i]! - value)).toBeLessThanOrEqual(1))
}

test.each([
  [[4, 5], SMALLER],
  [[13, 6], LARGER_BEGIN]
] as const)('resized to %j as PIL does it, to one step of 255', async ([h, w], wanted) => {
  const { bytes, shape } = await readImage(await png(), plainPreprocessing([3, h, w]))
  expect(shape).toEqual([3, h, w])
  expectNear(bytes, [...wanted])
})

test('the middle is cut out, and grey is repeated', async () => {
  const middle = { ...plainPreprocessing([3, height, width]), resize: undefined, crop: [3, 5] as [number, number] }
  const { bytes } = await readImage(await png(), middle)
  const expected = [0, 1, 2].flatMap((c) =>
    [2, 3, 4].flatMap((y) => [2, 3, 4, 5, 6].map((x) => pixels[(y * width + x) * 3 + c]!))
  )
  expect(Array.from(bytes)).toEqual(expected)
  const grey = await sharp(pixels.subarray(0, 63), { raw: { width, height, channels: 1 } })
    .png()
    .toBuffer()
  const tiled = (await readImage(grey, plainPreprocessing([3, height, width]))).bytes
  for (let c = 0; c < 3; c++) expect(tiled.subarray(c * 63, (c + 1) * 63)).toEqual(pixels.subarray(0, 63))
})

test.each([
  [5, 5, [1, 2]],
  [2, 8, [2, 0]],
  [6, 4, [0, 2]]
])('half a pixel of the middle %dx%d goes to the even side, as in torchvision', async (h, w, [top, left]) => {
  const p = { ...plainPreprocessing([3, height, width]), resize: undefined, crop: [h, w] as [number, number] }
  const { bytes } = await readImage(await png(), p)
  expect(bytes[0]).toBe(pixels[(top! * width + left!) * 3])
})

test('an array of the right size is filled, one of another size is not', async () => {
  const into = new Uint8Array(3 * 20)
  const { bytes } = await readImage(await png(), plainPreprocessing([3, 4, 5]), into)
  expect(bytes).toBe(into)
  const small = new Uint8Array(7)
  expect((await readImage(await png(), plainPreprocessing([3, 4, 5]), small)).bytes).toHaveLength(60)
  expect(small).toEqual(new Uint8Array(7))
})

test('an image that is needed no more gives its memory back, but never that of others', async () => {
  const how = { height: 2, width: 3, channels: 1, planar: true, interpolation: 'bilinear' as const }
  const arrange = (bytes: Uint8Array, consumes: boolean): Promise<void> =>
    native().arrangeImage(bytes, { ...how, consumes }, new Uint8Array(6), [1, 2, 3])
  const [kept, consumed, part] = [new Uint8Array(6), new Uint8Array(6), new Uint8Array(20).subarray(3, 9)]
  await arrange(kept, false)
  await arrange(consumed, true)
  await arrange(part, true)
  expect([kept, consumed, part].map((bytes) => bytes.buffer.byteLength)).toEqual([6, 0, 20])
})
