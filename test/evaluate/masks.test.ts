import { describe, expect, test } from '@jest/globals'
import { masksOf } from '../../src/evaluate/masks.js'
import type { Tensor } from '../../src/core/tensor.js'

const input: Tensor = { data: new Float32Array(2 * 2 * 3 * 4), shape: [2, 2, 3, 4] }
const tensor = (shape: number[], data: number[]): Tensor => ({ data: Float32Array.from(data), shape })

describe('masks of two images of 2 channels and 3x4 pixels', () => {
  test('boxes are left, top, right, bottom; right and bottom are not inside', () => {
    const { data, shape } = masksOf(tensor([2, 4], [1, 0, 3, 2, 0, 2, 4, 3]), input)
    expect(shape).toEqual(input.shape)
    const first = [0, 1, 1, 0, 0, 1, 1, 0, 0, 0, 0, 0]
    const second = [0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1]
    expect(Array.from(data)).toEqual([...first, ...first, ...second, ...second])
  })

  test('one plane serves all channels, with or without an axis of its own', () => {
    const planes = Array.from({ length: 24 }, (_, i) => i % 3)
    const [one, two] = [planes.slice(0, 12), planes.slice(12)]
    for (const shape of [
      [2, 3, 4],
      [2, 1, 3, 4]
    ])
      expect(Array.from(masksOf(tensor(shape, planes), input).data)).toEqual([...one, ...one, ...two, ...two])
  })

  test('a mask of the shape of the input is taken as it is', () => {
    const whole = tensor(input.shape, Array<number>(48).fill(1))
    expect(masksOf(whole, input).data).toBe(whole.data)
  })

  test.each([
    [tensor([2, 4], [1, 0, 5, 2, 0, 2, 4, 3]), 'the box of image 0 (1, 0, 5, 2) leaves the image of 4x3 pixels'],
    [tensor([2, 4], [1, 0, 3, 2, 3, 2, 3, 3]), 'the mask of image 1 is empty'],
    [tensor([2, 4], [1, 0, 3, 2, NaN, 2, 3, 3]), 'the box of image 1'],
    [tensor([2, 3, 4], Array<number>(24).fill(0)), 'the mask of image 0 is empty'],
    [tensor([3, 3, 4], Array<number>(36).fill(1)), 'the mask has shape [3, 3, 4], the input [2, 2, 3, 4]']
  ])('%j is refused', (mask, message) => {
    expect(() => masksOf(mask, input)).toThrow(message)
  })
})
