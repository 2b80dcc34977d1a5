import { LrpError } from '../core/errors.js'
import type { Graph, GraphNode, ModelParts } from '../core/graph.js'
import { sizeOf } from '../core/tensor.js'
import { recordOf } from '../native/op-record.js'

/** A node at the end of a network that only turns logits into probabilities. */
export interface FinalActivation {
  node: string
  kind: 'softmax' | 'sigmoid'
}

type Shapes = Record<string, number[]>

/** The nodes that hold the logits of an output: the output itself, and what comes before a final activation and moved values. */
export function logitNodes({ nodes, output }: Pick<Graph, 'nodes' | 'output'>): string[] {
  const byName = new Map(nodes.map((node) => [node.name, node]))
  const found = [output]
  for (let node = byName.get(output); node && (onlyMoves(node) || recordOf(node).squashes);) {
    found.push(node.inputs[0]!)
    node = byName.get(node.inputs[0]!)
  }
  return found
}

/** What moves numbers, or changes their type, and leaves each as it is. */
function onlyMoves(node: GraphNode): boolean {
  const { movesValues, sign } = recordOf(node)
  return movesValues && sign === 'keeps' && node.inputs.length === 1
}

/**
 * The network without a softmax or sigmoid at its end, whatever moves the numbers after it: explanations start from logits.
 * @param shapes output shapes of the nodes, asked for only where a softmax has something after it
 * @throws LrpError UNSUPPORTED for a network that is nothing else
 */
export async function withoutFinalActivation(
  graph: Graph,
  shapes: () => Promise<Shapes>
): Promise<{ graph: Graph; removed?: FinalActivation }> {
  const tail = finalNodes(graph)
  const last = tail[0]
  const kind = last && recordOf(last).squashes
  if (!last || !kind || kind === 'logarithm' || readsProbabilities(graph, last)) return { graph }
  if (kind === 'softmax' && tail.length > 1 && !isOverClasses(graph, last, await shapes())) return { graph }
  if (last.inputs[0] === 'input')
    throw new LrpError('UNSUPPORTED', `the model consists only of a ${kind}, so there is nothing to explain`)
  const left = tail.filter((node) => node === last || isLogarithm(node))
  const before = (name: string): string => {
    const node = left.find((one) => one.name === name)
    return node ? before(node.inputs[0]!) : name
  }
  const nodes = graph.nodes.map((node) =>
    tail.includes(node) && !left.includes(node)
      ? { ...node, inputs: [before(node.inputs[0]!), ...node.inputs.slice(1)] }
      : node
  )
  const output = before(graph.output)
  return {
    graph: {
      ...graph,
      nodes: withoutUnread(nodes, left, [output, ...(graph.outputs?.slice(1) ?? [])]),
      output,
      ...(graph.outputs && { outputs: [output, ...graph.outputs.slice(1)] })
    },
    removed: { node: last.name, kind }
  }
}

/** The input of a second softmax is probabilities, not logits. */
function readsProbabilities(graph: Graph, node: GraphNode): boolean {
  const [before] = finalNodes({ ...graph, output: node.inputs[0]! })
  return before !== undefined && recordOf(before).squashes !== ''
}

/** A softmax and the logarithm after it are a log-softmax. */
function isLogarithm(node: GraphNode): boolean {
  return recordOf(node).squashes === 'logarithm'
}

/** The nodes without those of `left`, last first, that nobody reads. */
function withoutUnread(nodes: GraphNode[], left: GraphNode[], outputs: string[]): GraphNode[] {
  return left.reduceRight((rest, { name }) => {
    const isRead = outputs.includes(name) || rest.some(({ inputs }) => inputs.includes(name))
    return isRead ? rest : rest.filter((node) => node.name !== name)
  }, nodes)
}

/** The last node that changes numbers, logarithms aside, and the nodes after it up to the output. */
function finalNodes({ nodes, output }: Graph): GraphNode[] {
  const byName = new Map(nodes.map((node) => [node.name, node]))
  const found: GraphNode[] = []
  for (let node = byName.get(output); node; node = byName.get(node.inputs[0]!)) {
    found.unshift(node)
    if (!onlyMoves(node) && !isLogarithm(node)) break
  }
  return found
}

/** Whether the axis of a softmax holds all numbers of an image, and all of them come out. */
function isOverClasses(graph: Graph, node: GraphNode, shapes: Shapes): boolean {
  const shape = shapes[node.name]
  if (!shape) return false // of images of any size
  const axis = shape.at(Number(node.attributes.dim))
  const numbers = sizeOf(shape.slice(1))
  return axis === numbers && numbers === sizeOf(shapes[graph.output]!.slice(1))
}

/** A sigmoid of several outputs makes them independent classes; a regression keeps its sigmoid, which gives its values. */
export function asTask<P extends Omit<ModelParts, 'tensors'>>(
  parts: P,
  found: Awaited<ReturnType<typeof withoutFinalActivation>>
): P & { removed?: FinalActivation } {
  const { task } = parts
  if (!found.removed) return parts
  if (found.removed.kind === 'softmax') return { ...parts, ...found }
  return task === 'regression' ? parts : { ...parts, ...found, multilabel: parts.multilabel ?? true }
}
