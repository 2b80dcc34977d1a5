import { readFile } from 'node:fs/promises'
import { LrpError } from '../core/errors.js'
import type { Preprocessing } from '../core/graph.js'
import { inPlanes, resizedSize } from './arrange-image.js'
import { decodeImage } from './decode-image.js'
import type { Decode } from './options.js'

/** How an image file becomes bytes. */
export type ReadSettings = Preprocessing & { decode?: Decode }

export interface ReadImage {
  /** [C, H, W] */
  bytes: Uint8Array
  shape: number[]
  /** Height and width that the file has. */
  original: [number, number]
  /** Of 16-bit images whose white is not named: their largest value. */
  largest16?: number
}

/**
 * An image file as bytes [C, H, W], read as PIL and torchvision read it: grey by 0.299, 0.587 and 0.114 of the stored
 * bytes, no colour profile, no transparency, EXIF's orientation only where the preprocessing says so (docs/data.md).
 * Resized and cropped on bytes, by PIL's interpolation to one step of 255; with `decode: 'fast'` from a JPEG that was decoded
 * at a part of its size (docs/data.md).
 * @param source a file's path or its bytes
 * @param into where the bytes go if they are as many; a new array otherwise
 * @throws LrpError NOT_FOUND, INVALID_FILE naming the image; INVALID_ARGUMENT when it is smaller than the crop
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
