import { expect, test } from '@jest/globals'
import type { Tensor } from '../../src/core/tensor.js'
import { sequentialModel } from '../models.js'

const [HEIGHT, WIDTH] = [7, 11]

/** Two images of two channels, values in no order. */
const input: Tensor = {
  data: Float32Array.from({ length: 2 * 2 * HEIGHT * WIDTH }, (_, i) => ((i * 7919) % 617) - 300),
  shape: [2, 2, HEIGHT, WIDTH]
}

/** Largest value of each window that lies wholly inside, by its definition. */
function largest([rows, columns]: number[], [down, right]: number[]): { data: number[]; shape: number[] } {
  const [height, width] = [Math.floor((HEIGHT - rows!) / down!) + 1, Math.floor((WIDTH - columns!) / right!) + 1]
  const data: number[] = []
  for (let plane = 0; plane < 4; plane++) {
    for (let y = 0; y < height; y++) {
      for (let x = 0; x < width; x++) {
        const window = Array.from({ length: rows! * columns! }, (_, i) => {
          const [row, column] = [y * down! + Math.floor(i / columns!), x * right! + (i % columns!)]
          return input.data[(plane * HEIGHT + row) * WIDTH + column]!
        })
        data.push(Math.max(...window))
      }
    }
  }
  return { data, shape: [2, 2, height, width] }
}

test.each([
  { kernel: [2, 2], stride: [2, 2] },
  { kernel: [2, 3], stride: [3, 5] },
  { kernel: [1, 4], stride: [2, 4] },
  { kernel: [3, 3], stride: [2, 1] },
  { kernel: [7, 11], stride: [7, 11] }
])('max pooling with kernel $kernel and stride $stride', async ({ kernel, stride }) => {
  const model = await sequentialModel(
    [null, 2, HEIGHT, WIDTH],
    [['max_pool2d', { kernel_size: kernel, stride }]],
    new Map()
  )
  const expected = largest(kernel, stride)
  const found = await model.forward(input)
  expect(found.shape).toEqual(expected.shape)
  expect(Array.from(found.data)).toEqual(expected.data)
  model.dispose()
})

test('a window that is larger than the image is refused', async () => {
  const larger = sequentialModel([null, 2, HEIGHT, WIDTH], [['max_pool2d', { kernel_size: 8 }]], new Map())
  await expect(larger).rejects.toThrow('max_pool2d')
})
