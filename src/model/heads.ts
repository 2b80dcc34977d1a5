import type { Graph } from '../core/graph.js'
import { optionError } from '../core/options.js'
import { unknownName } from '../core/suggest.js'
import { logitNodes } from './final-activation.js'

/**
 * The part of a network that leads to another output.
 * @param head place among the file's outputs, an output's name in the file, a node, or a module, whose last node it is
 * @throws LrpError INVALID_ARGUMENT for an output that does not exist
 */
export function withHead(graph: Graph, head: string | number): Graph {
  const output = nodeOf(graph, head)
  const needed = new Set([output])
  for (const node of graph.nodes.toReversed()) {
    if (needed.has(node.name)) for (const input of node.inputs) needed.add(input)
  }
  const { outputs: _, outputNames: __, shapes, ...rest } = graph
  const kept = shapes && Object.fromEntries(Object.entries(shapes).filter(([name]) => needed.has(name)))
  const nodes = graph.nodes.filter(({ name }) => needed.has(name))
  return { ...rest, output, nodes, ...(kept && { shapes: kept }) }
}

/** Whether a node is a layer inside a network: none of the network's outputs, nor the logits of one. */
export function isInner(graph: Graph, node: string): boolean {
  const { output, outputs = [output] } = graph
  return !outputs.some((one) => logitNodes({ ...graph, output: one }).includes(node))
}

function nodeOf(graph: Graph, head: string | number): string {
  const { nodes, output, outputs = [output], outputNames = [] } = graph
  const names = nodes.map(({ name }) => name)
  if (typeof head === 'number') {
    const found = outputs[head] ?? names.find((name) => name === String(head)) // layers may have numbers for names
    if (found !== undefined) return found
    const last = outputs.length - 1
    throw optionError('head', ` must be an output from 0 to ${last} or the name of a layer, not '${head}'`)
  }
  const place = outputNames.indexOf(head)
  if (place >= 0) return outputs[place]!
  const found = names.includes(head) ? head : names.findLast((name) => name.startsWith(`${head}.`))
  if (found === undefined) throw unknownName('output', head, [...outputNames, ...names], { option: 'head' })
  return found
}
