import { LrpError } from '../core/errors.js'
import { sizeOf, type Tensor } from '../core/tensor.js'

/**
 * Masks of images in the shape of their input: what is above 0 is inside.
 * @param given shaped like the input; [images, height, width] or [images, 1, height, width], the same for all channels; or
 *   boxes [images, 4]: left, top, right, bottom in pixels, right and bottom not inside
 * @throws LrpError INVALID_ARGUMENT where the shapes do not fit, a box leaves the image, or a mask is empty
 */
export function masksOf(given: Tensor, input: Tensor): Tensor {
  const masks = { data: inShape(given, input), shape: input.shape }
  const size = sizeOf(input.shape.slice(1))
  for (let i = 0; i < input.shape[0]!; i++) {
    if (!masks.data.subarray(i * size, (i + 1) * size).some((value) => value > 0))
      throw new LrpError('INVALID_ARGUMENT', `the mask of image ${i} is empty`)
  }
  return masks
}

function inShape(given: Tensor, input: Tensor): Float32Array {
  const shape = given.shape.join()
  const [images, channels, height, width] = input.shape as [number, number, number, number]
  if (shape === input.shape.join()) return given.data
  if (input.shape.length === 4) {
    if (shape === [images, 4].join()) return fromBoxes(given.data, [images, channels, height, width])
    if (shape === [images, height, width].join() || shape === [images, 1, height, width].join())
      return repeated(given.data, channels, height * width)
  }
  throw new LrpError(
    'INVALID_ARGUMENT',
    `the mask has shape [${given.shape.join(', ')}], the input [${input.shape.join(', ')}]`
  )
}

function repeated(planes: Float32Array, channels: number, plane: number): Float32Array {
  const result = new Float32Array(planes.length * channels)
  for (let i = 0; i < result.length; i++) {
    result[i] = planes[Math.floor(i / (channels * plane)) * plane + (i % plane)]!
  }
  return result
}

function fromBoxes(boxes: Float32Array, [images, channels, height, width]: [number, number, number, number]) {
  const plane = height * width
  const planes = new Float32Array(images * plane)
  for (let i = 0; i < images; i++) {
    const [left, top, right, bottom] = boxes.subarray(4 * i, 4 * i + 4) as unknown as [number, number, number, number]
    if (!(left >= 0 && top >= 0 && right <= width && bottom <= height))
      throw new LrpError(
        'INVALID_ARGUMENT',
        `the box of image ${i} (${left}, ${top}, ${right}, ${bottom}) leaves the image of ${width}x${height} pixels`
      )
    for (let y = Math.floor(top); y < bottom; y++)
      planes.fill(1, i * plane + y * width + Math.floor(left), i * plane + y * width + Math.ceil(right))
  }
  return repeated(planes, channels, plane)
}
