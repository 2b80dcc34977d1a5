import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { crc32, deflateRawSync } from 'node:zlib'
import { afterAll, describe, expect, test } from '@jest/globals'
import { readFrom, readRange } from '../../src/core/file-range.js'
import { npyBytes, readNpz } from '../../src/core/npy.js'
import { ZipArchive } from '../../src/core/zip.js'

const folder = mkdtempSync(join(tmpdir(), 'lrp-zip-'))
const path = join(folder, 'a.zip')
afterAll(() => rmSync(folder, { recursive: true, force: true }))

interface Variant {
  deflated?: boolean
  /** Sizes and places are in fields of 64 bits. */
  long?: boolean
  /** Sizes follow the data, and the entry's own header has none. */
  descriptor?: boolean
  extra?: Buffer
  comment?: string
  before?: string
  after?: string
}

const numbers = (...parts: [bytes: 2 | 4 | 8, value: number][]): Buffer =>
  Buffer.concat(
    parts.map(([bytes, value]) => {
      const buffer = Buffer.alloc(8)
      buffer.writeBigUInt64LE(BigInt(value))
      return buffer.subarray(0, bytes)
    })
  )

/** An archive, byte by byte as the format says it. */
function archive(entries: Record<string, Buffer>, variant: Variant = {}): Buffer {
  const { deflated, long, descriptor, extra = Buffer.alloc(0), comment = '', before = '', after = '' } = variant
  const [bodies, directory]: [Buffer[], Buffer[]] = [[], []]
  let at = 0
  for (const [name, data] of Object.entries(entries)) {
    const body = deflated ? deflateRawSync(data) : data
    const [flags, method, crc] = [descriptor ? 8 : 0, deflated ? 8 : 0, crc32(data)]
    const sizes = (hidden: boolean): Buffer => numbers([4, hidden ? 0 : body.length], [4, hidden ? 0 : data.length])
    const short = numbers([2, 45], [2, flags], [2, method], [4, 0], [4, descriptor ? 0 : crc])
    const lengths = (field: number): Buffer => numbers([2, name.length], [2, field])
    const head = [numbers([4, 0x04034b50]), short, sizes(descriptor ?? false), lengths(extra.length)]
    const trailer = descriptor ? numbers([4, 0x08074b50], [4, crc], [4, body.length], [4, data.length]) : ''
    const local = Buffer.concat([...head, Buffer.from(name), extra, body, Buffer.from(trailer)])
    const wide = long ? numbers([2, 1], [2, 24], [8, data.length], [8, body.length], [8, at]) : Buffer.alloc(0)
    const full = 0xffffffff
    directory.push(
      numbers([4, 0x02014b50], [2, 45], [2, 45], [2, flags], [2, method], [4, 0], [4, crc]),
      long ? numbers([4, full], [4, full]) : sizes(false),
      lengths(extra.length + wide.length),
      numbers([2, 0], [2, 0], [2, 0], [4, 0], [4, long ? full : at]),
      Buffer.from(name),
      extra,
      wide
    )
    bodies.push(local)
    at += local.length
  }
  const list = Buffer.concat(directory)
  const count = bodies.length
  const end = long
    ? [
        numbers([4, 0x06064b50], [8, 44], [2, 45], [2, 45], [4, 0], [4, 0]),
        numbers(
          [8, count],
          [8, count],
          [8, list.length],
          [8, at],
          [4, 0x07064b50],
          [4, 0],
          [8, at + list.length],
          [4, 1]
        ),
        numbers([4, 0x06054b50], [4, 0], [2, 0xffff], [2, 0xffff], [4, 0xffffffff], [4, 0xffffffff])
      ]
    : [numbers([4, 0x06054b50], [4, 0], [2, count], [2, count], [4, list.length], [4, at])]
  const parts = [Buffer.from(before), ...bodies, list, ...end, numbers([2, comment.length])]
  return Buffer.concat([...parts, Buffer.from(comment, 'latin1'), Buffer.from(after)])
}

const ENTRIES = { 'm/a': Buffer.from('some bytes '.repeat(20)), 'm/b': Buffer.alloc(0), 'm/c': Buffer.from('end') }

async function contents(bytes: Buffer): Promise<Record<string, string>> {
  writeFileSync(path, bytes)
  return readFrom(path, async (whole) => {
    const zip = await ZipArchive.open(whole)
    const read = async (name: string): Promise<[string, string]> => [
      name,
      Buffer.from(await zip.read(name, { limit: 1000, checksum: true })).toString()
    ]
    return Object.fromEntries(await Promise.all(zip.names.map(read)))
  })
}

