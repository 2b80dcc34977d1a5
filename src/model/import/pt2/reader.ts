import type { LrpError } from '../../../core/errors.js'
import type { DType, RawTensor } from '../../../core/tensor.js'
import {
  isFloat,
  metaOf,
  refused,
  type Argument,
  type Call,
  type Literal,
  type Meta,
  type Program,
  type Size
} from './program.js'

/** They choose where and how a result is computed, not what it is. */
const WITHOUT_EFFECT = new Set([
  'non_blocking',
  'cudnn_enable',
  'cudnn_enabled',
  'benchmark',
  'deterministic',
  'allow_tf32',
  'implicit',
  'pin_memory'
])

/** Where the values of a program lie in the graph that is made. */
export interface Places {
  /** Node that holds a value; a weight becomes a constant. @throws LrpError INVALID_FILE */
  node(value: string): string
  /** Name of the tensor that a value is, if it does not depend on the input. */
  weight(value: string): string | undefined
  /** A tensor by its name. */
  tensor(name: string): RawTensor | undefined
  /** Node of a constant that the importer makes. */
  define(name: string, tensor: RawTensor): string
}

/** A call's arguments for the code that turns it into nodes; it knows which of them were read. */
export class CallReader {
  readonly op: string
  readonly name: string
  private readonly read = new Set<string>()

  constructor(
    readonly program: Program,
    readonly call: Call,
    readonly places: Places
  ) {
    this.op = call.op
    this.name = call.module ?? call.results[0]!
  }

  /** Arguments that were not read and could change the result. */
  get unread(): string[] {
    return [...this.call.args]
      .filter(([name]) => !this.read.has(name) && !WITHOUT_EFFECT.has(name))
      .filter(([, one]) => one.kind !== 'none' && one.kind !== 'placement')
      .map(([name]) => name)
  }

  argument(name: string): Argument | undefined {
    this.read.add(name)
    const one = this.call.args.get(name)
    return one?.kind === 'none' ? undefined : one
  }

  has(name: string): boolean {
    return this.argument(name) !== undefined
  }

  /** Node of a tensor argument; undefined where it is absent or no tensor. */
  node(name: string): string | undefined {
    const one = this.argument(name)
    return one?.kind === 'tensor' ? this.places.node(one.name) : undefined
  }

  nodes(name: string): string[] {
    const one = this.argument(name)
    return one?.kind === 'tensors' ? one.names.map((value) => this.places.node(value ?? '')) : []
  }

  /** Name of the tensor that an argument is, where it does not depend on the input. */
  weight(name: string): string | undefined {
    const one = this.argument(name)
    return one?.kind === 'tensor' ? this.places.weight(one.name) : undefined
  }

  /** Whether an argument is a tensor that depends on the input. */
  isComputed(name: string): boolean {
    return this.has(name) && this.weight(name) === undefined
  }

  literal(name: string): Literal | undefined {
    const one = this.argument(name)
    return one?.kind === 'literal' ? one.value : undefined
  }

  number(name: string): number | undefined {
    const value = this.literal(name)
    return typeof value === 'number' ? value : undefined
  }

  /** The number that a known tensor of one float32 holds. */
  constantNumber(name: string): number | undefined {
    const tensor = this.places.tensor(this.weight(name) ?? '')
    const isOne = tensor?.dtype === 'f32' && tensor.data.length === 4
    return isOne ? new Float32Array(tensor.data.slice().buffer)[0] : undefined
  }

  numbers(name: string): number[] | undefined {
    const value = this.literal(name)
    if (typeof value === 'number') return [value]
    const fixed = Array.isArray(value) && value.every((one) => typeof one === 'number')
    return fixed ? (value as number[]) : undefined
  }

  meta(name: string): Meta | undefined {
    const one = this.argument(name)
    return one?.kind === 'tensor' ? metaOf(this.program, one.name) : undefined
  }

  metas(name: string): Meta[] {
    const one = this.argument(name)
    return one?.kind === 'tensors' ? one.names.map((value) => metaOf(this.program, value ?? '')) : []
  }

  result(k = 0): Meta {
    return metaOf(this.program, this.call.results[k]!)
  }

  sizes(): Size[] {
    return this.result().sizes
  }

  /** Number types of the tensors that the call reads. */
  dtypes(): DType[] {
    return [...this.call.args.values()].flatMap((one) => {
      if (one.kind === 'tensor') return [metaOf(this.program, one.name).dtype]
      if (one.kind !== 'tensors') return []
      return one.names.filter((name) => name !== undefined).map((name) => metaOf(this.program, name).dtype)
    })
  }

  /** Whether it reads floating-point numbers alone and gives them (first): what the ops with rules of their own compute with. */
  get isReal(): boolean {
    return this.dtypes().every(isFloat) && isFloat(this.result().dtype)
  }

  refused(why: string): LrpError {
    return refused(this.program.path, this.call, why)
  }
}
