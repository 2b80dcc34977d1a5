import type { Graph, GraphNode } from '../core/graph.js'
import { kindOf, recordOf } from './treatment.js'

/** How many nodes below a factor are searched for a gate. */
const FARTHEST = 40

/**
 * Which input of a product is the signal, where the other one is a gate: a factor from a sigmoid, hard sigmoid or softmax
 * (squeeze and excitation), or one that is computed from the signal alone (x * sigmoid(x), the hard swish). Undefined where
 * both count alike.
 */
export function signalOf(graph: Graph, product: GraphNode): number | undefined {
  if (product.inputs.length !== 2) return undefined
  const nodes = new Map(graph.nodes.map((node) => [node.name, node]))
  const [a, b] = product.inputs as [string, string]
  if (isActivationOf(nodes, a, b)) return 1
  if (isActivationOf(nodes, b, a)) return 0
  const gates = [isGate(nodes, a), isGate(nodes, b)]
  return gates[0] === gates[1] ? undefined : gates[0] ? 1 : 0
}

/** A chain of steps that change no sign of what they weigh leads down to a gate. */
function isGate(nodes: Map<string, GraphNode>, factor: string): boolean {
  for (let node = nodes.get(factor), steps = 0; node && steps < FARTHEST; steps++) {
    const { gates, kind } = recordOf(node)
    if (gates) return true
    if (kind !== 'move' && kind !== 'average') return false
    node = nodes.get(node.inputs[0] ?? '')
  }
  return false
}

/** A factor depends on the input through the signal alone, by pointwise steps: together they are an activation. */
function isActivationOf(nodes: Map<string, GraphNode>, factor: string, signal: string): boolean {
  const source = unscaled(nodes, signal)
  const open = [factor]
  const seen = new Set<string>()
  let reached = false
  while (open.length > 0) {
    const name = open.pop()!
    if (name === source) {
      reached = true
      continue
    }
    const node = nodes.get(name)
    if (!node || seen.size > FARTHEST) return false
    const kind = kindOf(node)
    if (!['activation', 'sum', 'product', 'other', 'constant'].includes(kind)) return false
    if (!seen.has(name)) open.push(...node.inputs)
    seen.add(name)
  }
  return reached && factor !== source
}

/** What a value is a multiple of. */
function unscaled(nodes: Map<string, GraphNode>, name: string): string {
  const node = nodes.get(name)
  return node && node.inputs.length === 1 && kindOf(node) === 'other' ? unscaled(nodes, node.inputs[0]!) : name
}
