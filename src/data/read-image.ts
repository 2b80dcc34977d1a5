import { readFile as readInSteps, readFileSync } from 'node:fs'
import { promisify } from 'node:util'
import { LrpError } from '../core/errors.js'
import type { Preprocessing } from '../core/graph.js'
import { inPlanes, resizedSize } from './arrange-image.js'
import { decodeImage } from './decode-image.js'
import type { Decode } from './options.js'

/** Milliseconds that reading a file may keep this thread, and by which all files may exceed them together. */
const SHORT = 0.5
const PATIENCE = 20
let exceeded = 0

/**
 * Reads a file at once, until files take long: handing a small file to other threads takes several times as long as
 * reading it.
 */
async function readFile(path: string): Promise<Buffer> {
  if (exceeded > PATIENCE) return promisify(readInSteps)(path)
  const begun = performance.now()
  const file = readFileSync(path)
  exceeded = Math.max(0, exceeded + performance.now() - begun - SHORT)
  return file
}

/** How an image file is converted to bytes. */
export type ReadSettings = Preprocessing & { decode?: Decode }

export interface ReadImage {
  /** [C, H, W] */
  bytes: Uint8Array
  shape: number[]
  /** Height and width of the image in the file, in pixels. */
  original: [number, number]
  /** Largest value of a 16-bit image whose `white` is not set. */
  largest16?: number
}

/**
 * Reads an image file as bytes [channels, height, width], as PIL and torchvision do. Grey is 0.299 red + 0.587 green +
 * 0.114 blue of the stored bytes. Colour profiles and transparency are ignored. The EXIF orientation is applied only if
 * the preprocessing requires it. The image is resized with PIL's interpolation and cropped; pixel values differ from
 * PIL by at most 1 of 255. `decode: 'fast'` decodes a JPEG file at a reduced size (docs/data.md).
 * @param source path of a file, or its bytes
 * @param into array that receives the bytes if it has the right length; otherwise a new array is created
 * @throws LrpError NOT_FOUND, INVALID_FILE naming the image; INVALID_ARGUMENT if it is smaller than the crop
 */
export async function readImage(source: string | Buffer, p: ReadSettings, into?: Uint8Array): Promise<ReadImage> {
  const name = typeof source === 'string' ? source : 'the image'
  try {
    const file = typeof source === 'string' ? await readFile(source) : source
    const resized = (height: number, width: number): [number, number] => resizedSize(height, width, p.resize)
    const settings = { orient: p.orient, white: p.white, ...(p.decode === 'fast' && { enough: resized }) }
    return await decodeImage(file, settings, async ({ largest16, whole, ...pixels }) => {
      const original = whole ?? [pixels.height, pixels.width]
      const how = { ...p, resize: resized(...original) }
      const arranged = await inPlanes({ ...pixels, planar: false, consumes: true }, how, name, into)
      return { ...arranged, original, ...(largest16 !== undefined && { largest16 }) }
    })
  } catch (cause) {
    const { name: kind, code, message } = cause as NodeJS.ErrnoException
    if (kind === 'LrpError') throw cause
    if (code === 'ENOENT') throw new LrpError('NOT_FOUND', `${name} does not exist`, { cause })
    throw new LrpError('INVALID_FILE', `${name} is not a readable image: ${message}`, { cause })
  }
}
