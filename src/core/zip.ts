import { promisify } from 'node:util'
import { crc32, inflateRaw } from 'node:zlib'
import { LrpError } from './errors.js'
import { readRange, type FileRange } from './file-range.js'
import { readZipDirectory, type ZipEntry } from './zip-directory.js'

/** How many times its packed size an entry of a model may have. */
const MOST_SWELLING = 50
const HEADER = 0x04034b50
const HEADER_SIZE = 30
const [AS_IT_IS, DEFLATED] = [0, 8]

export interface ReadLimits {
  /** Bytes of the unpacked entry. */
  limit: number
  /** How many times its packed size it may have. */
  swelling?: number
  /** Its checksum must be right. PyTorch can be told to write none, so that this says nothing in its files. */
  checksum?: boolean
}

/** A ZIP archive; its entries are read by position. */
export class ZipArchive {
  private constructor(
    private readonly range: FileRange,
    private readonly entries: Map<string, ZipEntry>
  ) {}

  /** @throws LrpError INVALID_FILE */
  static async open(range: FileRange): Promise<ZipArchive> {
    return new ZipArchive(range, await readZipDirectory(range))
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

  /** Bytes of an entry when it is unpacked. @throws LrpError INVALID_FILE */
  sizeOf(name: string): number {
    return this.known(name).size
  }

  /** A stored entry as a range of the file. @throws LrpError INVALID_FILE */
  async entry(name: string): Promise<FileRange> {
    const entry = this.known(name)
    if (entry.method !== AS_IT_IS) throw this.refuse(name, 'is compressed: store the files of the archive as they are')
    return this.body(entry, name)
  }

  /** A whole entry, unpacked. @throws LrpError INVALID_FILE */
  async read(name: string, { limit, swelling = MOST_SWELLING, checksum }: ReadLimits): Promise<Uint8Array> {
    const entry = this.known(name)
    const swells = entry.size > swelling * entry.stored + (1 << 20)
    if (entry.size > limit || swells) throw this.refuse(name, 'is too large')
    const body = await this.body(entry, name)
    const bytes = await this.unpacked(await readRange(body, 0, body.length), entry, name)
    if (checksum && crc32(bytes) !== entry.crc) throw this.refuse(name, 'is damaged: its checksum is wrong')
    return bytes
  }

  private async unpacked(packed: Uint8Array, { method, size }: ZipEntry, name: string): Promise<Uint8Array> {
    if (method === AS_IT_IS) return packed
    if (method !== DEFLATED) throw this.refuse(name, 'is compressed by an unsupported method')
    const bytes = await promisify(inflateRaw)(packed, { maxOutputLength: Math.max(size, 1) }).catch(() => undefined)
    if (bytes?.length !== size) throw this.refuse(name, 'cannot be unpacked to its stated size')
    return bytes
  }

  private known(name: string): ZipEntry {
    const entry = this.entries.get(name)
    if (!entry) throw new LrpError('INVALID_FILE', `the archive ${this.range.path} lacks the file '${name}'`)
    return entry
  }

  private refuse(name: string, why: string): LrpError {
    return new LrpError('INVALID_FILE', `${this.range.path}: the file '${name}' in this archive ${why}`)
  }

  private async body({ method, stored, size, header }: ZipEntry, name: string): Promise<FileRange> {
    const { range } = this
    const head = Buffer.from((await readRange(range, header, HEADER_SIZE)).buffer)
    const start = header + HEADER_SIZE + head.readUInt16LE(26) + head.readUInt16LE(28)
    if (head.readUInt32LE(0) !== HEADER || start + stored > range.length)
      throw this.refuse(name, 'is outside the file: is it truncated?')
    if (method === AS_IT_IS && stored !== size) throw this.refuse(name, 'has two different sizes')
    return { ...range, start: range.start + start, length: stored }
  }
}
