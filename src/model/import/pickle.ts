import { LrpError } from '../../core/errors.js'
import type { DType } from '../../core/tensor.js'

const MOST_OBJECTS = 5_000_000

/** A name of Python's; it is compared with an allow-list and never run. */
class Global {
  constructor(readonly path: string) {}
}

/** A storage in the file: what a persistent id of `torch.save` names. */
export class StorageRef {
  constructor(
    readonly key: string,
    readonly dtype: DType,
    readonly elements: number
  ) {}
}

/** A view of a storage. Offsets and strides count elements. */
export class TensorRef {
  constructor(
    readonly storage: StorageRef,
    readonly offset: number,
    readonly shape: number[],
    readonly strides: number[]
  ) {}
}

const STORAGES: Record<string, DType> = {
  DoubleStorage: 'f64',
  FloatStorage: 'f32',
  HalfStorage: 'f16',
  BFloat16Storage: 'bf16',
  LongStorage: 'i64',
  IntStorage: 'i32',
  ShortStorage: 'i16',
  CharStorage: 'i8',
  ByteStorage: 'u8',
  BoolStorage: 'bool'
}

const CALLABLE = new Set([
  'torch._utils._rebuild_tensor',
  'torch._utils._rebuild_tensor_v2',
  'torch._utils._rebuild_parameter',
  'torch._utils._rebuild_parameter_with_state',
  'torch.Size',
  'torch.device',
  'collections.OrderedDict'
])

const MARK = Symbol('mark')
const wholes = (value: unknown): value is number[] =>
  Array.isArray(value) && value.every((one) => Number.isSafeInteger(one) && one >= 0)

/**
 * Reads pickles of `torch.save`: numbers, strings, containers and tensors. It interprets data and can run nothing; any
 * other class or function is refused by name. Dicts become Maps, lists and tuples arrays.
 */
export class Unpickler {
  private stack: unknown[] = []
  private memo = new Map<number, unknown>()
  private made = 0

  constructor(
    private readonly bytes: Buffer,
    private readonly path: string,
    /** Where the next pickle starts. */
    public at = 0
  ) {}

  /** The next pickle. @throws LrpError INVALID_FILE */
  next(): unknown {
    this.stack = []
    this.memo = new Map()
    for (;;) {
      const op = String.fromCharCode(this.take(1)[0]!)
      if (op === '.') return this.pop()
      if (++this.made > MOST_OBJECTS) throw this.invalid('it contains too many objects')
      this.step(op)
    }
  }

  private step(op: string): void {
    const { stack } = this
    if (this.constant(op) || this.container(op)) return
    if (op === '\x80') {
      const version = this.take(1)[0]!
      if (version < 2 || version > 5) throw this.invalid(`pickle protocol ${version} is unknown`)
    } else if (op === '\x95') this.take(8)
    else if (op === 'c') this.global(this.line(), this.line())
    else if (op === '\x93') {
      const name = this.pop()
      this.global(String(this.pop()), String(name))
    } else if (op === 'q') this.memo.set(this.take(1)[0]!, this.top())
    else if (op === 'r') this.memo.set(this.take(4).readUInt32LE(), this.top())
    else if (op === '\x94') this.memo.set(this.memo.size, this.top())
    else if (op === 'h') stack.push(this.recall(this.take(1)[0]!))
    else if (op === 'j') stack.push(this.recall(this.take(4).readUInt32LE()))
    else if (op === 'R') {
      const values = this.pop()
      stack.push(this.call(this.pop(), values))
    } else if (op === 'b')
      this.pop() // the state of an OrderedDict: its metadata
    else if (op === 'Q') stack.push(this.storage(this.pop()))
    else if (op === '0') this.pop()
    else throw this.invalid(`pickle operation 0x${op.charCodeAt(0).toString(16)} is not allowed`)
  }

  private constant(op: string): boolean {
    const push = (value: unknown) => this.stack.push(value) > 0
    if (op === 'N') return push(null)
    if (op === '\x88') return push(true)
    if (op === '\x89') return push(false)
    if (op === 'K') return push(this.take(1)[0])
    if (op === 'M') return push(this.take(2).readUInt16LE())
    if (op === 'J') return push(this.take(4).readInt32LE())
    if (op === 'G') return push(this.take(8).readDoubleBE())
    if (op === '\x8a') return push(this.long(this.take(this.take(1)[0]!)))
    if (op === 'X') return push(this.take(this.take(4).readUInt32LE()).toString('utf8'))
    if (op === '\x8c') return push(this.take(this.take(1)[0]!).toString('utf8'))
    if (op === 'U' || op === 'C') return push(this.take(this.take(1)[0]!).toString('latin1'))
    if (op === 'T' || op === 'B') return push(this.take(this.take(4).readUInt32LE()).toString('latin1'))
    return false
  }

