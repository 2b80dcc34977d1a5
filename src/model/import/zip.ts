import { promisify } from 'node:util'
import { inflateRaw } from 'node:zlib'
import { LrpError } from '../../core/errors.js'
import { readRange, type FileRange } from './file-range.js'

const LARGEST_DIRECTORY = 64 << 20
const MOST_ENTRIES = 200_000
/** How many times its packed size an entry of a model may have. */
const MOST_SWELLING = 50

interface Entry {
  method: number
  stored: number
  size: number
  header: number
}

/** The directory of a ZIP archive; entries are read by position. Zip64 and encryption are not supported. */
export class ZipArchive {
  private constructor(
    private readonly range: FileRange,
    private readonly entries: Map<string, Entry>
  ) {}

  /** @throws LrpError INVALID_FILE */
  static async open(range: FileRange): Promise<ZipArchive> {
    const tailLength = Math.min(range.length, 65_557)
    const tail = Buffer.from((await readRange(range, range.length - tailLength, tailLength)).buffer)
    const end = tail.lastIndexOf(Buffer.from('PK\x05\x06', 'latin1'))
    const invalid = (why: string) => new LrpError('INVALID_FILE', `${range.path} is not a valid archive: ${why}`)
    if (end < 0 || end + 22 > tail.length) throw invalid('its directory is missing, is it truncated?')
    const [count, length, start] = [
      tail.readUInt16LE(end + 10),
      tail.readUInt32LE(end + 12),
      tail.readUInt32LE(end + 16)
    ]
    if (count > MOST_ENTRIES || length > LARGEST_DIRECTORY) throw invalid('its directory is too large')
    const directory = Buffer.from((await readRange(range, start, length)).buffer)
    const entries = new Map<string, Entry>()
    for (let at = 0, i = 0; i < count; i++) {
      if (at + 46 > length || directory.readUInt32LE(at) !== 0x02014b50) throw invalid('its directory is damaged')
      const next = at + 46 + directory.readUInt16LE(at + 28)
      const name = directory.toString('utf8', at + 46, next)
      if (directory.readUInt16LE(at + 8) & 1) throw invalid('it is encrypted')
      if (entries.has(name)) throw invalid(`it contains '${name}' twice`)
      entries.set(name, {
        method: directory.readUInt16LE(at + 10),
        stored: directory.readUInt32LE(at + 20),
        size: directory.readUInt32LE(at + 24),
        header: directory.readUInt32LE(at + 42)
      })
      at = next + directory.readUInt16LE(at + 30) + directory.readUInt16LE(at + 32)
    }
    return new ZipArchive(range, entries)
  }

  /** Bytes of the archive. */
  get size(): number {
    return this.range.length
  }

  get names(): string[] {
    return [...this.entries.keys()]
  }

  /** The one entry whose path ends so. @throws LrpError INVALID_FILE */
  find(ending: string): string | undefined {
    return this.names.find((name) => name === ending || name.endsWith('/' + ending))
  }

  /** A stored entry as a range of the file. @throws LrpError INVALID_FILE */
  async entry(name: string): Promise<FileRange> {
    const { range } = this
    const entry = this.known(name)
    if (entry.method !== 0) throw new LrpError('INVALID_FILE', `${range.path}: '${name}' is compressed`)
    return this.body(entry, name)
  }

  /** A whole entry, unpacked; no more than `limit` bytes. @throws LrpError INVALID_FILE */
  async read(name: string, limit: number): Promise<Uint8Array> {
    const entry = this.known(name)
    const refuse = (why: string) => new LrpError('INVALID_FILE', `${this.range.path}: '${name}' ${why}`)
    const swells = entry.size > MOST_SWELLING * entry.stored + (1 << 20)
    if (entry.size > limit || swells) throw refuse('is too large')
    const body = await this.body(entry, name)
    const packed = await readRange(body, 0, body.length)
    if (entry.method === 0) return packed
    if (entry.method !== 8) throw refuse('is packed in an unknown way')
    try {
      return await promisify(inflateRaw)(packed, { maxOutputLength: Math.max(entry.size, 1) })
    } catch {
      throw refuse('cannot be unpacked to the size it states')
    }
  }

  private known(name: string): Entry {
    const entry = this.entries.get(name)
    if (!entry) throw new LrpError('INVALID_FILE', `${this.range.path} lacks '${name}'`)
    return entry
  }

  private async body(entry: Entry, name: string): Promise<FileRange> {
    const { range } = this
    const head = Buffer.from((await readRange(range, entry.header, 30)).buffer)
    const start = entry.header + 30 + head.readUInt16LE(26) + head.readUInt16LE(28)
    if (head.readUInt32LE(0) !== 0x04034b50 || start + entry.stored > range.length) {
      throw new LrpError('INVALID_FILE', `${range.path}: '${name}' is outside the file: is it truncated?`)
    }
    return { ...range, start: range.start + start, length: entry.stored }
  }
}
