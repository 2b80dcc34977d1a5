import { Model } from '../../../src/model/model.js'
import { sequentialModel } from '../../models.js'
import { sizeOf, type RawTensor } from '../../../src/core/tensor.js'

/** Weight of input i for class k of `linearModel`. */
export const weightOf = (k: number, i: number): number => Math.sin(1 + 7 * k + 3 * i)

/** logit k = sum of weightOf(k, i) x_i over all inputs, no bias. */
export function linearModel(imageShape = [1, 6, 6], classes = 3): Promise<Model> {
  const raw = (values: Float32Array, shape: number[]): RawTensor => ({
    dtype: 'f32',
    shape,
    data: new Uint8Array(values.buffer)
  })
  const inputs = sizeOf(imageShape)
  const weight = Float32Array.from({ length: classes * inputs }, (_, j) => weightOf(Math.floor(j / inputs), j % inputs))
  return sequentialModel(
    [null, ...imageShape],
    [['flatten'], ['linear']],
    new Map([
      ['1.weight', raw(weight, [classes, inputs])],
      ['1.bias', raw(new Float32Array(classes), [classes])]
    ])
  )
}
