import type { GraphNode } from '../core/graph.js'
import type { LayerKind } from './types.js'

const ACTIVATIONS = new Set(
  'relu relu6 silu sigmoid tanh hardswish hardsigmoid softplus hardtanh leaky_relu elu gelu'.split(' ')
)
const MOVES_VALUES =
  /^(cat|flatten|reshape|permute|squeeze|unsqueeze|slice|select|pad|dropout|identity|max_pool\dd|adaptive_max_pool\dd|expand_batch|constant)$/

export function isWeighted(node: GraphNode): boolean {
  return kindOf(node) === 'linear' || kindOf(node) === 'convolution'
}

/** What a layer is to a composite; undefined for ops that belong to no kind. */
export function kindOf(node: GraphNode): Exclude<LayerKind, 'weighted' | 'any'> | undefined {
  if (node.op === 'linear') return 'linear'
  if (/^conv/.test(node.op)) return 'convolution'
  if (node.op === 'add' || node.op === 'sub' || node.op === 'add_scalar') return 'sum'
  if (/^(avg_pool|sum_pool|adaptive_avg_pool)\dd$|^(mean|sum|interpolate)$/.test(node.op)) return 'average'
  if (ACTIVATIONS.has(node.op)) return 'activation'
  return undefined
}

/** What the composites for transformers have rules for: AttnLRP's. */
export function isTransformers({ op }: GraphNode): boolean {
  return ['softmax', 'matmul', 'layer_norm', 'scaled_dot_product_attention'].includes(op)
}

/**
 * How LRP treats a layer that no rule names. Undefined where there is no published rule, or several: softmax, layer norm,
 * attention.
 */
export function ownRule(node: GraphNode): string | undefined {
  const kind = kindOf(node)
  if (kind === 'sum' || kind === 'average') return 'norm'
  if (kind === 'activation' || node.op === 'batch_norm' || node.op === 'mul_scalar' || node.op === 'div') return 'pass'
  if (node.op === 'mul') return 'uniform'
  if (node.op.startsWith('aten::')) return 'gradient'
  return MOVES_VALUES.test(node.op) ? 'gradient' : undefined
}
