import type { Sharp } from 'sharp'
import { sharp } from '../core/sharp.js'
import { colourMap, isDiverging } from './colour-maps.js'

/** An image as bytes in interleaved RGB. */
export interface Picture {
  /** The bytes, row by row, with the channels of a pixel next to each other. */
  data: Uint8Array
  /** Width in pixels. */
  width: number
  /** Height in pixels. */
  height: number
}

/** Colouring of a heatmap. */
export interface HeatmapOptions {
  /** Name of the colour map: red-blue (default), bwr, seismic, coldnhot, hot, afmhot or viridis. */
  colourMap?: string
  /** Relevance that gets the strongest colour; by default, the largest magnitude in the image. */
  scale?: number
  /**
   * Quantile of the magnitudes that gets the strongest colour, above 0 and at most 1 (1). With 0.99, a few extreme
   * pixels do not determine the scale.
   */
  quantile?: number
  /** Whether the colours range from the lowest to the highest relevance, instead of being symmetric about zero. */
  asymmetric?: boolean
}

/** Relevance [channels, height, width] summed over channels. */
export function sumOverChannels(relevance: ArrayLike<number>, shape: readonly number[]): Float32Array {
  const [channels, height, width] = shape as [number, number, number]
  const plane = height * width
  const sums = new Float32Array(plane)
  for (let c = 0; c < channels; c++) for (let i = 0; i < plane; i++) sums[i]! += relevance[c * plane + i]!
  return sums
}

/**
 * Draws relevance [channels, height, width], summed over channels: by default red for positive, blue for negative,
 * white for zero.
 */
export function heatmap(relevance: ArrayLike<number>, shape: readonly number[], options: HeatmapOptions = {}): Picture {
  const sums = sumOverChannels(relevance, shape)
  const name = options.colourMap ?? 'red-blue'
  const colour = colourMap(name)
  const place = placeOf(sums, options, isDiverging(name))
  const data = new Uint8Array(sums.length * 3)
  sums.forEach((value, i) => data.set(colour(place(value)), i * 3))
  return { data, height: shape[1]!, width: shape[2]! }
}

/** The place of each value on the colour scale: -1 to 1, or 0 to 1 for a map that does not diverge. */
export function placeOf(values: Float32Array, options: HeatmapOptions, diverging: boolean): (value: number) => number {
  return options.asymmetric ? spread(values, options.quantile, diverging) : about0(values, options)
}

function about0(sums: Float32Array, options: HeatmapOptions): (value: number) => number {
  const scale = options.scale ?? strongest(sums, options.quantile)
  return (value) => (scale > 0 ? value / scale : 0)
}

/** Spreads the lowest to the highest value over all colours; `quantile` cuts off equal shares at both ends. */
function spread(sums: Float32Array, quantile = 1, diverging: boolean): (value: number) => number {
  const sorted = sums.slice().sort()
  const cut = Math.floor((1 - quantile) * (sorted.length - 1))
  const [low, high] = [sorted[cut] ?? 0, sorted[sorted.length - 1 - cut] ?? 0]
  return (value) => {
    const unit = high > low ? (value - low) / (high - low) : 0.5
    return diverging ? 2 * unit - 1 : unit
  }
}

/** The quantile of the magnitudes, which is the scale of one map or of several together. */
export function strongest(values: Float32Array, quantile = 1): number {
  const magnitudes = values.map(Math.abs).sort()
  return magnitudes[Math.max(0, Math.ceil(quantile * magnitudes.length) - 1)] ?? 0
}

/** Converts bytes [channels, height, width] to a picture; a single channel becomes grey. */
export function imagePicture(bytes: ArrayLike<number>, shape: readonly number[]): Picture {
  const [channels, height, width] = shape as [number, number, number]
  const plane = height * width
  const data = new Uint8Array(plane * 3)
  for (let i = 0; i < plane; i++)
    for (let c = 0; c < 3; c++) data[i * 3 + c] = bytes[Math.min(c, channels - 1) * plane + i]!
  return { data, height, width }
}

/**
 * Enlarges a picture by a whole factor without smoothing, to at most `size` pixels. Larger pictures keep their size,
 * or are reduced with `shrink`.
 */
export async function scaled(picture: Picture, size: number, shrink = false): Promise<Picture> {
  const largest = Math.max(picture.width, picture.height)
  if (shrink && largest > size) return reduced(picture, size / largest)
  const factor = Math.max(1, Math.floor(size / largest))
  return factor === 1 ? picture : enlarged(picture, factor)
}

function enlarged({ data, width, height }: Picture, factor: number): Picture {
  const row = width * factor * 3
  const result = new Uint8Array(row * height * factor)
  for (let y = 0; y < height; y++) {
    const top = y * factor * row
    for (let x = 0; x < width * factor; x++) {
      const from = (y * width + Math.floor(x / factor)) * 3
      for (let c = 0; c < 3; c++) result[top + x * 3 + c] = data[from + c]!
    }
    for (let copy = 1; copy < factor; copy++) result.copyWithin(top + copy * row, top, top + row)
  }
  return { data: result, width: width * factor, height: height * factor }
}

async function reduced(picture: Picture, factor: number): Promise<Picture> {
  const [width, height] = [picture.width, picture.height].map((side) => Math.max(1, Math.round(side * factor)))
  const image = opened(picture).resize(width, height, { kernel: 'linear', fit: 'fill' })
  return { data: await image.raw().toBuffer(), width: width!, height: height! }
}

function opened({ data, width, height }: Picture): Sharp {
  return sharp(data, { raw: { width, height, channels: 3 } })
}

/**
 * Encodes a picture as PNG. With `size`, it enlarges a small picture by an integer factor to at most this number of
 * pixels.
 */
export async function pictureToPng(picture: Picture, size = 0): Promise<Buffer> {
  return opened(await scaled(picture, size))
    .png()
    .toBuffer()
}

/** Joins pictures of the same height into one wide picture. */
export function joinWide(pictures: Picture[]): Picture {
  const height = pictures[0]?.height ?? 0
  const width = pictures.reduce((sum, picture) => sum + picture.width, 0)
  const data = new Uint8Array(width * height * 3)
  let left = 0
  for (const picture of pictures) {
    for (let y = 0; y < height; y++) {
      data.set(picture.data.subarray(y * picture.width * 3, (y + 1) * picture.width * 3), (y * width + left) * 3)
    }
    left += picture.width
  }
  return { data, width, height }
}

/** Pads pictures with white at the right and at the bottom, so that all have one size. */
export function ofOneSize(pictures: Picture[]): Picture[] {
  const [width, height] = [
    Math.max(...pictures.map((one) => one.width)),
    Math.max(...pictures.map((one) => one.height))
  ]
  return pictures.map((one) => {
    const data = new Uint8Array(width * height * 3).fill(255)
    for (let y = 0; y < one.height; y++)
      data.set(one.data.subarray(y * one.width * 3, (y + 1) * one.width * 3), y * width * 3)
    return { data, width, height }
  })
}

/**
 * Encodes pictures of the same size as an animated WebP that repeats. Each picture is shown for `milliseconds` (400).
 */
export async function animation(
  frames: Picture[],
  options: { size?: number; milliseconds?: number } = {}
): Promise<Buffer> {
  const images = await Promise.all(frames.map((frame) => pictureToPng(frame, options.size ?? 256)))
  const delay = frames.map(() => options.milliseconds ?? 400)
  return sharp(images, { join: { animated: true } })
    .webp({ lossless: true, loop: 0, delay })
    .toBuffer()
}
