import type { Pixels } from './pixels.js'

export interface BmpHeader {
  width: number
  height: number
  bits: number
  /** The rows begin at the top, not at the bottom. */
  fromTop: boolean
  /** Offset of the first pixel in bytes. */
  start: number
  /** Colours by number, blue, green, red and a spare byte each. */
  palette: Buffer
}

/** Reads the header of a `.bmp` file; undefined for any other file. @throws Error for an unsupported kind of BMP */
export function bmpHeader(file: Buffer): BmpHeader | undefined {
  if (file.length < 54 || file.toString('latin1', 0, 2) !== 'BM') return undefined
  const size = file.readUInt32LE(14)
  if (size < 40 || size > file.length - 14) throw new Error('its type of header is not supported')
  const [width, height, bits] = [file.readInt32LE(18), file.readInt32LE(22), file.readUInt16LE(28)]
  const compression = file.readUInt32LE(30)
  const isMasked = compression === 3 && bits === 32
  if ((compression !== 0 && !isMasked) || ![1, 4, 8, 24, 32].includes(bits))
    throw new Error(
      `BMP files with ${bits} bits per pixel and compression ${compression} are not supported: save the image as PNG`
    )
  const masks = isMasked && file.length >= 66 ? [54, 58, 62].map((at) => file.readUInt32LE(at)) : []
  if (isMasked && masks.join() !== [0xff0000, 0xff00, 0xff].join())
    throw new Error('its colours are stored in an unusual order: save the image as PNG')
  if (width < 1 || height === 0) throw new Error('its header contains invalid numbers')
  const colours = bits > 8 ? 0 : file.readUInt32LE(46) || 2 ** bits
  const palette = file.subarray(14 + size, 14 + size + 4 * Math.min(colours, 256))
  return { width, height: Math.abs(height), bits, fromTop: height < 0, start: file.readUInt32LE(10), palette }
}

/** Reads the pixels of an uncompressed BMP file. @throws Error if it is truncated */
export function readBmp(file: Buffer, { width, height, bits, fromTop, start, palette }: BmpHeader): Pixels {
  const row = Math.ceil((width * bits) / 32) * 4
  if (start + row * height > file.length) throw new Error('it is truncated')
  const bytes = new Uint8Array(width * height * 3)
  for (let y = 0; y < height; y++) {
    const from = start + row * (fromTop ? y : height - 1 - y)
    for (let x = 0; x < width; x++) {
      const [source, at] = colourAt(file, from, x, bits, palette)
      const to = (y * width + x) * 3
      for (let c = 0; c < 3; c++) bytes[to + c] = source[at + 2 - c] ?? 0
    }
  }
  return { bytes, width, height, channels: 3 }
}

/** Offset of a pixel's blue, green and red in bytes. */
function colourAt(file: Buffer, row: number, x: number, bits: number, palette: Buffer): [Buffer, number] {
  if (bits > 8) return [file, row + (x * bits) / 8]
  const byte = file[row + ((x * bits) >> 3)]!
  const index = (byte >> (8 - bits - ((x * bits) & 7))) & (2 ** bits - 1)
  return [palette, 4 * index]
}
