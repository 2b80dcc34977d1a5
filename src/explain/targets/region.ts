import { existsSync } from 'node:fs'
import { LrpError } from '../../core/errors.js'
import { optionError } from '../../core/options.js'
import { sizeOf, type Tensor } from '../../core/tensor.js'
import { readImage } from '../../data/read-image.js'
import type { Model } from '../../model/model.js'
import { maskPreprocessing, otherSize } from '../../model/preprocessing.js'
import type { NativeRegion } from '../../native/addon.js'
import type { TargetOptions } from './options.js'

/**
 * A region as C++ takes it.
 * @param imageShape of the images that are explained
 * @throws LrpError NOT_FOUND, INVALID_FILE for a mask; INVALID_ARGUMENT for an empty one
 */
export async function regionOf(
  model: Model,
  region: TargetOptions['region'],
  imageShape: readonly number[]
): Promise<NativeRegion | undefined> {
  if (region === undefined) return undefined
  if (region === 'predicted' || region === 'all') return { name: region }
  if (Array.isArray(region)) return { point: region }
  const mask = typeof region === 'string' ? await readMask(model, region, imageShape) : planesOf(region)
  if (mask.data.some((value) => value > 0)) return { mask }
  const which = typeof region === 'string' ? region : 'given'
  throw new LrpError('INVALID_ARGUMENT', `the mask ${which} is empty: at least one of its values must be above 0`)
}

/**
 * Reads a mask image: pixels that are not black are inside. It is resized and cropped like the model's images,
 * without interpolation; a mask of the network's own size is not changed.
 */
async function readMask({ preprocessing }: Model, path: string, imageShape: readonly number[]): Promise<Tensor> {
  if (!existsSync(path))
    throw optionError('region', ` must be predicted, all, y,x or a mask image: '${path}' does not exist`)
  const own = await readImage(path, maskPreprocessing())
  const isArranged = own.shape.slice(1).join() === imageShape.slice(1).join()
  const resize = otherSize(preprocessing, imageShape)
  const asImages = { ...maskPreprocessing(resize ? { resize } : preprocessing), orient: preprocessing?.orient }
  const arranged = isArranged ? own : await readImage(path, asImages)
  return { data: Float32Array.from(arranged.bytes), shape: arranged.shape }
}

/** [height, width] or [batch, height, width], or with one channel: [batch, 1, height, width]. */
function planesOf({ data, shape }: Tensor): Tensor {
  const [height, width] = shape.slice(-2)
  if (shape.length < 2 || sizeOf(shape) !== data.length || (shape.length === 4 && shape[1] !== 1))
    throw new LrpError('INVALID_ARGUMENT', `a mask must have the shape [height, width], not [${shape.join(', ')}]`)
  return { data: Float32Array.from(data), shape: [data.length / (height! * width!), height!, width!] }
}
