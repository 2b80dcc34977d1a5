import { Model } from '../../../src/model/model.js'
import { sequentialModel } from '../../models.js'
import type { RawTensor } from '../../../src/core/tensor.js'

/** Weight of input i for class k of `linearModel`. */
export const weightOf = (k: number, i: number): number => Math.sin(1 + 7 * k + 3 * i)

/** logit k = sum of weightOf(k, i) x_i over 36 inputs, three classes, no bias. */
export function linearModel(imageShape = [1, 6, 6]): Promise<Model> {
  const raw = (values: Float32Array, shape: number[]): RawTensor => ({
    dtype: 'f32',
    shape,
    data: new Uint8Array(values.buffer)
  })
  const weight = Float32Array.from({ length: 3 * 36 }, (_, j) => weightOf(Math.floor(j / 36), j % 36))
  return sequentialModel(
    [null, ...imageShape],
    [['flatten'], ['linear']],
    new Map([
      ['1.weight', raw(weight, [3, 36])],
      ['1.bias', raw(new Float32Array(3), [3])]
    ])
  )
}