  private container(op: string): boolean {
    const { stack } = this
    if (op === '}') stack.push(new Map())
    else if (op === ']' || op === ')') stack.push([])
    else if (op === '(') stack.push(MARK)
    else if (op === 't') stack.push(this.sinceMark())
    else if (op === '\x85' || op === '\x86' || op === '\x87') stack.push(this.popMany(op.charCodeAt(0) - 0x84))
    else if (op === 'a' || op === 'e') {
      const items = op === 'a' ? [this.pop()] : this.sinceMark()
      const list = this.top()
      if (!Array.isArray(list)) throw this.invalid('it appends to something that is not a list')
      for (const item of items) list.push(item)
    } else if (op === 's' || op === 'u') {
      const items = op === 's' ? this.popMany(2) : this.sinceMark()
      const dict = this.top()
      if (!(dict instanceof Map)) throw this.invalid('it sets an item of something that is not a dict')
      for (let i = 0; i + 1 < items.length; i += 2) dict.set(items[i], items[i + 1])
    } else return false
    return true
  }

  private global(module: string, name: string): void {
    const path = `${module}.${name}`
    if (!CALLABLE.has(path) && !(module === 'torch' && name in STORAGES)) {
      if (module.startsWith('__torch__')) throw this.torchScript()
      throw this.invalid(
        `it uses '${path}', which is not allowed: only tensors and plain containers can be loaded; ` +
          `save net.state_dict() instead of the network, or export the network to .pt2 (docs/models.md)`
      )
    }
    this.stack.push(new Global(path))
  }

  private call(what: unknown, values: unknown): unknown {
    const path = what instanceof Global ? what.path : undefined
    if (!path || !CALLABLE.has(path) || !Array.isArray(values))
      throw this.invalid('it calls something that is not a function')
    if (path.startsWith('torch._utils._rebuild_parameter')) return values[0]
    if (path === 'torch.Size' || path === 'torch.device') return values[0]
    if (path === 'collections.OrderedDict') return new Map(values[0] as [unknown, unknown][] | undefined)
    const [storage, offset, shape, strides] = values
    const fits = wholes(shape) && wholes(strides) && shape.length === strides.length && wholes([offset])
    if (!(storage instanceof StorageRef) || !fits) throw this.invalid('one of its tensors has no valid shape')
    const last = shape.includes(0)
      ? -1
      : shape.reduce((sum, axis, i) => sum + (axis - 1) * strides[i]!, offset as number)
    if (last >= storage.elements) throw this.invalid('one of its tensors is larger than its storage')
    return new TensorRef(storage, offset as number, [...shape], [...strides])
  }

  private storage(id: unknown): StorageRef {
    if (!Array.isArray(id) || id[0] !== 'storage' || !(id[1] instanceof Global) || !wholes([id[4]])) {
      throw this.invalid('one of its storages is not described')
    }
    if (Array.isArray(id[5])) throw this.invalid('it contains views of storages, as written by PyTorch before 0.4')
    const dtype = STORAGES[id[1].path.slice('torch.'.length)]
    if (!dtype) throw this.invalid(`'${id[1].path}' is not a storage`)
    return new StorageRef(String(id[2]), dtype, id[4] as number)
  }

  private long(bytes: Buffer): number | bigint {
    let value = 0n
    for (let i = bytes.length - 1; i >= 0; i--) value = (value << 8n) | BigInt(bytes[i]!)
    value = BigInt.asIntN(8 * bytes.length, value)
    return Number.isSafeInteger(Number(value)) ? Number(value) : value
  }

  private take(count: number): Buffer {
    if (this.at + count > this.bytes.length) throw this.invalid('it is truncated')
    return this.bytes.subarray(this.at, (this.at += count))
  }

  private line(): string {
    const end = this.bytes.indexOf(10, this.at)
    if (end < 0) throw this.invalid('it is truncated')
    const text = this.bytes.toString('utf8', this.at, end)
    this.at = end + 1
    return text
  }

  private pop(): unknown {
    if (this.stack.length === 0) throw this.invalid('its pickle is damaged')
    return this.stack.pop()
  }

  private top(): unknown {
    if (this.stack.length === 0) throw this.invalid('its pickle is damaged')
    return this.stack.at(-1)
  }

  private popMany(count: number): unknown[] {
    if (this.stack.length < count) throw this.invalid('its pickle is damaged')
    return this.stack.splice(-count)
  }

  private sinceMark(): unknown[] {
    const mark = this.stack.lastIndexOf(MARK)
    if (mark < 0) throw this.invalid('its pickle is damaged')
    return this.stack.splice(mark).slice(1)
  }

  private recall(key: number): unknown {
    if (!this.memo.has(key)) throw this.invalid('its pickle is damaged')
    return this.memo.get(key)
  }

  private torchScript(): LrpError {
    const remedy = 'export the network with torch.export.save to .pt2 instead (docs/models.md)'
    return new LrpError('UNSUPPORTED', `${this.path} is a TorchScript archive: ${remedy}`)
  }

  private invalid(why: string): LrpError {
    return new LrpError('INVALID_FILE', `${this.path} is not a valid PyTorch file: ${why}`)
  }
}
