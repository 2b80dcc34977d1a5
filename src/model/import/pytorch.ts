import { LrpError } from '../../core/errors.js'
import { DTYPE_SIZE, sizeOf, type StateDict } from '../../core/tensor.js'
import { readFrom, readRange, type FileRange } from '../../core/file-range.js'
import { TensorRef, Unpickler } from './pickle.js'
import { dense, extentOf } from './strided.js'
import { ZipArchive } from '../../core/zip.js'

const LARGEST_PICKLE = 64 << 20
/** How many times the file's size its tensors may have where they share storages (tied weights do). */
export const MOST_SHARING = 4
const LEGACY_MAGIC = 0x1950a86a20f9469cfc6cn
/** Keys under which training scripts store the weights, next to other things. */
const WRAPPERS = ['state_dict', 'model_state_dict', 'model', 'net', 'network', 'ema_state_dict']
const PREFIXES = ['module.', '_orig_mod.', 'model.', 'state_dict.']

/**
 * Reads the tensors of a `.pt`, `.pth` or `.th` file of `torch.save`, zip or older format, by position: nothing in the
 * file is run. Weights inside a checkpoint are found, and prefixes such as `module.` left out.
 * @throws LrpError INVALID_FILE, NOT_FOUND, IO
 */
export function readPytorch(path: string): Promise<StateDict> {
  return readFrom(path, (whole) => readPytorchRange(whole))
}

/** The same for a part of a file: an archive inside an archive, whose dict may be empty. */
export async function readPytorchRange(range: FileRange, mayBeEmpty = false): Promise<StateDict> {
  const magic = Buffer.from(await readRange(range, 0, Math.min(4, range.length)))
  if (magic.toString('latin1') === 'PK\x03\x04') return readZip(range, mayBeEmpty)
  return readLegacy(range)
}

async function readZip(range: FileRange, mayBeEmpty: boolean): Promise<StateDict> {
  const archive = await ZipArchive.open(range)
  const name = archive.find('data.pkl')
  if (!name) throw new LrpError('INVALID_FILE', `${range.path} is not a PyTorch file: the archive lacks data.pkl`)
  const root = name.slice(0, -'data.pkl'.length)
  const order = archive.find('byteorder')
  if (order && Buffer.from(await archive.read(order, { limit: 16 })).toString() === 'big') {
    throw new LrpError('UNSUPPORTED', `${range.path} contains big-endian numbers, which are not supported`)
  }
  const value = new Unpickler(
    Buffer.from((await archive.read(name, { limit: LARGEST_PICKLE })).buffer),
    range.path
  ).next()
  if (mayBeEmpty && value instanceof Map && value.size === 0) return new Map()
  return collect(value, range.path, (tensor) => archive.entry(`${root}data/${tensor.storage.key}`), range.length)
}

async function readLegacy(range: FileRange): Promise<StateDict> {
  const head = await readRange(range, 0, Math.min(range.length, LARGEST_PICKLE))
  const reader = new Unpickler(Buffer.from(head.buffer), range.path)
  if (reader.next() !== LEGACY_MAGIC) throw new LrpError('INVALID_FILE', `${range.path} is not a PyTorch file`)
  reader.next() // protocol version
  reader.next() // system
  const value = reader.next()
  const keys = reader.next()
  const places = new Map<string, FileRange>()
  const sizes = new Map<string, number>()
  for (const tensor of tensorsOf(value)) sizes.set(tensor.storage.key, DTYPE_SIZE[tensor.storage.dtype])
  let at = reader.at
  for (const key of Array.isArray(keys) ? keys : []) {
    const count = Number(Buffer.from(await readRange(range, at, 8)).readBigInt64LE())
    const size = sizes.get(String(key))
    if (size === undefined) throw new LrpError('INVALID_FILE', `${range.path} contains a storage that no tensor reads`)
    if (!(count >= 0 && at + 8 + count * size <= range.length)) {
      throw new LrpError('INVALID_FILE', `${range.path} is truncated: a storage is outside the file`)
    }
    places.set(String(key), { ...range, start: range.start + at + 8, length: count * size })
    at += 8 + count * size
  }
  return collect(
    value,
    range.path,
    async (tensor) => {
      const place = places.get(tensor.storage.key)
      if (!place)
        throw new LrpError('INVALID_FILE', `${range.path} does not contain the storage '${tensor.storage.key}'`)
      return place
    },
    range.length
  )
}

function tensorsOf(value: unknown): TensorRef[] {
  const [found, seen, open] = [[] as TensorRef[], new Set<unknown>(), [value]]
  while (open.length > 0) {
    const one = open.pop()
    if (seen.has(one)) continue
    if (one instanceof TensorRef) found.push(one)
    if (!(one instanceof Map) && !Array.isArray(one)) continue
    seen.add(one)
    for (const inner of one.values()) open.push(inner)
  }
  return found
}

async function collect(
  value: unknown,
  path: string,
  storage: (tensor: TensorRef) => Promise<FileRange>,
  fileSize: number
): Promise<StateDict> {
  const result: StateDict = new Map()
  let total = 0
  for (const [name, tensor] of withoutPrefix(weightsIn(value, path))) {
    const size = DTYPE_SIZE[tensor.storage.dtype]
    const range = await storage(tensor)
    const extent = extentOf(tensor)
    if (sizeOf(tensor.shape) > Math.max(1, extent)) {
      throw new LrpError('INVALID_FILE', `${path}: the tensor '${name}' has more elements than its storage`)
    }
    total += extent * size
    if (total > MOST_SHARING * fileSize) throw swollen(path)
    const bytes = await readRange(range, tensor.offset * size, extent * size)
    result.set(name, { dtype: tensor.storage.dtype, shape: tensor.shape, data: await dense(bytes, tensor, size) })
  }
  return result
}

export function swollen(path: string): LrpError {
  return new LrpError('INVALID_FILE', `the tensors of ${path} share storages and are much larger than the file`)
}

function weightsIn(value: unknown, path: string): [string, TensorRef][] {
  for (let depth = 0; value instanceof Map && depth < 4; depth++) {
    const dict: Map<unknown, unknown> = value
    const tensors = [...dict].filter(([, one]) => one instanceof TensorRef) as [string, TensorRef][]
    if (tensors.length > 0) return tensors.map(([name, one]) => [String(name), one])
    value = WRAPPERS.map((key) => dict.get(key)).find((inner) => inner instanceof Map)
  }
  throw new LrpError('INVALID_FILE', `${path} does not contain a state dict: save the model's state_dict()`)
}

function withoutPrefix<T>(entries: [string, T][]): [string, T][] {
  const prefix = PREFIXES.find((one) => entries.every(([name]) => name.startsWith(one)))
  return prefix ? withoutPrefix(entries.map(([name, one]) => [name.slice(prefix.length), one])) : entries
}
