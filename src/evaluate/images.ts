import { sizeOf, type Tensor } from '../core/tensor.js'
import type { Model } from '../model/model.js'
import { readNpy } from '../core/npy.js'
import { depictionOf } from '../explain/depict.js'
import { ofOneSize, type Picture } from '../plot/picture.js'

/**
 * Seed of the random numbers for an image, by FNV-1a over its values, the seed and the draw: an image gets the same numbers
 * whatever other images are measured with it.
 * @returns a whole number below 2^32
 */
export function imageSeed(seed: number, image: Float32Array, draw = 0): number {
  let hash = 0x811c9dc5
  const add = (word: number): void => {
    hash = Math.imul(hash ^ word, 0x01000193)
  }
  add(seed)
  add(Math.floor(seed / 2 ** 32))
  add(draw)
  new Uint32Array(image.buffer, image.byteOffset, image.length).forEach(add)
  return hash >>> 0
}

/** Values of black and white per channel: of the model's preprocessing, otherwise 0 and 1. */
export function valueRange(model: Model): { low: number[]; high: number[] } {
  const [channels] = model.planes
  return model.inputRange ?? { low: Array<number>(channels).fill(0), high: Array<number>(channels).fill(1) }
}

/** Rows of further inputs for a batch, one image after the other. */
export function rowsFor(images: readonly Pick<Tensor, 'inputs'>[]): Pick<Tensor, 'inputs'> {
  const names = Object.keys(images[0]?.inputs ?? {})
  if (names.length === 0) return {}
  const joined = (name: string): Tensor => {
    const row = images[0]!.inputs![name]!.shape.slice(1)
    return stacked(
      images.map(({ inputs }) => inputs![name]!.data),
      row
    )
  }
  return { inputs: Object.fromEntries(names.map((name) => [name, joined(name)])) }
}

export function stacked(images: Float32Array[], imageShape: number[]): Tensor {
  const size = sizeOf(imageShape)
  const data = new Float32Array(images.length * size)
  images.forEach((image, i) => data.set(image, i * size))
  return { data, shape: [images.length, ...imageShape] }
}

/** Numbers that one pass takes in: of large images few, whose activations fill the caches anyway. */
const NUMBERS_PER_PASS = 6e5

/** Images that go through the network together. */
export function imagesPerPass(model: Model, most = 512): number {
  return Math.max(1, Math.min(most, Math.floor(NUMBERS_PER_PASS / sizeOf(model.imageShape))))
}

/** What inputs look like before the preprocessing, in pictures of one size; values without one are shown by the range of the first. */
export async function picturesOf(model: Model, images: Float32Array[]): Promise<Picture[]> {
  const depiction = depictionOf(model, stacked(images, model.imageShape))
  return depiction ? ofOneSize(await Promise.all(images.map((_, i) => depiction.original(i)))) : []
}

/** As JSON has it: a score that an image does not have is null. */
export function numberOrNull(value: number): number | null {
  return Number.isFinite(value) ? value : null
}

/** An array that is given, or is in a .npy file. @throws LrpError NOT_FOUND, INVALID_FILE */
export async function arrayOf(given: string | Tensor): Promise<Tensor>
export async function arrayOf(given: string | Tensor | undefined): Promise<Tensor | undefined>
export async function arrayOf(given: string | Tensor | undefined): Promise<Tensor | undefined> {
  if (typeof given !== 'string') return given
  const { data, shape } = await readNpy(given)
  return { data, shape } // without the file's own name of its element type
}
