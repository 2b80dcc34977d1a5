import type { AttributeValue, GraphNode } from '../../../core/graph.js'
import { TORCH_DTYPE, type DType } from '../../../core/tensor.js'
import { Draft } from '../draft.js'
import { BatchMixed, isConstant, type NodeValue, type OnnxCall, type Value } from './call.js'
import { Constant } from './constant.js'
import { dependsOnBatch, dimText, equal, equalShapes, product, Size, type Dim } from './dim.js'

/** An argument of an aten call: tensors, lists of tensors, or literals; left out where undefined. */
export type Argument = Value | Value[] | Dim | Dim[] | boolean | string | undefined

/** Numbers that one node may make of one image. */
const MOST_NUMBERS = 2 ** 28

/** A graph while an ONNX file is read: nodes with their shapes, weights as constants until the end. */
export class OnnxDraft {
  readonly draft = new Draft()
  /** Weights that the nodes name. */
  readonly constants = new Map<string, Constant>()
  /** Constants by the nodes that they became. */
  private readonly ofNodes = new Map<string, Constant>()
  /** Values that were rounded to whole numbers, by the node that rounds them, with how. */
  readonly quantised = new Map<GraphNode, { x: NodeValue; scale: Constant; zero: Constant | undefined }>()
  private readonly byName = new Map<string, GraphNode>()
  private readonly readers = new Map<string, number>()

  /** @param isFollowed whether the file is for a fixed number of images, and another is followed through it */
  constructor(private readonly isFollowed = false) {}

  /** Adds one of our own ops for a call; its name is its weight's, its module's in PyTorch, or its own. */
  add(
    call: OnnxCall,
    op: string,
    inputs: Value[],
    shape: Dim[],
    attributes: Record<string, AttributeValue | undefined> = {},
    parameters: Record<string, Constant | undefined> = {},
    /** What is put behind the name of a node that only prepares the call's own. */
    suffix = '',
    dtype: DType = 'f32'
  ): NodeValue {
    const named = Object.entries(parameters).map(([role, one]) => [
      role,
      one && this.weight(one, `${wish(call)}.${role}`)
    ])
    const names = Object.fromEntries(named) as Record<string, string | undefined>
    const name = nodeName(call, names.weight) + suffix
    return this.place(
      name,
      op,
      inputs.map((one) => this.input(one)),
      attributes,
      names,
      shape,
      dtype
    )
  }

  /** Adds a call of an aten overload: tensors become inputs, literals attributes, both by the names of its schema. */
  aten(
    call: OnnxCall,
    overload: string,
    args: Record<string, Argument>,
    shape: Dim[],
    dtype: DType = 'f32'
  ): NodeValue {
    const inputs: string[] = []
    const names: string[] = []
    const attributes: Record<string, AttributeValue> = {}
    for (const [name, argument] of Object.entries(args)) {
      const tensors = tensorsOf(argument)
      for (const one of tensors ?? []) {
        inputs.push(this.input(one))
        names.push(name)
      }
      if (tensors || argument === undefined) continue
      attributes[name] = Array.isArray(argument)
        ? ((argument as Dim[]).map(dimText) as AttributeValue)
        : argument instanceof Size
          ? argument.text
          : (argument as AttributeValue)
    }
    if (names.length > 0) attributes.arguments = names as unknown as AttributeValue
    const name = `${nodeName(call, undefined)}.${overload.replace(/^aten::/, '').replace(/\..*/, '')}`
    return this.place(name, overload, inputs, attributes, {}, shape, dtype)
  }

  private place(
    wished: string,
    op: string,
    inputs: string[],
    attributes: Record<string, AttributeValue | undefined>,
    parameters: Record<string, string | undefined>,
    shape: Dim[],
    dtype: DType
  ): NodeValue {
    const numbers = shape.reduce<number>((size, axis) => (typeof axis === 'number' ? size * axis : size), 1)
    if (numbers > MOST_NUMBERS) throw new RangeError('its result is too large')
    const node = this.draft.add(wished, op, inputs, attributes, parameters)
    this.byName.set(node, this.draft.nodes.at(-1)!)
    return { node, shape, dtype }
  }

  /** Gives the node of a call's one result, which nothing reads yet, the name of the call itself. */
  nameResult(call: OnnxCall, value: Value): Value {
    const node = this.nodeOf(value)
    if (!node?.op.startsWith('aten::') || node !== this.draft.nodes.at(-1) || isConstant(value)) return value
    this.byName.delete(node.name)
    const name = this.draft.rename(node, nodeName(call, undefined))
    this.byName.set(name, node)
    return { ...value, node: name }
  }

  /** The node that gives a value; undefined for constants and the network's input. */
  nodeOf(value: Value | undefined): GraphNode | undefined {
    return value && !isConstant(value) ? this.byName.get(value.node) : undefined
  }

  /** The node of a name, constants and the network's input left out. */
  named(name: string): GraphNode | undefined {
    return this.byName.get(name)
  }

  /** How many inputs of the file's nodes, and outputs of the network, read a value. */
  uses(value: NodeValue): number {
    return this.readers.get(value.node) ?? 0
  }

