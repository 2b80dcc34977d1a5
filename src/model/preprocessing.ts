import { existsSync } from 'node:fs'
import sharp, { type Sharp } from 'sharp'
import { LrpError } from '../core/errors.js'
import { readJson } from '../core/files.js'
import { callNative } from '../native/addon.js'
import { checkContent } from '../core/options.js'
import { sizeOf, type Tensor } from '../core/tensor.js'
import type { Preprocessing } from '../core/graph.js'
import { preprocessingSchema } from './save.js'

const IMAGENET_MEAN = [0.485, 0.456, 0.406]
const IMAGENET_STD = [0.229, 0.224, 0.225]

/** torchvision's transforms for its ImageNet weights: shorter side to `resize`, centre crop, normalise. */
export function imagenetPreprocessing(resize = 256, crop = 224): Preprocessing {
  const rest = { channels: 3, channelOrder: 'rgb', scale: 1, mean: IMAGENET_MEAN, std: IMAGENET_STD } as const
  return { resize, crop: [crop, crop], ...rest, mean: [...IMAGENET_MEAN], std: [...IMAGENET_STD] }
}

/** Values from -1 to 1, for networks whose weights were trained so. */
export function halfPreprocessing(resize: number, crop: number): Preprocessing {
  return { ...imagenetPreprocessing(resize, crop), mean: [0.5, 0.5, 0.5], std: [0.5, 0.5, 0.5] }
}

/** Images of the network's own size, normalised with ImageNet's mean and deviation (CIFAR ResNets). */
export function cifarPreprocessing(): Preprocessing {
  const { mean, std } = imagenetPreprocessing()
  return { resize: [32, 32], channels: 3, channelOrder: 'rgb', scale: 1, mean, std }
}

/** Values from 0 to 1, nothing subtracted; resized to the network's input. */
export function plainPreprocessing(imageShape: readonly number[]): Preprocessing {
  const channels = imageShape[0] === 1 ? 1 : 3
  const resize = imageShape.length === 3 ? ([imageShape[1]!, imageShape[2]!] as [number, number]) : undefined
  const axis = Array.from({ length: channels })
  return { resize, channels, channelOrder: 'rgb', scale: 1, mean: axis.map(() => 0), std: axis.map(() => 1) }
}

/** `imagenet`, `cifar`, `none`, or a JSON file. @throws LrpError NOT_FOUND, INVALID_FILE, INVALID_ARGUMENT */
export async function choosePreprocessing(name: string, imageShape: readonly number[]): Promise<Preprocessing> {
  if (name === 'imagenet') return imagenetPreprocessing()
  if (name === 'cifar') return cifarPreprocessing()
  if (name === 'none') return plainPreprocessing(imageShape)
  const failure = `the preprocessing '${name}' is none of imagenet, cifar, none, and no file that can be read`
  return checkContent(preprocessingSchema, await readJson(name, failure), name)
}

/** Values of black and white after normalisation, per channel: the box of rule zbox. */
export function inputRange(p: Preprocessing): { low: number[]; high: number[] } {
  return {
    low: p.mean.map((mean, c) => -mean / p.std[c]!),
    high: p.mean.map((mean, c) => (p.scale - mean) / p.std[c]!)
  }
}

/** Bytes [N, C, H, W] as the network wants them. */
export function normaliseBytes(bytes: Uint8Array, shape: number[], p: Preprocessing): Tensor {
  const [images, channels, height, width] = shape as [number, number, number, number]
  const plane = height * width
  const data = new Float32Array(bytes.length)
  for (let i = 0; i < images; i++) {
    for (let c = 0; c < channels; c++) {
      const from = p.channelOrder === 'bgr' ? channels - 1 - c : c
      const [mean, std] = [p.mean[c]!, p.std[c]!]
      const source = (i * channels + from) * plane
      const target = (i * channels + c) * plane
      for (let j = 0; j < plane; j++) {
        data[target + j] = ((bytes[source + j]! / 255) * p.scale - mean) / std
      }
    }
  }
  return { data, shape: [...shape] }
}

/** The way back, for showing: values as bytes [N, C, H, W], clamped. */
export function denormalise(tensor: Tensor, p: Preprocessing): Uint8Array {
  const [images, channels, height, width] = tensor.shape as [number, number, number, number]
  const plane = height * width
  const bytes = new Uint8Array(tensor.data.length)
  for (let i = 0; i < images; i++) {
    for (let c = 0; c < channels; c++) {
      const to = p.channelOrder === 'bgr' ? channels - 1 - c : c
      const source = (i * channels + c) * plane
      const target = (i * channels + to) * plane
      for (let j = 0; j < plane; j++) {
        const value = ((tensor.data[source + j]! * p.std[c]! + p.mean[c]!) / p.scale) * 255
        bytes[target + j] = Math.max(0, Math.min(255, Math.round(value)))
      }
    }
  }
  return bytes
}

/**
 * An image file as bytes [C, H, W] after resizing and cropping: EXIF orientation applied, transparency on white.
 * Resizing is by anti-aliased linear interpolation on bytes as PIL's, which torchvision uses.
 * @param into where the bytes go if they are as many; a new array otherwise
 * @returns also the height and width that the file has
 * @throws LrpError NOT_FOUND, INVALID_FILE naming the image.
 */
