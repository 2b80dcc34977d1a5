import type { RawTensor, StateDict } from '../../core/tensor.js'
import type { AttributeValue, Graph, GraphNode } from '../../core/graph.js'
import { activationAt } from './activations.js'

/** A graph while a file is read: names become unique, and what the output does not need is left out at the end. */
export class Draft {
  readonly nodes: GraphNode[] = []
  readonly tensors: StateDict = new Map()
  private readonly names = new Set(['input'])
  /** What the import did that the reader of the model should know, each once. */
  readonly notes = new Set<string>()
  /** How often nodes of the file became one of these ops. */
  private readonly together = new Map<string, number>()
  /** Tensors that are nodes. */
  private readonly constants = new Map<string, string>()
  /** How often a name was wished for: the next number to put behind it. */
  private readonly wishes = new Map<string, number>()

  /** Adds a node and returns its name: the one wished for, or with `#2`, `#3`, ... behind it. */
  add(
    wish: string,
    op: string,
    inputs: string[],
    attributes: Record<string, AttributeValue | undefined> = {},
    parameters: Record<string, string | undefined> = {}
  ): string {
    const name = this.free(wish)
    this.nodes.push({ name, op, inputs, attributes: defined(attributes), parameters: defined(parameters) })
    return name
  }

  /** Gives a node that nothing reads yet another name. */
  rename(node: GraphNode, wish: string): string {
    if (node.name === wish) return wish
    this.names.delete(node.name)
    node.name = this.free(wish)
    return node.name
  }

  private free(wish: string): string {
    let name = wish
    let count = this.wishes.get(wish) ?? 1
    while (this.names.has(name)) name = `${wish}#${++count}`
    this.wishes.set(wish, count)
    this.names.add(name)
    return name
  }

  /** A tensor of the file as a node, for ops that read it as an input. */
  constant(tensor: string): string {
    const known = this.constants.get(tensor) ?? this.add(tensor, 'constant', [], {}, { value: tensor })
    this.constants.set(tensor, known)
    return known
  }

  /** Says that nodes of the file were put together again as this op. */
  recognised(op: string): void {
    this.together.set(op, (this.together.get(op) ?? 0) + 1)
  }

  /** Nodes in order, where activations that were taken apart are one again, and the ops of those by name. */
  private withActivations(): { all: GraphNode[]; activations: Map<string, string> } {
    const made = new Map<string, GraphNode>()
    const activations = new Map<string, string>()
    for (const node of this.nodes) {
      const found = activationAt(node, made)
      if (found) activations.set(node.name, found[0]!.op)
      for (const one of found ?? [node]) made.set(one.name, one)
    }
    return { all: [...made.values()], activations }
  }

  private report(): string[] {
    const ops = [...this.together].map(([op, times]) => `${op.replace(/^aten::/, '')} (${times})`)
    return ops.length > 0 ? [`fused: ${ops.join(', ')}`] : []
  }

  /** The graph of what the outputs need; the first output is the network's. `names`: the file's, where it has any. */
  finish(
    inputShape: (number | null)[],
    output: string,
    outputs = [output],
    names?: string[]
  ): { graph: Graph; tensors: StateDict; notes?: string[] } {
    const needed = new Set(outputs)
    const { all, activations } = this.withActivations()
    for (const node of [...all].reverse()) {
      if (needed.has(node.name)) for (const input of node.inputs) needed.add(input)
    }
    for (const [name, op] of activations) if (needed.has(name)) this.recognised(op)
    const rename = shorterNames(all.map((node) => node.name).filter((name) => needed.has(name)))
    const nodes = all
      .filter((node) => needed.has(node.name))
      .map((node) => ({ ...node, name: rename(node.name), inputs: node.inputs.map(rename) }))
    const used = new Set(nodes.flatMap((node) => Object.values(node.parameters)))
    const tensors = new Map<string, RawTensor>([...this.tensors].filter(([name]) => used.has(name)))
    const several = outputs.length > 1 ? { outputs: outputs.map(rename), ...(names && { outputNames: names }) } : {}
    const notes = [...this.report(), ...this.notes]
    return {
      graph: { inputShape, nodes, output: rename(output), ...several },
      tensors,
      ...(notes.length > 0 && { notes })
    }
  }
}

/** `relu#2` becomes `relu` again where the first `relu` is not needed. */
function shorterNames(names: string[]): (name: string) => string {
  const taken = new Set(['input', ...names])
  const renamed = new Map<string, string>()
  for (const name of names) {
    const stem = name.replace(/#\d+$/, '')
    if (taken.has(stem)) continue
    renamed.set(name, stem)
    taken.add(stem)
  }
  return (name) => renamed.get(name) ?? name
}

function defined<T>(values: Record<string, T | undefined>): Record<string, T> {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as Record<string, T>
}
