import type { GraphNode } from '../core/graph.js'
import type { OpKind } from '../native/addon.js'
import { recordOf } from '../native/op-record.js'

export { recordOf }

/** What a layer is to a composite. */
export function kindOf(node: GraphNode): OpKind {
  return recordOf(node).kind
}

export function isWeighted(node: GraphNode): boolean {
  const kind = kindOf(node)
  return kind === 'linear' || kind === 'convolution'
}

/** What the composites for transformers have rules for: AttnLRP's. */
export function isTransformers(node: GraphNode): boolean {
  const kind = kindOf(node)
  return kind === 'attention' || kind === 'normalisation'
}

/** How LRP treats a layer that no rule names. Undefined where there is no published rule, or several. */
export function ownRule(node: GraphNode): string | undefined {
  return recordOf(node).rule || undefined
}
