import type { GraphNode } from '../core/graph.js'
import { native, type OpKind, type OpRecord } from '../native/addon.js'

/** What C++ knows of a node's op; composites and `inspect` read it. @throws LrpError UNSUPPORTED */
export function recordOf({ op }: Pick<GraphNode, 'op'>): OpRecord {
  let record = records.get(op)
  if (!record) records.set(op, (record = native().opRecord(op)))
  return record
}

const records = new Map<string, OpRecord>()

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
