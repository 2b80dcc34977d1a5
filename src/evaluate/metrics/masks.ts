import { LrpError } from '../../core/errors.js'
import { sizeOf, type Tensor } from '../../core/tensor.js'

export interface Masks {
  /**
   * For each image, 1 inside and 0 outside at each position [height, width]; undefined if the mask is empty or full.
   */
  planes: (Uint8Array | undefined)[]
  /** Sentences on the images that are left out. */
  notes: string[]
}

/**
 * Reads the masks of images: a position is inside if any channel of the mask is above 0. Images whose mask is empty
 * or full are left out with a note.
 * @param given shaped like the input; [images, ...places] or [images, 1, ...places], the same for all channels; of
 * images also
 *   boxes [images, 4]: left, top, right, bottom in pixels, right and bottom not inside
 * @param names of the images
 * @throws LrpError INVALID_ARGUMENT if the shapes do not fit, a box leaves the image, or no mask is left
 */
export function masksOf(given: Tensor, input: Tensor, names: string[]): Masks {
  const planes = inShape(given, input)
  const filled = planes.map((plane) => plane.reduce((sum, inside) => sum + inside, 0) / plane.length)
  const notes = Object.entries({ empty: 0, full: 1 }).flatMap(([word, share]) => {
    const images = names.filter((_, i) => filled[i] === share)
    return images.length === 0
      ? []
      : [`not in the localisation metrics, because the mask is ${word}: ${images.join(', ')}`]
  })
  const kept = planes.map((plane, i) => (filled[i]! > 0 && filled[i]! < 1 ? plane : undefined))
  if (kept.every((plane) => plane === undefined))
    throw new LrpError(
      'INVALID_ARGUMENT',
      'the masks of all images are empty or full, so the localisation metrics are undefined'
    )
  return { planes: kept, notes }
}

function inShape(given: Tensor, input: Tensor): Uint8Array[] {
  const shape = given.shape.join()
  const [images, channels, height, width] = input.shape as [number, number, number, number]
  const isImage = input.shape.length === 4
  const hasChannels = input.shape.length > 2
  const places = input.shape.slice(hasChannels ? 2 : 1)
  const plane = sizeOf(places)
  if (shape === input.shape.join()) return pooled(given.data, images, hasChannels ? channels : 1, plane)
  if (isImage && shape === [images, 4].join()) return fromBoxes(given.data, images, height, width)
  if (shape === [images, ...places].join() || shape === [images, 1, ...places].join())
    return pooled(given.data, images, 1, plane)
  throw new LrpError(
    'INVALID_ARGUMENT',
    `the mask has shape [${given.shape.join(', ')}], but the input has [${input.shape.join(', ')}]`
  )
}

function pooled(masks: Float32Array, images: number, channels: number, plane: number): Uint8Array[] {
  return Array.from({ length: images }, (_, i) => {
    const inside = new Uint8Array(plane)
    const own = masks.subarray(i * channels * plane, (i + 1) * channels * plane)
    own.forEach((value, k) => value > 0 && (inside[k % plane] = 1))
    return inside
  })
}

function fromBoxes(boxes: Float32Array, images: number, height: number, width: number): Uint8Array[] {
  return Array.from({ length: images }, (_, i) => {
    const [left, top, right, bottom] = boxes.subarray(4 * i, 4 * i + 4) as unknown as [number, number, number, number]
    if (!(left >= 0 && top >= 0 && right <= width && bottom <= height))
      throw new LrpError(
        'INVALID_ARGUMENT',
        `the box of image ${i} (${left}, ${top}, ${right}, ${bottom}) is not inside the image, which is ${width}x${height} pixels`
      )
    const inside = new Uint8Array(height * width)
    for (let y = Math.floor(top); y < bottom; y++)
      inside.fill(1, y * width + Math.floor(left), y * width + Math.ceil(right))
    return inside
  })
}
