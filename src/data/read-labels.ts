import { readFile } from 'node:fs/promises'
import { inflateSync } from 'node:zlib'
import { LrpError } from '../core/errors.js'
import { ioError } from '../core/files.js'
import { MOST_PIXELS } from './decode-image.js'

/** The numbers of a mask image, one for each pixel. */
export interface Labels {
  data: Uint8Array
  height: number
  width: number
}

const SIGNATURE = Buffer.from([137, 80, 78, 71, 13, 10, 26, 10])
const GREY = 0
const PALETTE = 3

/**
 * Reads the numbers that a PNG stores: grey values, or indices into its palette, as label tools write classes. (Image
 * libraries convert palettes to colours.) @throws LrpError NOT_FOUND; INVALID_FILE for colours, 16 bits and
 * interlacing
 */
export async function readLabels(path: string): Promise<Labels> {
  const file = await readFile(path).catch((cause: unknown) => {
    throw ioError(cause, `cannot read the mask ${path}`)
  })
  const fail = (why: string): LrpError => new LrpError('INVALID_FILE', `${path} is not a mask of class numbers: ${why}`)
  if (!file.subarray(0, 8).equals(SIGNATURE)) throw fail('it is not a PNG file')
  const parts: Buffer[] = []
  let header: Buffer | undefined
  for (let at = 8; at + 8 <= file.length; at += 12 + file.readUInt32BE(at)) {
    const kind = file.toString('latin1', at + 4, at + 8)
    const body = file.subarray(at + 8, at + 8 + file.readUInt32BE(at))
    if (kind === 'IHDR' && body.length >= 13) header = body
    if (kind === 'IDAT') parts.push(body)
  }
  if (!header) throw fail('its header is missing')
  const [width, height] = [header.readUInt32BE(0), header.readUInt32BE(4)]
  const [bits, colour, interlaced] = [header[8]!, header[9]!, header[12]!]
  if (width * height > MOST_PIXELS) throw fail(`it is too large (${width}x${height})`)
  if ((colour !== GREY && colour !== PALETTE) || bits > 8 || interlaced)
    throw fail('it must be grey or have a palette, with at most 8 bits, and not be interlaced')
  const stride = Math.ceil((width * bits) / 8)
  let rows: Buffer
  try {
    rows = inflateSync(Buffer.concat(parts), { maxOutputLength: height * (stride + 1) })
  } catch (cause) {
    throw fail((cause as Error).message)
  }
  if (rows.length < height * (stride + 1)) throw fail('it ends early')
  return { data: unpacked(unfiltered(rows, height, stride), height, width, bits), height, width }
}

/** Undoes PNG's filters, which store differences to neighbours. */
function unfiltered(rows: Buffer, height: number, stride: number): Uint8Array {
  const result = new Uint8Array(height * stride)
  for (let y = 0; y < height; y++) {
    const filter = rows[y * (stride + 1)]
    for (let x = 0; x < stride; x++) {
      const left = x > 0 ? result[y * stride + x - 1]! : 0
      const above = y > 0 ? result[(y - 1) * stride + x]! : 0
      const corner = x > 0 && y > 0 ? result[(y - 1) * stride + x - 1]! : 0
      const guesses = [0, left, above, (left + above) >> 1, paeth(left, above, corner)]
      result[y * stride + x] = rows[y * (stride + 1) + 1 + x]! + guesses[filter ?? 0]!
    }
  }
  return result
}

function paeth(left: number, above: number, corner: number): number {
  const guess = left + above - corner
  const [a, b, c] = [Math.abs(guess - left), Math.abs(guess - above), Math.abs(guess - corner)]
  return a <= b && a <= c ? left : b <= c ? above : corner
}

/** Several pixels may share a byte. */
function unpacked(bytes: Uint8Array, height: number, width: number, bits: number): Uint8Array {
  if (bits === 8) return bytes
  const stride = bytes.length / height
  const result = new Uint8Array(height * width)
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const shift = 8 - bits - ((x * bits) % 8)
      result[y * width + x] = (bytes[y * stride + ((x * bits) >> 3)]! >> shift) & ((1 << bits) - 1)
    }
  }
  return result
}
