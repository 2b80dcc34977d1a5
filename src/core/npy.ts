import { zipSync } from 'fflate'
import { LrpError } from './errors.js'
import { readFrom } from './file-range.js'
import { readBytes, writeAtomic } from './files.js'
import { checkPath } from './options.js'
import { sizeOf, type Tensor } from './tensor.js'
import { ZipArchive } from './zip.js'

/** Bytes of all arrays of an archive: as float32 they take up to four times as much. */
const LARGEST = 2 ** 30
/** Masks of zeros become a thousand times smaller. */
const NPZ_LIMITS = { limit: LARGEST, swelling: Infinity, checksum: true }
const ENDING = '.npy'
const MAGIC = '\x93NUMPY'

const READERS: Record<string, { size: number; read: (view: DataView, at: number, little: boolean) => number }> = {
  f4: { size: 4, read: (view, at, little) => view.getFloat32(at, little) },
  f2: { size: 2, read: (view, at, little) => halfOf(view.getUint16(at, little)) },
  f8: { size: 8, read: (view, at, little) => view.getFloat64(at, little) },
  i8: { size: 8, read: (view, at, little) => Number(view.getBigInt64(at, little)) },
  i4: { size: 4, read: (view, at, little) => view.getInt32(at, little) },
  i2: { size: 2, read: (view, at, little) => view.getInt16(at, little) },
  i1: { size: 1, read: (view, at) => view.getInt8(at) },
  u8: { size: 8, read: (view, at, little) => Number(view.getBigUint64(at, little)) },
  u4: { size: 4, read: (view, at, little) => view.getUint32(at, little) },
  u2: { size: 2, read: (view, at, little) => view.getUint16(at, little) },
  u1: { size: 1, read: (view, at) => view.getUint8(at) },
  b1: { size: 1, read: (view, at) => view.getUint8(at) }
}

/** The number that 16 bits of a float16 stand for. */
function halfOf(bits: number): number {
  const [sign, exponent, fraction] = [bits >> 15 ? -1 : 1, (bits >> 10) & 31, bits & 1023]
  if (exponent === 31) return fraction === 0 ? sign * Infinity : NaN
  return sign * (exponent === 0 ? fraction * 2 ** -24 : (1024 + fraction) * 2 ** (exponent - 25))
}

/** A NumPy array as float32, and the element type in the file: `f4`, `u1`, `i8`, ... */
export interface NpyArray extends Tensor {
  /** NumPy's name of the element type, such as `<f4`. */
  dtype: string
}

/**
 * Reads a NumPy array of numbers or booleans as float32. It supports versions 1 to 3 of the format.
 * @throws LrpError NOT_FOUND, INVALID_FILE (truncated, objects), UNSUPPORTED (Fortran order)
 */
export async function readNpy(path: string): Promise<NpyArray> {
  checkPath(path, 'the path of an array')
  return parseNpy(await readBytes(path), path)
}

/**
 * Reads the numeric arrays of a `numpy.savez` file by name and skips arrays of strings. The arrays may contain at most
 * 1 GiB of values, because a small compressed file can expand a thousandfold.
 * @throws LrpError as `readNpy`
 */
export function readNpz(path: string): Promise<Record<string, NpyArray>> {
  return readFrom(path, async (whole) => {
    const archive = await ZipArchive.open(whole)
    const names = archive.names.filter((name) => name.endsWith(ENDING))
    const total = names.reduce((sum, name) => sum + archive.sizeOf(name), 0)
    if (total > LARGEST)
      throw new LrpError(
        'INVALID_FILE',
        `the arrays of ${path} are larger than 1 GiB in total: save them as .npy files in a folder`
      )
    const arrays: [string, NpyArray][] = []
    for (const name of names) {
      const { buffer, byteOffset, length } = await archive.read(name, NPZ_LIMITS)
      const bytes = Buffer.from(buffer, byteOffset, length)
      if (!isText(bytes)) arrays.push([name.slice(0, -ENDING.length), parseNpy(bytes, `${name} in ${path}`)])
    }
    return Object.fromEntries(arrays)
  })
}

const isText = (entry: Uint8Array): boolean =>
  /'descr':\s*'[<>|=]U/.test(
    Buffer.from(entry.buffer, entry.byteOffset, Math.min(entry.length, 256)).toString('latin1')
  )

