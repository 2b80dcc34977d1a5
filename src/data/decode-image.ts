import type { Sharp } from 'sharp'
import { sharp } from '../core/sharp.js'
import { bmpHeader, readBmp } from './bmp.js'
import { headerOf, type ImageHeader } from './image-header.js'
import { Limit } from '../core/limit.js'
import { netpbmHeader, readNetpbm } from './netpbm.js'
import type { Pixels } from './pixels.js'

/** Number of pixels of the largest image that is read. */
export const MOST_PIXELS = 1e8
/** Bytes that all images together may take while they are decoded; a single image may take more. */
const MOST_BYTES = 512 * 2 ** 20
const MOST_SECONDS = 60

const memory = new Limit(MOST_BYTES)

export interface DecodeSettings {
  /** Applies the EXIF orientation (false). */
  orient?: boolean
  /** The value of 16-bit images that is white (65535). */
  white?: number
  /** The size [height, width] that is large enough for an image of this size: a JPEG file may be reduced to it. */
  enough?: (height: number, width: number) => [number, number]
}

export interface DecodedImage extends Pixels {
  /** Largest value of a 16-bit image whose `white` is not set. */
  largest16?: number
  /** Height and width of the image in the file, if it was reduced. */
  whole?: [number, number]
}

/**
 * Decodes an image file as PIL's `convert('RGB')` does: colour profiles are not applied, transparency and all frames
 * but the first are ignored, and drawings (SVG) get a white background.
 * @param use takes the pixels, of three or, with transparency that does not count, four channels; large images wait
 * until
 *   others have been used
 * @throws Error saying why the file cannot be read
 */
export async function decodeImage<T>(
  file: Buffer,
  settings: DecodeSettings,
  use: (image: DecodedImage) => Promise<T>
): Promise<T> {
  const netpbm = netpbmHeader(file)
  if (netpbm) return weighed(netpbm, () => use(readNetpbm(file, netpbm)))
  const bmp = bmpHeader(file)
  if (bmp) return weighed({ ...bmp, channels: 3 }, () => use(readBmp(file, bmp)))
  const header = await headerOf(file)
  const { depth } = header
  if (depth !== 'uchar' && depth !== 'ushort')
    throw new Error(`its values are of the type ${depth}: only 8 and 16 bits are supported; save other values as .npy`)
  const size = { ...header, channels: 4 * (depth === 'ushort' ? 2 : 1) }
  return weighed(size, async () => use(await withSharp(file, header, settings)))
}

/** Waits until there is memory for an image. @throws Error if it has too many pixels */
async function weighed<T>({ width, height, channels }: Omit<Pixels, 'bytes'>, decode: () => Promise<T>): Promise<T> {
  const pixels = width * height
  if (pixels > MOST_PIXELS)
    throw new Error(`it has ${width}x${height} pixels, which is more than ${MOST_PIXELS / 1e6} million`)
  return memory.run(decode, pixels * channels)
}

async function withSharp(file: Buffer, header: ImageHeader, settings: DecodeSettings): Promise<DecodedImage> {
  let image = sharp(file, { failOn: 'error', ignoreIcc: true, limitInputPixels: false }).timeout({
    seconds: MOST_SECONDS
  })
  if (settings.orient) image = image.autoOrient()
  if (header.format === 'svg') image = image.flatten({ background: '#fff' })
  if (header.depth === 'ushort') return sixteenBits(image, settings.white)
  if (await isInks(file, header)) return inks(image)
  const colours = image.toColourspace('srgb').raw()
  return settings.enough && header.format === 'jpeg' ? reduced(file, colours, header, settings) : pixelsOf(colours)
}

/** From this reduction on, libvips decodes a JPEG file at a half, a quarter or an eighth of its size. */
const LEAST_REDUCTION = 3

/** Reduces a JPEG file to the required size with the triangle filter. libjpeg skips most of a large file. */
async function reduced(
  file: Buffer,
  image: Sharp,
  header: ImageHeader,
  settings: DecodeSettings
): Promise<DecodedImage> {
  const { width, height } = settings.orient ? (await sharp(file).metadata()).autoOrient : header
  const enough = settings.enough!(height, width)
  if (Math.min(height / enough[0], width / enough[1]) < LEAST_REDUCTION) return pixelsOf(image)
  const size = { height: enough[0], width: enough[1], fit: 'fill' as const }
  return { ...(await pixelsOf(image.resize({ ...size, kernel: 'linear' }))), whole: [height, width] }
}

async function pixelsOf(image: Sharp): Promise<Pixels> {
  const { data, info } = await image.toBuffer({ resolveWithObject: true })
  return { bytes: data, channels: info.channels, height: info.height, width: info.width }
}

async function sixteenBits(image: Sharp, white?: number): Promise<DecodedImage> {
  const { bytes, ...size } = await pixelsOf(image.toColourspace('rgb16').removeAlpha().raw({ depth: 'ushort' }))
  const values = new Uint16Array(bytes.buffer, bytes.byteOffset, bytes.length / 2)
  const result = new Uint8Array(values.length)
  let largest = 0
  for (let i = 0; i < values.length; i++) {
    const value = values[i]!
    if (value > largest) largest = value
    // the upper byte, as PIL and sharp do it, where nothing else is said
    result[i] = white === undefined ? value >> 8 : Math.min(255, Math.round((value / white) * 255))
  }
  return { ...size, bytes: result, ...(white === undefined && { largest16: largest }) }
}

async function isInks(file: Buffer, { channels, format }: ImageHeader): Promise<boolean> {
  if (channels < 4 || (format !== 'jpeg' && format !== 'tiff')) return false
  return (await sharp(file, { limitInputPixels: false }).metadata()).space === 'cmyk'
}

/**
 * Converts cyan, magenta, yellow and black to RGB as PIL does: each ink absorbs its share of the light that black
 * leaves.
 */
async function inks(image: Sharp): Promise<Pixels> {
  const { bytes, channels, ...size } = await pixelsOf(image.pipelineColourspace('cmyk').toColourspace('cmyk').raw())
  const result = new Uint8Array((bytes.length / channels) * 3)
  for (let i = 0; i * channels < bytes.length; i++) {
    const left = 255 - bytes[i * channels + 3]!
    for (let c = 0; c < 3; c++) {
      const product = bytes[i * channels + c]! * left + 128
      result[i * 3 + c] = Math.max(0, left - ((product + (product >> 8)) >> 8))
    }
  }
  return { ...size, channels: 3, bytes: result }
}
