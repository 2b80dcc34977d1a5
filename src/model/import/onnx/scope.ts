import type { Value } from './call.js'
import type { OnnxAttribute, OnnxGraph, OnnxNode } from './proto.js'

/** Values by name; a branch of an `If` also sees those around it. */
export class Scope {
  private readonly values = new Map<string, Value>()

  constructor(private readonly outer?: Scope) {}

  get(name: string): Value | undefined {
    return this.values.get(name) ?? this.outer?.get(name)
  }
  has(name: string): boolean {
    return this.values.has(name)
  }
  set(name: string, value: Value): void {
    this.values.set(name, value)
  }
}

/** Names that a node reads, those its branches read from around them included. */
export function reads(node: OnnxNode): string[] {
  const inner = node.attribute.flatMap((one) => (one.g ? graphReads(one.g) : []))
  return [...node.input.filter(Boolean), ...inner]
}

function graphReads(graph: OnnxGraph): string[] {
  return [...graph.node.flatMap(reads), ...graph.output.map((one) => one.name)]
}

/** How many inputs of nodes, and results, read each name. */
export function countReaders(nodes: OnnxNode[], results: string[]): Map<string, number> {
  const readers = new Map<string, number>()
  for (const name of [...nodes.flatMap(reads), ...results]) readers.set(name, (readers.get(name) ?? 0) + 1)
  return readers
}

/** The nodes that the results need, in the file's order. */
export function neededNodes(nodes: OnnxNode[], results: string[]): OnnxNode[] {
  const needed = new Set(results)
  const kept = nodes.toReversed().filter((node) => {
    if (!node.output.some((name) => needed.has(name))) return false
    for (const name of reads(node)) needed.add(name)
    return true
  })
  return kept.reverse()
}

/** A node of a function with the attributes that the call of the function gives. */
export function withAttributes(node: OnnxNode, given: ReadonlyMap<string, OnnxAttribute>): OnnxNode {
  const attribute = node.attribute.flatMap((one): OnnxAttribute[] => {
    if (one.g) {
      const g = { ...one.g, node: one.g.node.map((inner) => withAttributes(inner, given)) }
      return [{ ...one, g }]
    }
    if (!one.ref_attr_name) return [one]
    const found = given.get(one.ref_attr_name)
    return found ? [{ ...found, name: one.name, ref_attr_name: '' }] : []
  })
  return { ...node, attribute }
}
