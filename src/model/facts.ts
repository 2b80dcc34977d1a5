import { LrpError } from '../core/errors.js'
import type { Graph } from '../core/graph.js'
import type { StateDict } from '../core/tensor.js'
import { callNative, type NodeFacts } from '../native/addon.js'

/**
 * What C++ knows of every node before it runs; undefined while axes of the input other than the batch are open.
 * @throws LrpError INVALID_ARGUMENT, UNSUPPORTED naming the node that cannot run on an input of this shape
 */
export async function inferFacts(graph: Graph, tensors: StateDict): Promise<NodeFacts[] | undefined> {
  const [images, ...image] = graph.inputShape
  if (!image.every((axis) => typeof axis === 'number')) return undefined
  return callNative((addon) => addon.inferShapes(graph, Object.fromEntries(tensors), [images ?? 1, ...image]))
}

/** Output shapes by node. */
export function shapesOf(facts: NodeFacts[]): Record<string, number[]> {
  return Object.fromEntries(facts.map(({ name, shape }) => [name, shape]))
}

/**
 * Shapes that a file stores must be those that its network has.
 * @throws LrpError INVALID_FILE naming the node
 */
export function checkStoredShapes(stored: Graph['shapes'], graph: Graph, path: string): void {
  if (!stored || !graph.shapes) return
  for (const { name } of graph.nodes) {
    const [has, says] = [graph.shapes[name], stored[name]].map((shape) => shape?.join('x') ?? 'none')
    if (has === says) continue
    throw new LrpError(
      'INVALID_FILE',
      `${path}: node '${name}' has the output shape ${has}, but the file states ${says}`
    )
  }
}
