import { readJson } from '../core/files.js'
import { LrpError } from '../core/errors.js'
import { checkContent } from '../core/options.js'
import type { Tensor } from '../core/tensor.js'
import type { Preprocessing } from '../core/graph.js'
import { foreignPreprocessing } from './preprocessing-files.js'
import { preprocessingSchema } from './save.js'

const IMAGENET_MEAN = [0.485, 0.456, 0.406]
const IMAGENET_STD = [0.229, 0.224, 0.225]

/** What --preprocess can be, as messages say it. */
const CHOICES =
  "imagenet (shorter side 256, crop 224x224, ImageNet's mean and standard deviation), cifar (32x32, the same normalisation), " +
  "none (the network's size, values from 0 to 1) or a JSON file (docs/data.md)"

/**
 * The preprocessing of a model that is to read images.
 * @param why what needs it
 * @throws LrpError INVALID_ARGUMENT that names the choices, if the model has none
 */
export function neededPreprocessing(
  { preprocessing }: { preprocessing?: Preprocessing },
  why = 'the model has no preprocessing for images'
): Preprocessing {
  if (preprocessing) return preprocessing
  throw new LrpError('INVALID_ARGUMENT', `${why}: pass --preprocess ${CHOICES}`)
}

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
  const resize =
    imageShape.length === 3 && imageShape[1]! > 0 ? ([imageShape[1]!, imageShape[2]!] as [number, number]) : undefined
  const axis = Array.from({ length: channels })
  return { resize, channels, channelOrder: 'rgb', scale: 1, mean: axis.map(() => 0), std: axis.map(() => 1) }
}

/** The size [height, width] to resize to, if images have another size than the preprocessing gives them (`imageSize`). */
export function otherSize(p: Preprocessing | undefined, shape: readonly number[]): [number, number] | undefined {
  const own = p?.crop ?? (Array.isArray(p?.resize) ? p.resize : undefined)
  const [height, width] = shape.slice(-2)
  if (!own || height === undefined || width === undefined) return undefined
  return own[0] === height && own[1] === width ? undefined : [height, width]
}

/** Of a mask: one channel of whole numbers, sized like the images of a model without mixing pixels. */
export function maskPreprocessing(images: Partial<Preprocessing> = {}): Preprocessing {
  const { resize, crop, cropRounding } = images
  const numbers = { channels: 1, channelOrder: 'rgb', scale: 1, mean: [0], std: [1], interpolation: 'nearest' } as const
  return { ...numbers, mean: [0], std: [1], resize, crop, cropRounding }
}

/** The same sizes, and bytes as they are: for networks that scale them themselves. */
export function asBytes(p: Preprocessing): Preprocessing {
  return { ...p, scale: 255, mean: p.mean.map(() => 0), std: p.std.map(() => 1) }
}

/**
 * Returns the preprocessing for a name (`imagenet`, `cifar`, `none`) or a JSON file.
 * @throws LrpError NOT_FOUND, INVALID_FILE, INVALID_ARGUMENT
 */
export async function choosePreprocessing(name: string, imageShape: readonly number[]): Promise<Preprocessing> {
  if (name === 'imagenet') return imagenetPreprocessing()
  if (name === 'cifar') return cifarPreprocessing()
  if (name === 'none') return plainPreprocessing(imageShape)
  const failure = `the preprocessing '${name}' must be imagenet, cifar, none or a readable file`
  const json = await readJson(name, failure)
  return foreignPreprocessing(json, name) ?? checkContent(preprocessingSchema, json, name)
}

/** Returns the values of black and white after normalisation for each channel, the bounds of the rule zbox. */
export function inputRange(p: Preprocessing): { low: number[]; high: number[] } {
  return {
    low: p.mean.map((mean, c) => -mean / p.std[c]!),
    high: p.mean.map((mean, c) => (p.scale - mean) / p.std[c]!)
  }
}

/** Converts bytes [images, channels, height, width] to the input of the network. */
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
