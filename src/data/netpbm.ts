import type { Pixels } from './pixels.js'

/** Channels of each kind of file; P1 to P3 contain text, P4 to P6 bytes. */
const CHANNELS: Record<string, number> = { P1: 1, P2: 1, P3: 3, P4: 1, P5: 1, P6: 3 }

export interface NetpbmHeader {
  kind: string
  width: number
  height: number
  channels: number
  /** The value of white. */
  white: number
  /** Offset of the first pixel in bytes. */
  start: number
}

/** The header of a `.pbm`, `.pgm` or `.ppm` file; undefined for any other file. @throws Error if it is damaged */
export function netpbmHeader(file: Buffer): NetpbmHeader | undefined {
  const kind = file.toString('latin1', 0, 2)
  const channels = CHANNELS[kind]
  if (channels === undefined || !/\s/.test(String.fromCharCode(file[2] ?? 0))) return undefined
  const numbers = isBitmap(kind) ? 2 : 3
  const space = String.raw`(?:\s|#[^\n]*\n)`
  const pattern = new RegExp(`^P\\d${`${space}+(\\d{1,9})`.repeat(numbers)}\\s`)
  const found = pattern.exec(file.toString('latin1', 0, 4096))
  if (!found) throw new Error('its header cannot be read')
  const [width, height, white = 1] = found.slice(1).map(Number) as [number, number, number?]
  if (width < 1 || height < 1 || white < 1 || white > 65535) throw new Error('its header contains invalid numbers')
  return { kind, width, height, channels, white, start: found[0].length }
}

/** Reads the pixels of a netpbm file as bytes: the value of white becomes 255. @throws Error if it is truncated */
export function readNetpbm(file: Buffer, header: NetpbmHeader): Pixels {
  const { kind, width, height, channels, white, start } = header
  const count = width * height * channels
  const value = valuesOf(file.subarray(start), header, count)
  const isInverted = isBitmap(kind)
  const bytes = new Uint8Array(count)
  for (let i = 0; i < count; i++) {
    const part = value(i)
    if (!(part >= 0 && part <= white)) throw new Error('its size does not match its header: is it truncated?')
    bytes[i] = isInverted ? 255 * (1 - part) : white === 255 ? part : Math.round((part / white) * 255)
  }
  return { bytes, width, height, channels }
}

function isBitmap(kind: string): boolean {
  return kind === 'P1' || kind === 'P4'
}

/** A function from the place of a number to the number; NaN if there is none. */
function valuesOf(body: Buffer, { kind, width, white }: NetpbmHeader, count: number): (i: number) => number {
  if (kind === 'P1') {
    const digits = body.toString('latin1').replace(/[^01]/g, '')
    return (i) => (i < digits.length ? Number(digits[i]) : NaN)
  }
  if (kind === 'P2' || kind === 'P3') {
    const numbers = body.toString('latin1').trim().split(/\s+/, count)
    return (i) => Number(numbers[i] ?? NaN)
  }
  if (kind === 'P4') {
    const row = Math.ceil(width / 8)
    return (i) => {
      const [y, x] = [Math.floor(i / width), i % width]
      const byte = body[y * row + (x >> 3)]
      return byte === undefined ? NaN : (byte >> (7 - (x & 7))) & 1
    }
  }
  if (white < 256) return (i) => body[i] ?? NaN
  return (i) => (2 * i + 1 < body.length ? body.readUInt16BE(2 * i) : NaN)
}