  /** Records how many inputs of the file read a value, which a call made or passed on from its own inputs. */
  countUses(inputs: readonly (Value | undefined)[], value: Value, readers: number): void {
    if (isConstant(value)) return
    const passedOn = inputs.filter((one) => one && !isConstant(one) && one.node === value.node).length
    this.readers.set(value.node, (this.readers.get(value.node) ?? 0) + readers - passedOn)
  }

  /** A value as the name that nodes read; a constant becomes a node of its own. */
  input(value: Value): string {
    if (!isConstant(value)) return value.node
    if (value.isOpen) return this.openNumber(value)
    const node = this.draft.constant(this.weight(value, 'constant'))
    this.ofNodes.set(node, value)
    return node
  }

  /** A number that depends on the input's size, as a node. */
  private openNumber(constant: Constant): string {
    const [number] = constant.dims
    if (constant.size !== 1) throw new RangeError('several of its numbers depend on the size of the input')
    if (this.isFollowed && dependsOnBatch(number!)) throw new BatchMixed()
    const dtype = TORCH_DTYPE[constant.dtype]
    const attributes = { size: constant.shape, fill_value: dimText(number!), dtype }
    return this.place('size', 'aten::full', [], attributes, {}, constant.shape, constant.dtype).node
  }

  /** The constant that a node stands for. */
  constantOf(node: string): Constant | undefined {
    return this.ofNodes.get(node)
  }

  /** Gives a node one more parameter. */
  attach(node: GraphNode, role: string, constant: Constant): void {
    node.parameters[role] = this.weight(constant, `${node.name}.${role}`)
  }

  /** The constant that a node has as a parameter. */
  parameter(node: GraphNode, role: string): Constant | undefined {
    const name = node.parameters[role]
    return name === undefined ? undefined : this.constants.get(name)
  }

  /** Registers a weight under its own name, or a wished one where it has none. */
  weight(constant: Constant, wished: string): string {
    if (constant.isOpen) throw new RangeError('one of its weights depends on the size of the input')
    const stem = constant.name ?? wished
    let name = stem
    for (let count = 2; this.constants.has(name) && this.constants.get(name) !== constant; count++)
      name = `${stem}#${count}`
    this.constants.set(name, constant)
    return name
  }

  /** A value in another shape of as many numbers. */
  reshape(call: OnnxCall, value: NodeValue, shape: Dim[]): NodeValue {
    if (equalShapes(shape, value.shape)) return value
    const isFlat = shape.length === 2 && value.shape.length > 2 && equal(shape[0]!, value.shape[0]!)
    if (isFlat && typeof shape[1] === 'number') {
      return this.add(call, 'flatten', [value], shape, { start_dim: 1, end_dim: -1 }, {}, '', value.dtype)
    }
    let isFree = true
    const target = shape.map((axis, i) => {
      if (typeof axis === 'number') return axis
      if (i < value.shape.length && equal(value.shape[i]!, axis)) return 0
      if (!isFree) return axis.text
      isFree = false
      return -1
    })
    if (shape.includes(0)) throw call.fail('its result is empty')
    return this.add(call, 'reshape', [value], shape, { shape: target as AttributeValue }, {}, '', value.dtype)
  }

  /** A value as numbers of another type; floats of any width are one type here. */
  cast(call: OnnxCall, value: NodeValue, dtype: DType): NodeValue {
    return this.aten(call, 'aten::to.dtype', { self: value, dtype: TORCH_DTYPE[dtype] }, value.shape, dtype)
  }

  size(value: Value): Dim {
    return product(value.shape)
  }
}

function tensorsOf(argument: Argument): Value[] | undefined {
  const isValue = (one: unknown): one is Value => typeof one === 'object' && one !== null && 'dtype' in one
  if (isValue(argument)) return [argument]
  return Array.isArray(argument) && argument.length > 0 && argument.every(isValue) ? (argument as Value[]) : undefined
}

function wish(call: OnnxCall): string {
  return call.node.name || call.node.output.find(Boolean)!
}

/** `features.0` of the weight `features.0.weight`; else the module in PyTorch, else what the file calls it. */
function nodeName(call: OnnxCall, weight: string | undefined): string {
  if (weight?.endsWith('.weight')) return weight.slice(0, -'.weight'.length)
  const given = (key: string) => call.node.metadata_props.find((one) => one.key === `pkg.torch.onnx.${key}`)?.value
  const strings = (text: string) => Array.from(text.matchAll(/'([^']*)'/g), ([, one]) => one!)
  const module = strings(given('name_scopes') ?? '').at(-2)
  const kind = strings(given('class_hierarchy') ?? '').at(-2) ?? ''
  if (module && /^torch\.nn\.modules\.(?!container)/.test(kind)) return module
  return modulePath(call.node.name) || wish(call)
}

/** `layer1.0.conv1` of `/layer1/layer1.0/conv1/Conv`, as PyTorch's older exporter names nodes. */
function modulePath(name: string): string {
  if (!name.startsWith('/')) return name
  const path: string[] = []
  for (const part of name.split('/').slice(1, -1)) {
    if (path.length > 0 && part.startsWith(`${path.at(-1)}.`)) path.pop()
    path.push(part)
  }
  return path.join('.') || name.slice(1)
}