function parseNpy(bytes: Buffer, path: string): NpyArray {
  const invalid = (why: string): LrpError => new LrpError('INVALID_FILE', `${path} is not a valid .npy file: ${why}`)
  if (bytes.length < 10 || bytes.toString('latin1', 0, 6) !== MAGIC)
    throw invalid('it does not start with the .npy signature')
  const wide = bytes[6]! >= 2
  if (wide && bytes.length < 12) throw invalid('it is truncated')
  const start = (wide ? 12 : 10) + (wide ? bytes.readUInt32LE(8) : bytes.readUInt16LE(8))
  const header = bytes.toString('latin1', wide ? 12 : 10, start)
  const type = /'descr':\s*(?:'([<>|=])(\w+)'|\[)/.exec(header)
  const order = /'fortran_order':\s*(True|False)/.exec(header)
  const axes = /'shape':\s*\(([\d,\s]*)\)/.exec(header)
  if (start > bytes.length || !type || !order || !axes) throw invalid('its header cannot be read')
  const [, byteOrder, name = 'record'] = type
  const reader = READERS[name]
  if (!reader) throw invalid(`its values have the type '${name}': save numbers instead`)
  if (order[1] === 'True')
    throw new LrpError('UNSUPPORTED', `${path} is in Fortran order: save numpy.ascontiguousarray(array) instead`)
  const shape = axes[1]!
    .split(',')
    .filter((axis) => axis.trim() !== '')
    .map(Number)
  const count = sizeOf(shape)
  if (bytes.length - start !== count * reader.size) throw invalid('its size does not match its shape: is it truncated?')
  const view = new DataView(bytes.buffer, bytes.byteOffset + start, bytes.length - start)
  const little = byteOrder !== '>'
  const data = new Float32Array(count)
  for (let i = 0; i < count; i++) data[i] = reader.read(view, i * reader.size, little)
  return { data, shape, dtype: name }
}

/** A tensor as the bytes of a .npy file (float32, C order). */
export function npyBytes(tensor: Tensor): Uint8Array {
  return Buffer.concat([npyHeader(tensor.shape), bytesOf(tensor.data)])
}

/** The header of a .npy file (C order), by default of float32. */
export function npyHeader(axes: readonly number[], type = '<f4'): Buffer {
  const shape = axes.length === 1 ? `${axes[0]},` : axes.join(', ')
  const text = `{'descr': '${type}', 'fortran_order': False, 'shape': (${shape}), }`
  const padding = 64 - ((10 + text.length + 1) % 64)
  const header = Buffer.from(`${text}${' '.repeat(padding % 64)}\n`, 'latin1')
  const prefix = Buffer.from([0x93, ...Buffer.from('NUMPY'), 1, 0, header.length & 255, header.length >> 8])
  return Buffer.concat([prefix, header])
}

/** Whole numbers as an array of int32, or strings as NumPy's fixed-length Unicode strings (`<U5`). */
export type NpzColumn = { data: Int32Array; shape: number[] } | string[]

function columnBytes(column: NpzColumn): Uint8Array {
  if (!Array.isArray(column)) return Buffer.concat([npyHeader(column.shape, '<i4'), bytesOf(column.data)])
  const rows = column.map((text) => Array.from(text, (character) => character.codePointAt(0)!))
  const length = Math.max(1, ...rows.map((row) => row.length))
  const points = new Uint32Array(rows.length * length)
  rows.forEach((row, i) => points.set(row, i * length))
  return Buffer.concat([npyHeader([rows.length], `<U${length}`), bytesOf(points)])
}

function bytesOf({ buffer, byteOffset, byteLength }: Float32Array | Int32Array | Uint32Array): Buffer {
  return Buffer.from(buffer, byteOffset, byteLength)
}

/** Writes a tensor as a .npy file (float32, C order). @throws LrpError IO */
export async function writeNpy(path: string, tensor: Tensor): Promise<void> {
  await writeAtomic(path, npyBytes(tensor))
}

/**
 * Writes several named arrays to one .npz file, which numpy.load can read.
 * @param columns additional arrays of integers or strings
 * @throws LrpError IO
 */
export async function writeNpz(
  path: string,
  tensors: Record<string, Tensor>,
  columns: Record<string, NpzColumn> = {}
): Promise<void> {
  const entries = [
    ...Object.entries(tensors).map(([name, tensor]) => [`${name}.npy`, npyBytes(tensor)] as const),
    ...Object.entries(columns).map(([name, column]) => [`${name}.npy`, columnBytes(column)] as const)
  ]
  await writeAtomic(path, zipSync(Object.fromEntries(entries), { level: 0 }))
}
