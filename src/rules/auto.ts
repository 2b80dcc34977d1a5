import type { Graph, GraphNode } from '../core/graph.js'
import { kindOf } from './treatment.js'
import type { CompositeEntry } from './types.js'

/**
 * The entries of the composite `auto`, which has a rule for every layer of any network. Convolutions and batch norms that
 * could not be folded propagate by zplus, dense layers and layer norms (divisors held constant) by epsilon, attention by
 * AttnLRP's rules; products with a gate give all relevance to the signal. The first convolution takes `flat`, except in
 * networks with attention, where it embeds patches and takes gamma. Dense layers whose places share a batch norm (LeViT) are
 * convolutions of one place. A convolution of what a dense layer makes (MViT pools queries, keys and values so) takes gamma:
 * negative contributions, without which relevance grows at the dense layer, count.
 */
export function autoEntries(graph: Graph): CompositeEntry[] {
  const attends = graph.nodes.some((node) => kindOf(node) === 'attention')
  return [
    { kind: 'convolution', position: 'first', rule: attends ? 'gamma' : 'flat' },
    { kind: 'convolution', nodes: ofDenseLayers(graph), rule: 'gamma' },
    { kind: 'convolution', rule: 'zplus' },
    { kind: 'batch_norm', rule: 'zplus' },
    { kind: 'linear', nodes: convolutionsOfOnePlace(graph), rule: 'zplus' },
    { kind: 'linear', rule: 'epsilon' },
    { kind: 'normalisation', rule: 'epsilon' },
    { kind: 'attention', rule: 'attention', parameters: { stabiliser: 'signed', epsilon: 1e-6 } },
    { kind: 'product', rule: 'gated' }
  ]
}

/** Dense layers whose outputs are arranged as rows of places for a batch norm. */
function convolutionsOfOnePlace(graph: Graph): Set<string> {
  const nodes = byName(graph)
  const found = new Set<string>()
  for (const node of graph.nodes) {
    const source = kindOf(node) === 'batch_norm' ? arranged(nodes, node) : undefined
    if (source && source.name !== node.inputs[0] && kindOf(source) === 'linear') found.add(source.name)
  }
  return found
}

/** Convolutions that read what a dense layer makes. */
function ofDenseLayers(graph: Graph): Set<string> {
  const nodes = byName(graph)
  const reads = (node: GraphNode): boolean => {
    const source = kindOf(node) === 'convolution' ? arranged(nodes, node) : undefined
    return source !== undefined && kindOf(source) === 'linear'
  }
  return new Set(graph.nodes.filter(reads).map(({ name }) => name))
}

const byName = ({ nodes }: Graph) => new Map(nodes.map((node) => [node.name, node]))

/** What makes the numbers that a node reads, which others may have moved. */
function arranged(nodes: Map<string, GraphNode>, { inputs }: GraphNode): GraphNode | undefined {
  let node = nodes.get(inputs[0]!)
  while (node && kindOf(node) === 'move' && node.inputs.length === 1) node = nodes.get(node.inputs[0]!)
  return node
}