const LIKE_END = 'PK\x05\x06' + 'x'.repeat(40)
const VARIANTS: [string, Variant][] = [
  ['stored files', {}],
  ['deflated files', { deflated: true }],
  ['sizes of 64 bits', { long: true }],
  [
    'sizes of 64 bits after another field',
    { long: true, extra: numbers([2, 0x4141], [2, 3], [2, 7], [2, 0]).subarray(0, 7) }
  ],
  ['sizes behind the data', { descriptor: true, deflated: true }],
  ['extra fields', { extra: numbers([2, 0x4141], [2, 4], [4, 7]) }],
  ['a comment', { comment: 'hello' }],
  ['the longest comment', { comment: 'c'.repeat(0xffff), long: true }],
  ['a comment that looks like an end', { comment: LIKE_END }],
  ['bytes before it', { before: '#!/bin/sh\n' }],
  ['bytes before it and sizes of 64 bits', { before: '#!/bin/sh\n', long: true }],
  ['bytes after it', { after: '\0\0\0' }]
]

describe('an archive', () => {
  const expected = Object.fromEntries(Object.entries(ENTRIES).map(([name, data]) => [name, data.toString()]))

  test.each(VARIANTS)('with %s', async (_, variant) => {
    expect(await contents(archive(ENTRIES, variant))).toEqual(expected)
  })

  test.each(VARIANTS.filter(([, { deflated }]) => !deflated))('with %s is read by position', async (_, variant) => {
    writeFileSync(path, archive(ENTRIES, variant))
    const found = await readFrom(path, async (whole) => {
      const range = await (await ZipArchive.open(whole)).entry('m/c')
      return Buffer.from(await readRange(range, 1, range.length - 1)).toString()
    })
    expect(found).toBe('nd')
  })

  const patched = (change: (bytes: Buffer, directory: number) => void, variant: Variant = {}): Buffer => {
    const bytes = archive({ 'm/a': Buffer.from('abc') }, variant)
    change(bytes, bytes.indexOf(Buffer.from('PK\x01\x02')))
    return bytes
  }
  test.each<[string, Buffer, string]>([
    [
      'a file twice',
      Buffer.from(
        archive({ a1: ENTRIES['m/a'], a2: ENTRIES['m/b'] }).toString('latin1').replaceAll('a2', 'a1'),
        'latin1'
      ),
      "it contains 'a1' twice"
    ],
    ['encrypted files', patched((bytes, at) => bytes.writeUInt16LE(1, at + 8)), 'it is encrypted'],
    [
      'files packed in another way',
      patched((bytes, at) => bytes.writeUInt16LE(12, at + 10)),
      "'m/a' in this archive is compressed by an unsupported method"
    ],
    [
      'a wrong checksum',
      patched((bytes, at) => bytes.writeUInt32LE(7, at + 16)),
      "'m/a' in this archive is damaged: its checksum is wrong"
    ],
    [
      'two sizes of a stored file',
      patched((bytes, at) => bytes.writeUInt32LE(2, at + 24)),
      "'m/a' in this archive has two different sizes"
    ],
    [
      'another size of a deflated file',
      patched((bytes, at) => bytes.writeUInt32LE(4, at + 24), { deflated: true }),
      'to its stated size'
    ],
    [
      'no 64 bits for a size',
      patched((bytes, at) => bytes.writeUInt32LE(0xffffffff, at + 24)),
      "the size of 'm/a' is missing"
    ],
    [
      'a cut field',
      patched((bytes, at) => bytes.writeUInt16LE(8, at + 46 + 3 + 2), { long: true }),
      "the size of 'm/a' is missing"
    ],
    [
      'a place behind the directory',
      patched((bytes) => bytes.writeUInt32LE(5000, bytes.length - 6)),
      'its directory is damaged'
    ],
    [
      'a directory longer than it is',
      patched((bytes) => bytes.writeUInt16LE(2, bytes.length - 12)),
      'its directory is damaged'
    ],
    ['no end', archive(ENTRIES).subarray(0, -1), 'its directory is missing (is the file truncated?)'],
    [
      'no record of 64 bits',
      patched((bytes) => bytes.writeUInt32LE(0, bytes.length - 98), { long: true }),
      'its directory is missing'
    ]
  ])('with %s is refused', async (_, bytes, message) => {
    await expect(contents(bytes)).rejects.toMatchObject({
      code: 'INVALID_FILE',
      message: expect.stringContaining(message)
    })
  })

  test('of arrays is read in every variant', async () => {
    const tensor = { data: Float32Array.of(1, -2.5), shape: [2] }
    for (const [, variant] of VARIANTS) {
      writeFileSync(
        path,
        archive({ 'x.npy': Buffer.from(npyBytes(tensor)), 'notes.txt': Buffer.from('no array') }, variant)
      )
      expect(await readNpz(path)).toEqual({ x: { ...tensor, dtype: 'f4' } })
    }
  })
})
