import type { Graph } from '../core/graph.js'
import { kindOf } from './treatment.js'
import type { CompositeEntry } from './types.js'

/**
 * The entries of the composite `auto`, which has a rule for every layer of any network. Convolutions and batch norms that
 * could not be folded propagate by zplus, dense layers and layer norms (divisors held constant) by epsilon, attention by
 * AttnLRP's rules; products with a gate give all relevance to the signal. The first convolution takes `flat`, except in
 * networks with attention, where it embeds patches and takes gamma.
 */
export function autoEntries(graph: Graph): CompositeEntry[] {
  const attends = graph.nodes.some((node) => kindOf(node) === 'attention')
  const first: CompositeEntry = attends
    ? { kind: 'convolution', position: 'first', rule: 'gamma' }
    : { kind: 'convolution', position: 'first', rule: 'flat' }
  return [
    first,
    { kind: 'convolution', rule: 'zplus' },
    { kind: 'batch_norm', rule: 'zplus' },
    { kind: 'linear', rule: 'epsilon' },
    { kind: 'normalisation', rule: 'epsilon' },
    { kind: 'attention', rule: 'attention', parameters: { stabiliser: 'signed', epsilon: 1e-6 } },
    { kind: 'product', rule: 'gated' }
  ]
}
