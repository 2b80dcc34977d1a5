import type { RawTensor, StateDict } from '../../core/tensor.js'
import type { AttributeValue, Graph, GraphNode } from '../../core/graph.js'

/** A graph while a file is read: names become unique, and what the output does not need is left out at the end. */
export class Draft {
  readonly nodes: GraphNode[] = []
  readonly tensors: StateDict = new Map()
  private readonly names = new Set(['input'])
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

  /** The graph of what the outputs need; the first output is the network's. `names`: the file's, where it has any. */
  finish(
    inputShape: (number | null)[],
    output: string,
    outputs = [output],
    names?: string[]
  ): { graph: Graph; tensors: StateDict } {
    const needed = new Set(outputs)
    for (const node of [...this.nodes].reverse()) {
      if (needed.has(node.name)) for (const input of node.inputs) needed.add(input)
    }
    const rename = shorterNames(this.nodes.map((node) => node.name).filter((name) => needed.has(name)))
    const nodes = this.nodes
      .filter((node) => needed.has(node.name))
      .map((node) => ({ ...node, name: rename(node.name), inputs: node.inputs.map(rename) }))
    const used = new Set(nodes.flatMap((node) => Object.values(node.parameters)))
    const tensors = new Map<string, RawTensor>([...this.tensors].filter(([name]) => used.has(name)))
    const several = outputs.length > 1 ? { outputs: outputs.map(rename), ...(names && { outputNames: names }) } : {}
    return { graph: { inputShape, nodes, output: rename(output), ...several }, tensors }
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
