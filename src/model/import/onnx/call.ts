import { LrpError } from '../../../core/errors.js'
import { Constant } from './constant.js'
import { tensorOf, type OnnxAttribute, type OnnxNode } from './file.js'

/** A value of the network while its file is read: the output of a node, batch size as `BATCH`. */
export interface NodeValue {
  node: string
  shape: number[]
}

export type Value = NodeValue | Constant

export function isConstant(value: Value): value is Constant {
  return 'dtype' in value
}

/** One operator of the file with its inputs found and its attributes typed. */
export class OnnxCall {
  private readonly attributes: Map<string, OnnxAttribute>

  constructor(
    readonly node: OnnxNode,
    readonly path: string,
    readonly opset: number,
    /** Inputs in the file's order; those left out are undefined. */
    readonly inputs: (Value | undefined)[]
  ) {
    this.attributes = new Map(node.attribute.map((one) => [one.name, one]))
  }

  get op(): string {
    return this.node.op_type
  }

  has(name: string): boolean {
    return this.attributes.has(name)
  }
  int(name: string, otherwise: number): number {
    return this.attributes.get(name)?.i ?? otherwise
  }
  float(name: string, otherwise: number): number {
    return this.attributes.get(name)?.f ?? otherwise
  }
  ints(name: string): number[] | undefined {
    return this.attributes.get(name)?.ints
  }
  string(name: string, otherwise: string): string {
    const found = this.attributes.get(name)?.s
    return found ? Buffer.from(found).toString('utf8') : otherwise
  }
  tensor(name: string): Constant | undefined {
    const found = this.attributes.get(name)?.t
    return found ? Constant.weight(this.node.output[0]!, tensorOf(found, this.path)) : undefined
  }
  attribute(name: string): OnnxAttribute | undefined {
    return this.attributes.get(name)
  }

  /** An axis attribute, counted from the front. */
  axis(name: string, otherwise: number, rank: number): number {
    return this.fromFront(this.int(name, otherwise), rank)
  }

  /** Axes from the attribute `axes` (older opsets) or an input, counted from the front; undefined: none given. */
  axes(input: number, rank: number): number[] | undefined {
    return (this.ints('axes') ?? this.constant(input)?.numbers)?.map((axis) => this.fromFront(axis, rank))
  }

  private fromFront(axis: number, rank: number): number {
    if (axis < -rank || axis >= rank) throw this.fail(`it has no axis ${axis}`)
    return axis < 0 ? axis + rank : axis
  }

  /** An input that must be there. */
  input(index: number): Value {
    const value = this.inputs[index]
    if (!value) throw this.fail('an input is missing')
    return value
  }

  /** An input that must not depend on the network's input; undefined where it is left out. */
  constant(index: number): Constant | undefined {
    const value = this.inputs[index]
    if (value && !isConstant(value)) throw this.fail(`its input ${index} is computed from the image`)
    return value
  }

  fail(why: string): LrpError {
    const name = this.node.name || this.node.output[0]
    return new LrpError('UNSUPPORTED', `${this.path}: the node '${name}' (${this.op}) cannot be imported: ${why}`)
  }
}
