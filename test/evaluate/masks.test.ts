import { describe, expect, test } from '@jest/globals'
import { masksOf } from '../../src/evaluate/metrics/masks.js'
import type { Tensor } from '../../src/core/tensor.js'

const input: Tensor = { data: new Float32Array(2 * 2 * 3 * 4), shape: [2, 2, 3, 4] }
const tensor = (shape: number[], data: number[]): Tensor => ({ data: Float32Array.from(data), shape })
const masks = (given: Tensor) => masksOf(given, input, ['a', 'b'])
const planes = (given: Tensor) => masks(given).planes.map((plane) => plane && Array.from(plane))

describe('masks of two images of 2 channels and 3x4 pixels', () => {
  test('boxes are left, top, right, bottom; right and bottom are not inside', () => {
    expect(planes(tensor([2, 4], [1, 0, 3, 2, 0, 2, 4, 3]))).toEqual([
      [0, 1, 1, 0, 0, 1, 1, 0, 0, 0, 0, 0],
      [0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1]
    ])
  })

  test('one plane serves all channels, with or without an axis of its own', () => {
    const given = Array.from({ length: 24 }, (_, i) => i % 3)
    const inside = given.map((value) => Number(value > 0))
    for (const shape of [
      [2, 3, 4],
      [2, 1, 3, 4]
    ])
      expect(planes(tensor(shape, given))).toEqual([inside.slice(0, 12), inside.slice(12)])
  })

  test('of a mask in the shape of the input, what any channel marks is inside', () => {
    const given = Array<number>(48).fill(0)
    given[2] = 0.5 // image a, channel 0
    given[12 + 7] = 1 // image a, channel 1
    given[24 + 12 + 11] = 2 // image b, channel 1
    const [a, b] = planes(tensor(input.shape, given))
    expect([a!.indexOf(1), a!.lastIndexOf(1), b!.indexOf(1)]).toEqual([2, 7, 11])
    expect(a!.reduce((sum, one) => sum + one) + b!.reduce((sum, one) => sum + one)).toBe(3)
  })

  test('an empty or a full mask is left out, and a note says so', () => {
    const empty = masks(tensor([2, 4], [1, 0, 3, 2, 3, 2, 3, 3]))
    expect(empty.planes[1]).toBeUndefined()
    expect(empty.notes).toEqual(['not in the localisation metrics, because the mask is empty: b'])
    const full = masks(tensor([2, 4], [0, 0, 4, 3, 1, 0, 3, 2]))
    expect([full.planes[0], full.notes]).toEqual([
      undefined,
      ['not in the localisation metrics, because the mask is full: a']
    ])
  })

  test.each([
    [
      tensor([2, 4], [1, 0, 5, 2, 0, 2, 4, 3]),
      'the box of image 0 (1, 0, 5, 2) is not inside the image, which is 4x3 pixels'
    ],
    [tensor([2, 4], [1, 0, 3, 2, NaN, 2, 3, 3]), 'the box of image 1'],
    [tensor([2, 3, 4], Array<number>(24).fill(0)), 'the masks of all images are empty or full'],
    [tensor([3, 3, 4], Array<number>(36).fill(1)), 'the mask has shape [3, 3, 4], but the input has [2, 2, 3, 4]']
  ])('%j is refused', (mask, message) => {
    expect(() => masks(mask)).toThrow(message)
  })
})
