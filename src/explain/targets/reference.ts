import { extname } from 'node:path'
import { LrpError } from '../../core/errors.js'
import { sizeOf, type Tensor } from '../../core/tensor.js'
import type { Model } from '../../model/model.js'
import { otherSize } from '../../model/preprocessing.js'
import { openInputs } from '../inputs.js'

/** Number of images whose embeddings are computed together. */
const AT_ONCE = 16

/**
 * The reference embedding [references, features]: that of an image or a `.npy` input, or the mean embedding of a
 * folder. A given embedding is not changed.
 * @param imageShape of the images that are explained, if it is not that of the preprocessing: image files are brought
 * to it
 * @throws LrpError NOT_FOUND, INVALID_FILE
 */
export async function referenceOf(
  model: Model,
  reference: string | Tensor,
  imageShape: readonly number[] = []
): Promise<Tensor> {
  if (typeof reference !== 'string') {
    const { data, shape } = reference
    return { data, shape: shape.length === 1 ? [1, ...shape] : shape }
  }
  const imageSize = extname(reference) === '.npy' ? undefined : otherSize(model.preprocessing, imageShape)
  const inputs = await openInputs(model, { input: [reference], imageSize })
  const count = inputs.names.length
  let sum: Float64Array | undefined
  for (let from = 0; from < count; from += AT_ONCE) {
    const { data, shape } = await model.forward(await inputs.read(from, Math.min(count, from + AT_ONCE)))
    const features = sizeOf(shape.slice(1))
    if (features !== shape[1])
      throw new LrpError(
        'UNSUPPORTED',
        `option 'reference' needs a network with an output [batch, features], not [${shape.join(', ')}]`
      )
    sum ??= new Float64Array(features)
    for (let i = 0; i < data.length; i++) sum[i % features]! += data[i]!
  }
  return { data: Float32Array.from(sum!, (value) => value / count), shape: [1, sum!.length] }
}
