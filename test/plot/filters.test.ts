import { describe, expect, test } from '@jest/globals'
import sharp from 'sharp'
import type { Model } from '../../src/model/model.js'
import { filterFigure } from '../../src/plot/filters.js'

/** What the picture needs of a model: its first layer and that layer's weights. */
function model(op: string, shape: number[], imageShape: number[], values?: number[]): Model {
  const data = Float32Array.from(values ?? Array.from({ length: shape.reduce((a, b) => a * b, 1) }, (_, i) => i - 3))
  const tensor = { dtype: 'f32', shape, data: new Uint8Array(data.buffer) }
  const nodes = [
    { name: 'r', op: 'relu', parameters: {} },
    { name: 'first', op, parameters: { weight: 'w' } }
  ]
  return { graph: { nodes }, imageShape, stateDict: async () => new Map([['w', tensor]]) } as unknown as Model
}

const widthOf = async (png?: Buffer): Promise<number> => (await sharp(png!).metadata()).width!

describe('first-layer filters', () => {
  test('of a convolution, in rows of eight', async () => {
    expect(await widthOf(await filterFigure(model('conv2d', [12, 1, 3, 3], [1, 8, 8])))).toBe(16 + 8 * (72 + 16))
  })

  test('of a linear layer take the shape of the image', async () => {
    expect(await filterFigure(model('linear', [2, 12], [3, 2, 2]))).toBeDefined()
  })

  test('zero weights over three channels are grey, the strongest are bright', async () => {
    const png = await filterFigure(model('conv2d', [2, 3, 1, 1], [3, 8, 8], [0, 0, 0, 1, 0, -1]))
    const { data, info } = await sharp(png).raw().toBuffer({ resolveWithObject: true })
    const at = (x: number, y: number): number[] => {
      const start = (y * info.width + x) * info.channels
      return [...data.subarray(start, start + 3)]
    }
    expect(at(16 + 36, 80)).toEqual([128, 128, 128])
    expect(at(16 + 88 + 36, 80)).toEqual([255, 128, 0])
  })

  test('there are none where the first layer looks at no image', async () => {
    expect(await filterFigure(model('linear', [2, 5], [1, 2, 2]))).toBeUndefined()
    expect(await filterFigure(model('relu', [2, 5], [1, 2, 2]))).toBeUndefined()
  })
})
