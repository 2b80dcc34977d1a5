import { describe, expect, test } from '@jest/globals'
import { asExactAsShown } from '../../src/audit/exactness.js'
import { findPattern, PRESENT, shows, type Bytes, type ImageShape, type Pattern } from '../../src/audit/pattern.js'
import { placesWith } from '../../src/audit/places.js'

const SHAPE: ImageShape = [1, 8, 8]
const SIDE = 4
const [TOP, LEFT] = [2, 3]

/** An image whose square has these values, by the pixel's place in the square. */
function image(valueOf: (at: number) => number): Bytes {
  const bytes = new Uint8Array(64)
  for (let at = 0; at < SIDE ** 2; at++) bytes[(TOP + Math.floor(at / SIDE)) * 8 + LEFT + (at % SIDE)] = valueOf(at)
  return bytes
}

/** A white square, as an image with a stroke there first showed it. */
const SQUARE: Pattern = {
  height: SIDE,
  width: SIDE,
  place: { top: TOP, left: LEFT },
  mask: new Uint8Array(SIDE ** 2).fill(1),
  content: new Uint8Array(SIDE ** 2).fill(236)
}
const marked = Array.from({ length: 18 }, () => image(() => 250))
const strokes = [image((at) => 228 + at), image((at) => (at === 5 ? 180 : 240))]

function shown(images: Bytes[]): { pattern: Pattern; members: number[] } {
  const matches = images.map((one) => findPattern(one, SHAPE, SQUARE))
  const like = placesWith(matches, ({ share }) => share >= PRESENT)
  const pattern = asExactAsShown(SQUARE, images, matches, like, SHAPE)
  return { pattern, members: placesWith(images, (one) => shows(findPattern(one, SHAPE, pattern), pattern)) }
}

describe('a pattern that most images show exactly', () => {
  test('is not shown by images that only resemble it', () => {
    const { pattern, members } = shown([...strokes, ...marked])
    expect(members).toEqual(marked.map((_, i) => i + 2))
    expect(pattern.exactness).toEqual({ tolerance: 0, share: 1 })
    expect([...pattern.content]).toEqual(Array(SIDE ** 2).fill(250))
  })

  test('may miss the pixels that most images miss', () => {
    const cut = marked.map(() => image((at) => (at === 0 ? 0 : 250)))
    const wide = { ...SQUARE, content: SQUARE.content.slice() }
    const matches = cut.map((one) => findPattern(one, SHAPE, wide))
    const pattern = asExactAsShown(wide, cut, matches, [...cut.keys()], SHAPE)
    expect(pattern.content[0]).toBe(0)
    expect(pattern.exactness).toEqual({ tolerance: 0, share: 1 })
  })
})

test('compressed images keep the pattern as it was sought', () => {
  const noisy = marked.map((_, i) => image((at) => 225 + ((7 * i + 11 * at) % 31)))
  const { pattern, members } = shown(noisy)
  expect(pattern).toBe(SQUARE)
  expect(members).toHaveLength(noisy.length)
})

test('values that differ a little ask for a little tolerance', () => {
  const near = marked.map((_, i) => image((at) => 248 + ((i + at) % 3)))
  expect(shown([...near, ...strokes]).pattern.exactness).toEqual({ tolerance: 2, share: 0.95 })
})
