import { LrpError } from '../../../core/errors.js'
import { readRange, type FileRange } from '../../../core/file-range.js'

const WINDOW = 1 << 16

/** One field of a protobuf message in a file: where it stands, tag included, and where its content stands. */
export interface WireField {
  number: number
  start: number
  /** Content of a length-delimited field, as a part of the file. */
  content: FileRange
  end: number
  isDelimited: boolean
}

/**
 * Walks over the fields of a protobuf message that lies in a file without reading their contents: weights of any size
 * are found by position and read later, each into a buffer of its own.
 * @throws LrpError INVALID_FILE where a field leaves the message
 */
export async function* wireFields(message: FileRange): AsyncGenerator<WireField> {
  const cursor = new Cursor(message)
  while (cursor.position < message.length) {
    const start = cursor.position
    const tag = await cursor.varint()
    const type = tag % 8
    let length = 0
    if (type === 0) await cursor.varint()
    else if (type === 1) length = 8
    else if (type === 2) length = await cursor.varint()
    else if (type === 5) length = 4
    else throw damaged(message)
    const from = cursor.position
    const end = from + length
    if (end > message.length || tag < 8) throw damaged(message)
    const content = { ...message, start: message.start + from, length }
    yield { number: Math.floor(tag / 8), start, content, end, isDelimited: type === 2 }
    cursor.position = end
  }
}

/** A field with its tag, as bytes. */
export function readField(message: FileRange, field: WireField): Promise<Uint8Array> {
  return readRange(message, field.start, field.end - field.start)
}

function damaged(range: FileRange): LrpError {
  return new LrpError('INVALID_FILE', `${range.path} is not a valid ONNX file: it is truncated or damaged`)
}

class Cursor {
  position = 0
  private window: Uint8Array = new Uint8Array(0)
  private windowStart = 0

  constructor(private readonly range: FileRange) {}

  async varint(): Promise<number> {
    let value = 0
    for (let shift = 1; shift < 2 ** 53; shift *= 128) {
      const byte = await this.byte()
      value += (byte & 127) * shift
      if (byte < 128) return value
    }
    // the bits above 2^53 of a negative number: its sign says nothing about lengths
    for (let extra = 0; extra < 2; extra++) if ((await this.byte()) < 128) return value
    throw damaged(this.range)
  }

  private async byte(): Promise<number> {
    let at = this.position - this.windowStart
    if (at < 0 || at >= this.window.length) {
      const length = Math.min(WINDOW, this.range.length - this.position)
      if (length <= 0) throw damaged(this.range)
      this.window = await readRange(this.range, this.position, length)
      this.windowStart = this.position
      at = 0
    }
    this.position++
    return this.window[at]!
  }
}
