import type { Graph } from '../core/graph.js'
import type { RuleParameters } from '../native/addon.js'
import type { DataRule } from './data-rule.js'

/** Kinds of layers a composite can name. */
export const LAYER_KINDS = [
  'weighted', // linear and convolution
  'linear',
  'convolution', // 1d to 3d, transposed too
  'sum', // residual additions
  'average', // average and sum pooling, means
  'activation',
  'relu', // among the activations
  'batch_norm', // what could not be folded into a layer
  'normalisation', // layer, group and RMS norms, whose divisors are held constant
  'product',
  'attention', // and what it is made of: softmax, products of matrices
  'any'
] as const
/** A kind of layer that an entry of a composite can name; `weighted` means linear layers and convolutions. */
export type LayerKind = (typeof LAYER_KINDS)[number]

/** Which layers an entry of a composite is for: all that is given must hold. */
export interface LayerMatch {
  /** Exact name or glob: `features.0`, `layer1.*`. */
  name?: string
  /** Kind of op; any kind if absent. */
  kind?: LayerKind
  /** The op of the graph: `conv2d`, `relu`, ... */
  op?: string
  /** Among the layers that match so far, in order of execution: `first`, `last` or the i-th (0-based; -1 the last). */
  position?: 'first' | 'last' | number
  /** From and to, as shares of the network's depth counted in weighted layers: [0, 0.5] is the lower half. */
  depth?: [number, number]
}

/** An entry of a composite: which layers, and their rule with its parameters. */
export interface CompositeEntry extends LayerMatch {
  /** Name of the rule. */
  rule: string
  /** Values that differ from the rule's defaults. */
  parameters?: RuleParameters
}

/** Rules for the layers of a network; the first entry that matches a layer decides. */
export interface Composite {
  /** Name in results. */
  name: string
  /** One line about it. */
  description?: string
  /** Rules of its own, given as data, for its entries to name. */
  rules?: DataRule[]
  /** Entries in order; the first that matches a layer decides. */
  layers: CompositeEntry[]
  /** Further entries that depend on the network: those of `auto`. */
  entriesFor?: (graph: Graph) => CompositeEntry[]
}
