import { LrpError } from '../../core/errors.js'
import { bytesOf } from '../import/onnx/tensor-proto.js'
import type { RawTensor } from '../../core/tensor.js'
import type { AttributeValue, GraphNode } from '../../core/graph.js'

export interface OnnxNode {
  op_type: string
  name: string
  input: string[]
  output: string[]
  attribute: object[]
}

/** Attribute types of onnx.proto. */
const [FLOAT, INT, STRING, FLOATS, INTS] = [1, 2, 3, 6, 7]

type OnnxValue = number | string | number[] | { float: number }
export type OnnxAttributes = Record<string, OnnxValue | undefined>

/** Writes one node as one or several operators; the last gives the node's own value. */
export class NodeWriter {
  readonly nodes: OnnxNode[] = []

  constructor(
    readonly node: GraphNode,
    private readonly shapes: Record<string, number[]>,
    /** Weights of the file; settings that operators read as inputs are added to them. */
    private readonly tensors: Map<string, RawTensor>
  ) {}

  /** The operator that gives the node's value. */
  last(operator: string, inputs: string[], attributes: OnnxAttributes = {}): void {
    this.emit(operator, inputs, attributes, this.node.name)
  }

  /** An operator that prepares it; returns the name of its value. */
  step(operator: string, inputs: string[], attributes: OnnxAttributes = {}): string {
    return this.emit(operator, inputs, attributes, `${this.node.name}:step${this.nodes.length + 1}`)
  }

  private emit(operator: string, inputs: string[], attributes: OnnxAttributes, output: string): string {
    const attribute = Object.entries(attributes).flatMap(([name, value]) =>
      value === undefined ? [] : toAttribute(name, value)
    )
    this.nodes.push({ op_type: operator, name: output, input: inputs, output: [output], attribute })
    return output
  }

  /** The first input's name. */
  get x(): string {
    return this.node.inputs[0]!
  }

  shape(name = this.x): number[] {
    return this.shapes[name]!
  }

  get outputShape(): number[] {
    return this.shapes[this.node.name]!
  }

  /** Names of the parameters in these roles; those left out at the end are dropped. */
  weights(...roles: string[]): string[] {
    const names = roles.map((role) => this.node.parameters[role] ?? '')
    while (names.at(-1) === '') names.pop()
    return names
  }

  /** A weight, or what stands for it where the node has none. */
  weightOr(role: string, fill: number, size: number): string {
    const numbers = Array<number>(size).fill(fill)
    return this.node.parameters[role] ?? this.add(role, { dtype: 'f32', shape: [size], data: bytesOf('f32', numbers) })
  }

  /** A setting as a tensor of the file; returns its name. */
  add(name: string, tensor: RawTensor): string {
    const full = `${this.node.name}:${name}`
    this.tensors.set(full, tensor)
    return full
  }

  number(name: string, otherwise?: number): number {
    return this.value(name, otherwise) as number
  }

  /** An attribute that may be one number or one per axis, as one per axis. */
  perAxis(name: string, axes: number, otherwise?: AttributeValue): number[] {
    const value = this.value(name, otherwise)
    return typeof value === 'number' ? Array<number>(axes).fill(value) : (value as number[])
  }

  value(name: string, otherwise?: AttributeValue): AttributeValue {
    const value = this.node.attributes[name] ?? otherwise
    if (value === undefined) throw this.fail(`it has no attribute '${name}'`)
    return value
  }

  fail(why: string): LrpError {
    return new LrpError('UNSUPPORTED', `node '${this.node.name}' (${this.node.op}) cannot be written as ONNX: ${why}`)
  }
}

function toAttribute(name: string, value: OnnxValue): object {
  if (typeof value === 'string') return { name, s: Buffer.from(value), type: STRING }
  if (typeof value === 'number') return { name, i: value, type: INT }
  if (!Array.isArray(value)) return { name, f: value.float, type: FLOAT }
  const isWhole = value.every(Number.isInteger)
  return isWhole ? { name, ints: value, type: INTS } : { name, floats: value, type: FLOATS }
}

/** A list of whole numbers as a tensor, for operators that read their settings as inputs. */
export function integers(numbers: number[], shape = [numbers.length]): RawTensor {
  return { dtype: 'i64', shape, data: bytesOf('i64', numbers) }
}

/** One number as a tensor. */
export function scalar(value: number): RawTensor {
  return { dtype: 'f32', shape: [], data: bytesOf('f32', [value]) }
}
