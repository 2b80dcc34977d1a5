import { existsSync } from 'node:fs'
import { LrpError } from '../core/errors.js'
import { optionError } from '../core/options.js'
import { sizeOf, type Tensor } from '../core/tensor.js'
import { readNpy } from '../core/npy.js'
import { nearest } from '../core/suggest.js'
import { inputRange, neededPreprocessing } from '../model/preprocessing.js'
import { asNetwork } from '../model/layout.js'
import type { Model } from '../model/model.js'
import { blur } from '../plot/box-filter.js'

const NAMES = ['zero', 'black', 'mean', 'blur']

/**
 * The input without information for integrated gradients and occlusion: [1, ...] for all images, or one for each.
 * `zero` (the default) is 0 where the network reads it, after preprocessing: mean grey for most networks. `black` is
 * black before preprocessing, `mean` each image's mean per channel, `blur` each image blurred, a quarter of its size
 * wide. Any other text is a `.npy` file shaped like one image.
 * @throws LrpError INVALID_ARGUMENT if black is not known or a file has another shape; as `readNpy`
 */
export async function baselineOf(model: Model, images: Tensor, baseline = 'zero'): Promise<Tensor> {
  const image = images.shape.slice(1)
  if (baseline === 'zero') return { data: new Float32Array(sizeOf(image)), shape: [1, ...image] }
  if (baseline === 'black') return black(model, image)
  if (baseline === 'mean') return { data: byPlane(images, filled), shape: images.shape }
  if (baseline === 'blur') return { data: byPlane(images, blurred), shape: images.shape }
  if (!existsSync(baseline)) {
    const meant = nearest(baseline, NAMES)
    const hint = meant === undefined ? '' : `: did you mean '${meant}'?`
    throw optionError('baseline', ` must be ${NAMES.join(', ')} or a .npy file, not '${baseline}'${hint}`)
  }
  const found = await readNpy(baseline)
  const isOne = found.shape.length === image.length
  const { data, shape } = asNetwork(model, isOne ? { ...found, shape: [1, ...found.shape] } : found)
  const own = shape[0] === 1 ? shape.slice(1) : []
  if (own.join() !== image.join()) {
    const wanted = `[${image.join(', ')}]`
    throw new LrpError(
      'INVALID_ARGUMENT',
      `the baseline ${baseline} has shape [${found.shape.join(', ')}], but an image has ${wanted}`
    )
  }
  return { data, shape: [1, ...image] }
}

function black(model: Model, image: number[]): Tensor {
  const { low } = inputRange(
    neededPreprocessing(model, 'baseline black needs the preprocessing of the model, which stores none')
  )
  const plane = sizeOf(image) / low.length
  return {
    data: Float32Array.from({ length: sizeOf(image) }, (_, i) => low[Math.floor(i / plane)]!),
    shape: [1, ...image]
  }
}

/** Every channel of every image by itself: [batch, channels, height, width]; other inputs are one channel each. */
function byPlane(
  { data, shape }: Tensor,
  make: (plane: Float32Array, height: number, width: number) => Float32Array
): Float32Array {
  const [height, width] = shape.length === 4 ? [shape[2]!, shape[3]!] : [1, sizeOf(shape.slice(1))]
  const size = height * width
  const result = new Float32Array(data.length)
  for (let at = 0; at < data.length; at += size) result.set(make(data.subarray(at, at + size), height, width), at)
  return result
}

function filled(plane: Float32Array): Float32Array {
  const mean = plane.reduce((sum, value) => sum + value, 0) / plane.length
  return new Float32Array(plane.length).fill(mean)
}

/** A quarter of the image wide. */
function blurred(plane: Float32Array, height: number, width: number): Float32Array {
  return blur(plane, height, width, Math.max(1, Math.round(Math.min(height, width) / 8)))
}
