import { sharp } from '../core/sharp.js'

/** The header of an image file, read before anything is decoded. */
export interface ImageHeader {
  width: number
  height: number
  /** Number of channels. */
  channels: number
  /** Type of a number, as sharp calls it: `uchar`, `ushort`, `float`, ... */
  depth: string
  format: string
}

/** @throws Error if the file is not a readable image */
export async function headerOf(file: Buffer): Promise<ImageHeader> {
  return pngHeader(file) ?? jpegHeader(file) ?? (await otherHeader(file))
}

async function otherHeader(file: Buffer): Promise<ImageHeader> {
  const { width, height, channels, depth, format } = await sharp(file, { limitInputPixels: false }).metadata()
  return { width, height, channels, depth, format }
}

/** PNG and JPEG headers are read here: sharp takes as long for a header as for a small image. */
function pngHeader(file: Buffer): ImageHeader | undefined {
  if (file.length < 33 || file.toString('latin1', 1, 4) !== 'PNG') return undefined
  const channels = { 0: 1, 2: 3, 3: 3, 4: 2, 6: 4 }[file[25]!]
  if (channels === undefined) return undefined
  const depth = file[24] === 16 ? 'ushort' : 'uchar'
  return { width: file.readUInt32BE(16), height: file.readUInt32BE(20), channels, depth, format: 'png' }
}

/** The first frame header (SOF) of a JPEG file. */
function jpegHeader(file: Buffer): ImageHeader | undefined {
  if (file.length < 4 || file.readUInt16BE(0) !== 0xffd8) return undefined
  let at = 2
  while (at + 10 <= file.length && file[at] === 0xff) {
    const marker = file[at + 1]!
    const isFrame = marker >= 0xc0 && marker <= 0xcf && ![0xc4, 0xc8, 0xcc].includes(marker)
    if (isFrame) {
      const [height, width] = [file.readUInt16BE(at + 5), file.readUInt16BE(at + 7)]
      return { width, height, channels: file[at + 9]!, depth: 'uchar', format: 'jpeg' }
    }
    at += marker === 0xff ? 1 : 2 + file.readUInt16BE(at + 2)
  }
  return undefined
}
