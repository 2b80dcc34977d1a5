import type { FileHandle } from 'node:fs/promises'
import { LrpError } from '../../core/errors.js'
import { writeAtomic } from '../../core/files.js'
import { repeatedKey } from '../../core/repeated-key.js'
import { DTYPE_SIZE, sizeOf, type DType, type RawTensor, type StateDict } from '../../core/tensor.js'
import { readFrom } from '../../core/file-range.js'

const LARGEST_HEADER = 100_000_000

interface HeaderEntry {
  dtype: string
  shape: number[]
  data_offsets: [number, number]
}

/**
 * Reads a safetensors file, with a separate buffer for each tensor. The peak memory is the size of the file.
 * @throws LrpError INVALID_FILE if the header is invalid, or if offsets overlap, point outside the file or do not match
 * a shape
 */
export function readSafetensors(path: string): Promise<StateDict> {
  return readFrom(path, async ({ file, length: size }) => {
    const { header, start } = await readHeader(file, size, path)
    const result: StateDict = new Map()
    for (const [name, entry] of checkedEntries(header, size - start, path)) {
      result.set(name, await readTensor(file, entry, start))
    }
    return result
  })
}

function invalid(path: string, why: string): LrpError {
  return new LrpError('INVALID_FILE', `${path} is not a valid safetensors file: ${why}`)
}

async function readHeader(file: FileHandle, size: number, path: string): Promise<{ header: object; start: number }> {
  const prefix = Buffer.alloc(8)
  if ((await file.read(prefix, 0, 8, 0)).bytesRead < 8) throw invalid(path, 'it is shorter than its header')
  const length = Number(prefix.readBigUInt64LE())
  if (length > LARGEST_HEADER || 8 + length > size) throw invalid(path, 'its header is longer than the file')
  const bytes = Buffer.alloc(length)
  await file.read(bytes, 0, length, 8)
  const text = bytes.toString('utf8')
  let header: unknown
  try {
    header = JSON.parse(text)
  } catch {
    // it is no object either
  }
  if (typeof header !== 'object' || header === null || Array.isArray(header))
    throw invalid(path, 'its header is not a JSON object')
  const key = repeatedKey(text)
  if (key !== undefined) throw invalid(path, `its header has the key '${key}' twice in one object`)
  return { header, start: 8 + length }
}

function checkedEntries(header: object, available: number, path: string): [string, HeaderEntry][] {
  const entries = Object.entries(header).filter(([name]) => name !== '__metadata__') as [string, HeaderEntry][]
  const ranges: [number, number, string][] = []
  for (const [name, entry] of entries) {
    const [from, to] = checkEntry(name, entry, available, path)
    ranges.push([from, to, name])
  }
  ranges.sort((a, b) => a[0] - b[0] || a[1] - b[1])
  let [end, before] = [0, '']
  for (const [from, to, name] of ranges) {
    if (from < end) throw invalid(path, `the tensors '${before}' and '${name}' overlap`)
    if (from > end) throw invalid(path, `bytes before '${name}' belong to no tensor: does it contain a name twice?`)
    ;[end, before] = [to, name]
  }
  if (end !== available) throw invalid(path, 'bytes at its end belong to no tensor')
  return entries
}

function checkEntry(name: string, entry: HeaderEntry, available: number, path: string): [number, number] {
  const whole = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0
  const dtype = String(entry?.dtype).toLowerCase()
  if (!(dtype in DTYPE_SIZE)) throw invalid(path, `the tensor '${name}' has the unknown type '${entry?.dtype}'`)
  if (!Array.isArray(entry.shape) || !entry.shape.every(whole))
    throw invalid(path, `the tensor '${name}' has no valid shape`)
  const offsets = entry.data_offsets
  if (!Array.isArray(offsets) || offsets.length !== 2 || !offsets.every(whole)) {
    throw invalid(path, `the tensor '${name}' has no valid offsets`)
  }
  const [from, to] = offsets
  if (to < from || to > available) throw invalid(path, `the tensor '${name}' is outside the file: is it truncated?`)
  if (to - from !== sizeOf(entry.shape) * DTYPE_SIZE[dtype as DType]) {
    throw invalid(path, `the tensor '${name}' does not match its shape`)
  }
  return [from, to]
}

async function readTensor(file: FileHandle, entry: HeaderEntry, start: number): Promise<RawTensor> {
  const [from, to] = entry.data_offsets
  const data = new Uint8Array(new ArrayBuffer(to - from))
  for (let done = 0; done < data.length;) {
    const { bytesRead } = await file.read(data, done, Math.min(data.length - done, 1 << 26), start + from + done)
    if (bytesRead === 0) throw new LrpError('INVALID_FILE', 'the file became shorter while it was read')
    done += bytesRead
  }
  return { dtype: entry.dtype.toLowerCase() as DType, shape: [...entry.shape], data }
}

/** Writes tensors to a safetensors file in the given order. The write is atomic. @throws LrpError IO */
export async function writeSafetensors(path: string, tensors: Iterable<[string, RawTensor]>): Promise<void> {
  const header: Record<string, HeaderEntry | Record<string, string>> = { __metadata__: { format: 'pt' } }
  const parts: Uint8Array[] = []
  let offset = 0
  for (const [name, tensor] of tensors) {
    const end = offset + tensor.data.byteLength
    header[name] = { dtype: tensor.dtype.toUpperCase(), shape: tensor.shape, data_offsets: [offset, end] }
    parts.push(tensor.data)
    offset = end
  }
  const json = Buffer.from(JSON.stringify(header))
  const padded = Buffer.concat([json, Buffer.alloc((8 - (json.length % 8)) % 8, ' ')])
  const length = Buffer.alloc(8)
  length.writeBigUInt64LE(BigInt(padded.length))
  await writeAtomic(path, [length, padded, ...parts])
}
