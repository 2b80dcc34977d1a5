import { LrpError } from '../../../core/errors.js'
import type { DType } from '../../../core/tensor.js'
import { Constant } from './constant.js'
import { dependsOnBatch, type Dim } from './dim.js'
import type { OnnxAttribute, OnnxNode } from './proto.js'
import { tensorOf } from './tensor-proto.js'

/** A value of the network while its file is read: the output of a node. */
export interface NodeValue {
  node: string
  shape: Dim[]
  dtype: DType
}

export type Value = NodeValue | Constant

export function isConstant(value: Value): value is Constant {
  return value instanceof Constant
}

export const isFloat = (dtype: DType): boolean => /^b?f\d/.test(dtype)

/** The batch of a file that was exported for one number of images cannot be followed through one of its operators. */
export class BatchMixed extends Error {}

/** The numbers of ONNX's `AttributeProto.AttributeType`. */
const TYPES = { float: 1, int: 2, string: 3, tensor: 4, graph: 5, floats: 6, ints: 7 }

/**
 * One operator of the file with its inputs found and its attributes typed. It remembers what was asked for: an attribute or
 * input that is present and was never asked for refuses the file (`checkUnderstood`).
 */
export class OnnxCall {
  private readonly attributes: Map<string, OnnxAttribute>
  private readonly askedAttributes = new Set<string>()
  private readonly askedInputs = new Set<number>()

  constructor(
    readonly node: OnnxNode,
    readonly path: string,
    readonly opset: number,
    /** Inputs in the file's order; those left out are undefined. */
    private readonly values: (Value | undefined)[],
    /** Outputs that something reads. */
    readonly readOutputs: ReadonlySet<number>,
    /** Number of images the file was exported for, where another number is to be followed through it. */
    readonly followed: number | undefined
  ) {
    this.attributes = new Map(node.attribute.map((one) => [one.name, one]))
  }

  get op(): string {
    return this.node.op_type
  }

  private ask(name: string, type: keyof typeof TYPES): OnnxAttribute | undefined {
    this.askedAttributes.add(name)
    const found = this.attributes.get(name)
    if (found?.type && found.type !== TYPES[type]) throw this.fail(`its attribute '${name}' is of the wrong type`)
    return found
  }

  has(name: string): boolean {
    return this.attributes.has(name)
  }
  int(name: string, otherwise: number): number {
    return this.ask(name, 'int')?.i ?? otherwise
  }
  flag(name: string, otherwise = false): boolean {
    return this.int(name, Number(otherwise)) !== 0
  }
  float(name: string, otherwise: number): number {
    return this.ask(name, 'float')?.f ?? otherwise
  }
  ints(name: string): number[] | undefined {
    return this.ask(name, 'ints')?.ints
  }
  floats(name: string): number[] | undefined {
    return this.ask(name, 'floats')?.floats
  }
  string(name: string, otherwise: string): string {
    const found = this.ask(name, 'string')?.s
    return found ? Buffer.from(found).toString('utf8') : otherwise
  }
  tensor(name: string): Constant | undefined {
    const found = this.ask(name, 'tensor')?.t
    return found ? Constant.weight(this.node.output[0]!, tensorOf(found, this.path)) : undefined
  }
  /** An attribute that changes nothing here, whatever it says. */
  ignore(...names: string[]): void {
    for (const name of names) this.askedAttributes.add(name)
  }

  /** How many inputs the call has, those left out at the end not counted. */
  get count(): number {
    return this.values.length
  }

  /** An input that must be there. */
  input(index: number): Value {
    const value = this.optional(index)
    if (!value) throw this.fail(`its input ${index} is missing`)
    return value
  }

  optional(index: number): Value | undefined {
    this.askedInputs.add(index)
    return this.values[index]
  }

  /** All inputs, for operators that take any number of them. */
  all(): Value[] {
    return this.values.map((_, i) => this.input(i))
  }

  /** An input that must not depend on the network's input; undefined where it is left out. */
  constant(index: number): Constant | undefined {
    const value = this.optional(index)
    if (value && !isConstant(value)) throw this.fail(`its input ${index} is computed from the image`)
    return value
  }

  /** The numbers of an input; undefined where it is left out. */
  numbers(index: number): number[] | undefined {
    return this.constant(index)?.numbers
  }

  /** An axis attribute, counted from the front. */
  axis(name: string, otherwise: number, rank: number): number {
    return this.fromFront(this.int(name, otherwise), rank)
  }

  /** Axes from the attribute `axes` (older opsets) or an input, counted from the front; undefined: none given. */
  axes(input: number, rank: number): number[] | undefined {
    const given = this.ints('axes') ?? this.numbers(input)
    const axes = given?.map((axis) => this.fromFront(axis, rank))
    if (axes && new Set(axes).size !== axes.length) throw this.fail('one of its axes is given twice')
    return axes
  }

  fromFront(axis: number, rank: number): number {
    if (!(axis >= -rank && axis < rank)) throw this.fail(`it has no axis ${axis}`)
    return axis < 0 ? axis + rank : axis
  }

  /** Says that numbers along an axis are mixed or left out: the images of a followed batch must not be. */
  mixes(value: Value, ...axes: number[]): void {
    if (this.followed !== undefined && axes.some((axis) => dependsOnBatch(value.shape.at(axis)!)))
      throw new BatchMixed()
  }

  /** Refuses what is present and was never asked for. */
  checkUnderstood(made: readonly unknown[]): void {
    const attribute = [...this.attributes.keys()].find((name) => !this.askedAttributes.has(name))
    if (attribute !== undefined) throw this.fail(`its attribute '${attribute}' is not supported`)
    const input = this.values.findIndex((value, i) => value && !this.askedInputs.has(i))
    if (input >= 0) throw this.fail(`its input ${input} is not supported`)
    const output = [...this.readOutputs].find((index) => made[index] === undefined)
    if (output !== undefined) throw this.fail(`its output ${output} is not supported`)
  }

  fail(why: string): LrpError {
    const name = this.node.name || this.node.output[0]
    return new LrpError('UNSUPPORTED', `${this.path}: the node '${name}' (${this.op}) cannot be imported: ${why}`)
  }
}
