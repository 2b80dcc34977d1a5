import type { AttributeValue, GraphNode } from '../../../core/graph.js'
import { Draft } from '../draft.js'
import { isConstant, type NodeValue, type OnnxCall, type Value } from './call.js'
import { BATCH, Constant } from './constant.js'

/** A graph while an ONNX file is read: nodes with their shapes, weights as constants until the end. */
export class OnnxDraft {
  readonly draft = new Draft()
  /** Weights that the nodes name. */
  readonly constants = new Map<string, Constant>()
  private readonly byName = new Map<string, GraphNode>()
  private readonly readers = new Map<string, number>()

  /** Adds a node for a call; its name is its weight's, its module's in PyTorch, or its own. */
  add(
    call: OnnxCall,
    op: string,
    inputs: Value[],
    shape: number[],
    attributes: Record<string, AttributeValue | undefined> = {},
    parameters: Record<string, Constant | undefined> = {},
    /** What is put behind the name of a node that only prepares the call's own. */
    suffix = ''
  ): NodeValue {
    const named = Object.entries(parameters).map(([role, one]) => [
      role,
      one && this.weight(one, `${wish(call)}.${role}`)
    ])
    const names = Object.fromEntries(named) as Record<string, string | undefined>
    const name = nodeName(call, names.weight) + suffix
    const node = this.draft.add(
      name,
      op,
      inputs.map((one) => this.input(one)),
      attributes,
      names
    )
    this.byName.set(node, this.draft.nodes.at(-1)!)
    return { node, shape }
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

  /** Says that so many inputs of the file read a value, which a call made, or handed on from its own inputs. */
  countUses(call: OnnxCall, value: Value, readers: number): void {
    if (isConstant(value)) return
    const handedOn = call.inputs.filter((one) => one && !isConstant(one) && one.node === value.node).length
    this.readers.set(value.node, (this.readers.get(value.node) ?? 0) + readers - handedOn)
  }

  /** A value as the name that nodes read; a constant becomes a node of its own. */
  input(value: Value): string {
    return isConstant(value) ? this.draft.constant(this.weight(value, 'constant')) : value.node
  }

  /** Gives a node one more parameter. */
  attach(node: GraphNode, role: string, constant: Constant): void {
    node.parameters[role] = this.weight(constant, `${node.name}.${role}`)
  }

  /** Registers a weight under its own name, or a wished one where it has none. */
  private weight(constant: Constant, wished: string): string {
    const stem = constant.name ?? wished
    let name = stem
    for (let count = 2; this.constants.has(name) && this.constants.get(name) !== constant; count++)
      name = `${stem}#${count}`
    this.constants.set(name, constant)
    return name
  }

  /** A value in another shape of as many numbers. */
  reshape(call: OnnxCall, value: NodeValue, shape: number[]): NodeValue {
    if (shape.join() === value.shape.join()) return value
    const [batch, ...rest] = shape
    const isFlat = batch === BATCH && rest.length === 1 && value.shape[0] === BATCH
    if (isFlat) return this.add(call, 'flatten', [value], shape, { start_dim: 1, end_dim: -1 })
    const symbolic = shape.filter((axis) => axis % BATCH === 0 && axis !== 0).length
    if (symbolic > 1) throw call.fail('two axes of its shape depend on the batch')
    const target = shape.map((axis) => (axis % BATCH === 0 && axis !== 0 ? -1 : axis))
    return this.add(call, 'reshape', [value], shape, { shape: target })
  }
}

function wish(call: OnnxCall): string {
  return call.node.name || call.node.output[0]!
}

/** `features.0` of the weight `features.0.weight`; else the module in PyTorch, else what the file calls it. */
function nodeName(call: OnnxCall, weight: string | undefined): string {
  if (weight?.endsWith('.weight')) return weight.slice(0, -'.weight'.length)
  const given = (key: string) => call.node.metadata_props.find((one) => one.key === `pkg.torch.onnx.${key}`)?.value
  const strings = (text: string) => Array.from(text.matchAll(/'([^']*)'/g), ([, one]) => one!)
  const module = strings(given('name_scopes') ?? '').at(-2)
  const kind = strings(given('class_hierarchy') ?? '').at(-2) ?? ''
  if (module && /^torch\.nn\.modules\.(?!container)/.test(kind)) return module
  return modulePath(call.node.name) || call.node.output[0]!
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
