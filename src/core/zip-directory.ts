import { LrpError } from './errors.js'
import { readRange, type FileRange } from './file-range.js'

const LARGEST_DIRECTORY = 64 << 20
const MOST_ENTRIES = 200_000

const END = 0x06054b50
const END_64 = 0x06064b50
const LOCATOR_64 = 0x07064b50
const ENTRY = 0x02014b50
/** Bytes of these records; a comment of at most 65,535 bytes may follow the first. */
const [END_SIZE, END_64_SIZE, LOCATOR_64_SIZE, ENTRY_SIZE] = [22, 56, 20, 46]
/** The id of the extra field for numbers of 64 bits, and what a number says that is there instead. */
const [EXTRA_64, FULL_16, FULL_32] = [1, 0xffff, 0xffffffff]

/** What the directory of an archive says of a file in it. */
export interface ZipEntry {
  /** 0: as it is; 8: deflated. */
  method: number
  crc: number
  /** Bytes in the archive, and unpacked. */
  stored: number
  size: number
  /** Where its own header begins. */
  header: number
}

/** Where a directory is. */
interface Place {
  count: number
  length: number
  start: number
  /** Its first byte after what was written before the archive. */
  end: number
}

/**
 * The directory of a ZIP archive, also with sizes of 64 bits, a comment at its end, or other bytes before it.
 * @throws LrpError INVALID_FILE
 */
export async function readZipDirectory(range: FileRange): Promise<Map<string, ZipEntry>> {
  const invalid = (why: string) => new LrpError('INVALID_FILE', `${range.path} is not a valid archive: ${why}`)
  const place = await findDirectory(range)
  if (!place) throw invalid('its directory is missing (is the file truncated?)')
  const { count, length, end } = place
  if (count > MOST_ENTRIES || length > LARGEST_DIRECTORY) throw invalid('its directory is too large')
  const before = end - length - place.start // bytes that something else put before the archive
  if (before < 0) throw invalid('its directory is damaged')
  const directory = Buffer.from((await readRange(range, end - length, length)).buffer)
  const entries = new Map<string, ZipEntry>()
  for (let at = 0, i = 0; i < count; i++) {
    if (at + ENTRY_SIZE > length || directory.readUInt32LE(at) !== ENTRY) throw invalid('its directory is damaged')
    const afterName = at + ENTRY_SIZE + directory.readUInt16LE(at + 28)
    const afterExtra = afterName + directory.readUInt16LE(at + 30)
    if (afterExtra > length) throw invalid('its directory is damaged')
    const name = directory.toString('utf8', at + ENTRY_SIZE, afterName)
    if (directory.readUInt16LE(at + 8) & 1) throw invalid('it is encrypted')
    if (entries.has(name)) throw invalid(`it contains '${name}' twice`)
    const entry = withLongNumbers(
      {
        method: directory.readUInt16LE(at + 10),
        crc: directory.readUInt32LE(at + 16),
        stored: directory.readUInt32LE(at + 20),
        size: directory.readUInt32LE(at + 24),
        header: directory.readUInt32LE(at + 42)
      },
      directory.subarray(afterName, afterExtra)
    )
    if (!entry) throw invalid(`the size of '${name}' is missing`)
    entries.set(name, { ...entry, header: before + entry.header })
    at = afterExtra + directory.readUInt16LE(at + 32)
  }
  return entries
}

async function findDirectory(range: FileRange): Promise<Place | undefined> {
  const length = Math.min(range.length, LOCATOR_64_SIZE + END_64_SIZE + END_SIZE + FULL_16)
  const tail = Buffer.from((await readRange(range, range.length - length, length)).buffer)
  const at = endRecord(tail)
  if (at === undefined) return undefined
  const short = {
    count: tail.readUInt16LE(at + 10),
    length: tail.readUInt32LE(at + 12),
    start: tail.readUInt32LE(at + 16)
  }
  const end = range.length - length + at
  const locator = at - LOCATOR_64_SIZE
  if (locator < 0 || tail.readUInt32LE(locator) !== LOCATOR_64) return { ...short, end }
  const record = locator - END_64_SIZE
  if (record < 0 || tail.readUInt32LE(record) !== END_64) return undefined
  return {
    count: longAt(tail, record + 32),
    length: longAt(tail, record + 40),
    start: longAt(tail, record + 48),
    end: end - LOCATOR_64_SIZE - END_64_SIZE
  }
}

/**
 * Where the last record of an archive begins. A comment that reaches to the end follows it, and may look like one too; only
 * where no record fits the end do other bytes follow it.
 */
function endRecord(tail: Buffer): number | undefined {
  let last: number | undefined
  for (let at = tail.length - END_SIZE; at >= 0; at--) {
    if (tail.readUInt32LE(at) !== END) continue
    const end = at + END_SIZE + tail.readUInt16LE(at + 20)
    if (end === tail.length) return at
    if (end < tail.length) last ??= at
  }
  return last
}

/** Numbers that do not fit 32 bits are in an extra field, in this order. */
function withLongNumbers(entry: ZipEntry, extra: Buffer): ZipEntry | undefined {
  const long = (['size', 'stored', 'header'] as const).filter((key) => entry[key] === FULL_32)
  if (long.length === 0) return entry
  for (let at = 0; at + 4 <= extra.length; at += 4 + extra.readUInt16LE(at + 2)) {
    if (extra.readUInt16LE(at) !== EXTRA_64) continue
    const field = extra.subarray(at + 4, at + 4 + extra.readUInt16LE(at + 2))
    if (field.length < 8 * long.length) return undefined
    return { ...entry, ...Object.fromEntries(long.map((key, i) => [key, longAt(field, 8 * i)])) }
  }
  return undefined
}

const longAt = (bytes: Buffer, at: number): number => Number(bytes.readBigUInt64LE(at))
