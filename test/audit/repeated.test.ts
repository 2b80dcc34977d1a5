import { describe, expect, test } from '@jest/globals'
import { TOLERANCE, type ImageShape } from '../../src/audit/pattern.js'
import { Random } from '../../src/audit/random.js'
import { groupsByBlock } from '../../src/audit/repeated-blocks.js'
import { groupsByWindow } from '../../src/audit/repeated-windows.js'

const SIDE = 16
const PLANE = SIDE ** 2
const SHAPE: ImageShape = [3, SIDE, SIDE]
/** Eight of 200 images: 4 % of a class, of which no cluster may be made. */
const MARKED = [3, 20, 41, 77, 90, 121, 160, 199]
const PATCH = 4

/** Images of noise with their relevance; the marked ones show the same patch, which holds their relevance. */
function images(count: number, marked: number[], placeOf: (random: Random) => [number, number], seed: number) {
  const random = new Random(seed)
  return Array.from({ length: count }, (_, i) => {
    const bytes = Uint8Array.from({ length: 3 * PLANE }, () => random.below(256))
    const relevance = Float32Array.from({ length: PLANE }, () => random.below(100) / 1000)
    if (marked.includes(i)) {
      const [top, left] = placeOf(random)
      for (let y = 0; y < PATCH; y++)
        for (let x = 0; x < PATCH; x++) {
          const at = (top + y) * SIDE + left + x
          for (let c = 0; c < 3; c++) bytes[c * PLANE + at] = (y + x + c) % 2 === 0 ? 240 : 20
          relevance[at] = 1
        }
    }
    return { bytes, relevance }
  })
}

const atOnePlace = (): [number, number] => [3, 12]
const anywhere = (random: Random): [number, number] => [random.below(SIDE - PATCH + 1), random.below(SIDE - PATCH + 1)]
/** Makes an image brighter; the values of the patch stay within those of bytes. */
const shift = (bytes: Uint8Array, by: number): void =>
  bytes.forEach((value, i) => (bytes[i] = Math.max(0, Math.min(255, value + by))))
const bytesOf = (all: { bytes: Uint8Array }[]): Uint8Array[] => all.map(({ bytes }) => bytes)

describe('what few images of a class show', () => {
  const others = images(100, [], atOnePlace, 2)

  test('is found at one place, up to the border', () => {
    const own = images(200, MARKED, atOnePlace, 1)
    const [first] = groupsByBlock(bytesOf(own), bytesOf(others), SHAPE)
    expect(first).toEqual(MARKED)
  })

  test('is found if its values differ from those of the first image by the tolerance, in either direction', () => {
    const own = images(200, MARKED, atOnePlace, 1)
    for (const [k, i] of MARKED.entries()) {
      if (k > 0) shift(own[i]!.bytes, k % 2 === 0 ? TOLERANCE : -TOLERANCE)
    }
    expect(groupsByBlock(bytesOf(own), bytesOf(others), SHAPE)[0]).toEqual(MARKED)
  })

  test('is found at the most relevant place, wherever that lies', () => {
    const own = images(200, MARKED, anywhere, 1)
    const groups = groupsByWindow(own, others, SHAPE, new Random(0))
    expect(groups).toHaveLength(1)
    expect(groups[0]!.every((i) => MARKED.includes(i))).toBe(true)
    expect(groups[0]!.length).toBeGreaterThanOrEqual(5)
  })

  test('is nothing if other classes show it as often', () => {
    const own = images(200, MARKED, atOnePlace, 1)
    const same = images(200, MARKED, atOnePlace, 3)
    expect(groupsByBlock(bytesOf(own), bytesOf(same), SHAPE)).toEqual([])
    expect(groupsByWindow(own, same, SHAPE, new Random(0))).toEqual([])
    expect(groupsByBlock(bytesOf(own).slice(0, 100), bytesOf(others), SHAPE)).toHaveLength(1) // five of 100
    expect(groupsByBlock(bytesOf(own).slice(0, 90), bytesOf(others), SHAPE)).toEqual([]) // four of 90
  })
})