export async function readImage(
  source: string | Buffer,
  p: Preprocessing,
  into?: Uint8Array
): Promise<{ bytes: Uint8Array; shape: number[]; original: [number, number] }> {
  const name = typeof source === 'string' ? source : 'the image'
  try {
    const image = inColours(sharp(source, { failOn: 'error' }).rotate().flatten(WHITE), p.channels)
    const { data, info } = await image.raw().toBuffer({ resolveWithObject: true })
    const arranged = await inPlanes({ bytes: data, ...info, planar: false, consumes: true }, p, name, into)
    return { ...arranged, original: [info.height, info.width] }
  } catch (cause) {
    if ((cause as Error).name === 'LrpError') throw cause
    const missing = typeof source === 'string' && !existsSync(source)
    const code = missing ? 'NOT_FOUND' : 'INVALID_FILE'
    throw new LrpError(
      code,
      `${name} ${missing ? 'does not exist' : `is no readable image: ${(cause as Error).message}`}`,
      { cause }
    )
  }
}

/** Whether images [C, H, W] of bytes are already what resizing, cropping and the wanted channels would make of them. */
export function isArranged([channels, height, width]: readonly number[], p: Preprocessing): boolean {
  const [h, w] = resizedSize(height!, width!, p.resize)
  const [cropHeight, cropWidth] = p.crop ?? [h, w]
  return channels === p.channels && h === height && w === width && cropHeight === h && cropWidth === w
}

/** An image of bytes [C, H, W], resized, cropped and in the wanted channels as `readImage` does it with a file. */
export async function arrangeImage(
  planes: Uint8Array,
  [channels, height, width]: readonly [number, number, number],
  p: Preprocessing,
  name: string,
  into?: Uint8Array
): Promise<{ bytes: Uint8Array; shape: number[] }> {
  if (channels <= p.channels)
    return inPlanes({ bytes: planes, channels, height, width, planar: true, consumes: false }, p, name, into)
  const raw = { width, height, channels: channels as 3 }
  const grey = await inColours(sharp(Buffer.from(planesToInterleaved(planes, channels)), { raw }), 1)
    .raw()
    .toBuffer()
  return inPlanes({ bytes: grey, channels: 1, height, width, planar: true, consumes: true }, p, name, into)
}

interface Pixels {
  bytes: Uint8Array
  channels: number
  height: number
  width: number
  planar: boolean
  /** The bytes are needed for nothing else. */
  consumes: boolean
}

/** Resized, cropped, [C, H, W], in `into` where that has the size. @throws LrpError INVALID_ARGUMENT when the image is smaller than the crop */
async function inPlanes(
  { bytes, ...from }: Pixels,
  p: Preprocessing,
  name: string,
  into?: Uint8Array
): Promise<{ bytes: Uint8Array; shape: number[] }> {
  const resize = resizedSize(from.height, from.width, p.resize)
  const crop = p.crop && middle(resize, p.crop, name)
  const shape = [p.channels, ...(p.crop ?? resize)]
  const size = sizeOf(shape)
  const result = into?.length === size ? into : new Uint8Array(size)
  await callNative((addon) => addon.arrangeImage(bytes, { ...from, resize, crop }, result, shape))
  return { bytes: result, shape }
}

const WHITE = { background: '#fff' }

function inColours(image: Sharp, channels: 1 | 3): Sharp {
  return image.toColourspace(channels === 1 ? 'b-w' : 'srgb').removeAlpha()
}

/** [height, width], or the shorter side to a number of pixels. */
function resizedSize(height: number, width: number, size: Preprocessing['resize']): [number, number] {
  if (typeof size !== 'number') return size ?? [height, width]
  const shorter = Math.min(width, height)
  const scaled = (side: number): number => (side === shorter ? size : Math.floor((size * side) / shorter))
  return [scaled(height), scaled(width)]
}

/** Top, left, height and width of the middle. @throws LrpError INVALID_ARGUMENT when the image is smaller */
function middle([height, width]: [number, number], [h, w]: [number, number], name: string): number[] {
  if (width < w || height < h) throw new LrpError('INVALID_ARGUMENT', `${name} is smaller than the crop ${h}x${w}`)
  return [halved(height - h), halved(width - w), h, w]
}

/** Half of a number of pixels; where that is no whole number, the even neighbour, as in torchvision's CenterCrop. */
function halved(pixels: number): number {
  const half = Math.floor(pixels / 2)
  return pixels % 2 === 0 || half % 2 === 0 ? half : half + 1
}

/** The middle of images [C, H, W] of bytes, one after the other. @throws LrpError INVALID_ARGUMENT where they are smaller */
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

function planesToInterleaved(planes: Uint8Array, channels: number): Uint8Array {
  const plane = planes.length / channels
  const result = new Uint8Array(planes.length)
  for (let c = 0; c < channels; c++) for (let i = 0; i < plane; i++) result[i * channels + c] = planes[c * plane + i]!
  return result
}
