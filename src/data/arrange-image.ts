import { LrpError } from '../core/errors.js'
import type { Preprocessing } from '../core/graph.js'
import { sizeOf } from '../core/tensor.js'
import { callNative } from '../native/addon.js'
import { MOST_PIXELS } from './decode-image.js'
import type { Pixels } from './pixels.js'

/** Whether images [C, H, W] of bytes already have the size and channels that resizing and cropping would give them. */
export function isArranged([channels, height, width]: readonly number[], p: Preprocessing): boolean {
  const [h, w] = resizedSize(height!, width!, p.resize)
  const [cropHeight, cropWidth] = p.crop ?? [h, w]
  return channels === p.channels && h === height && w === width && cropHeight === h && cropWidth === w
}

/** Resizes and crops an image of bytes [C, H, W], and converts its channels, as `readImage` does with a file. */
export async function arrangeImage(
  planes: Uint8Array,
  [channels, height, width]: readonly [number, number, number],
  p: Preprocessing,
  name: string,
  into?: Uint8Array
): Promise<{ bytes: Uint8Array; shape: number[] }> {
  return inPlanes({ bytes: planes, channels, height, width, planar: true, consumes: false }, p, name, into)
}

interface GivenPixels extends Pixels {
  /** Channels are stored one after the other, instead of pixel by pixel. */
  planar: boolean
  /** The bytes may be overwritten: nothing else needs them. */
  consumes: boolean
}

/**
 * Converts an image to grey if the model takes one channel, resizes and crops it: [C, H, W], in `into` if that has the
 * right size.
 * @throws LrpError INVALID_ARGUMENT if the image is smaller than the crop, INVALID_FILE if it would become too large
 */
export async function inPlanes(
  { bytes, ...from }: GivenPixels,
  p: Preprocessing,
  name: string,
  into?: Uint8Array
): Promise<{ bytes: Uint8Array; shape: number[] }> {
  const resize = resizedSize(from.height, from.width, p.resize)
  const crop = p.crop && middle(resize, p.crop, name, p.cropRounding)
  const plane = p.crop ?? resize
  if (sizeOf(plane) > MOST_PIXELS) {
    const sizes = [[from.height, from.width], plane].map((size) => size.join('x'))
    throw new LrpError(
      'INVALID_FILE',
      `the image ${name} is ${sizes[0]} and would be resized to ${sizes[1]}, which is too large`
    )
  }
  const shape = [p.channels, ...plane]
  const size = sizeOf(shape)
  const result = into?.length === size ? into : new Uint8Array(size)
  const how = { ...from, resize, crop, interpolation: p.interpolation ?? 'bilinear' }
  await callNative((addon) => addon.arrangeImage(bytes, how, result, shape))
  return { bytes: result, shape }
}

/** The size [height, width] after resizing: as given, or with the shorter side of the given number of pixels. */
export function resizedSize(height: number, width: number, size: Preprocessing['resize']): [number, number] {
  if (typeof size !== 'number') return size ?? [height, width]
  const shorter = Math.min(width, height)
  const scaled = (side: number): number => (side === shorter ? size : Math.floor((size * side) / shorter))
  return [scaled(height), scaled(width)]
}

/**
 * Top, left, height and width of the centre crop in pixels.
 * @throws LrpError INVALID_ARGUMENT if the image is smaller
 */
function middle(
  [height, width]: [number, number],
  [h, w]: [number, number],
  name: string,
  rounding: Preprocessing['cropRounding'] = 'even'
): number[] {
  if (width < w || height < h)
    throw new LrpError('INVALID_ARGUMENT', `the image ${name} is smaller than the crop ${h}x${w}`)
  const half = rounding === 'even' ? halved : (pixels: number): number => Math.floor(pixels / 2)
  return [half(height - h), half(width - w), h, w]
}

/** Half of a number of pixels, rounded to the even neighbour as in torchvision's CenterCrop. */
function halved(pixels: number): number {
  const half = Math.floor(pixels / 2)
  return pixels % 2 === 0 || half % 2 === 0 ? half : half + 1
}

/** Centre crops of consecutive images [C, H, W] of bytes. @throws LrpError INVALID_ARGUMENT if they are smaller */
export function middleOf(
  bytes: Uint8Array,
  [, height, width]: readonly [number, number, number],
  [, h, w]: readonly [number, number, number],
  name: string
): Uint8Array {
  const [top, left] = middle([height, width], [h, w], name) as [number, number]
  const planes = bytes.length / (height * width)
  const result = new Uint8Array(planes * h * w)
  for (let row = 0; row < planes * h; row++) {
    const from = (Math.floor(row / h) * height + top + (row % h)) * width + left
    result.set(bytes.subarray(from, from + w), row * w)
  }
  return result
}
