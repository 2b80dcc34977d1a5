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

/** Selects the layers to which an entry of a composite applies. A layer must meet all given conditions. */
export interface LayerMatch {
  /** Exact name or glob: `features.0`, `layer1.*`. */
  name?: string
  /** Kind of layer; without it, any kind matches. */
  kind?: LayerKind
  /** Name of the op: `conv2d`, `relu`, ... */
  op?: string
  /**
   * Position among the layers that meet all other conditions, in order of execution: `first`, `last`, or an index from
   * 0 (-1 is the last layer).
   */
  position?: 'first' | 'last' | number
  /** Range of the depth, as shares of the number of weighted layers: [0, 0.5] is the lower half of the network. */
  depth?: [number, number]
}

/** An entry of a composite: a selection of layers, and their rule with its parameters. */
export interface CompositeEntry extends LayerMatch {
  /** Names of nodes, if the entry was created for one network. */
  nodes?: ReadonlySet<string>
  /** Name of the rule. */
  rule: string
  /** Values that differ from the rule's defaults. */
  parameters?: RuleParameters
}

/** Rules for the layers of a network; the first entry that matches a layer decides. */
export interface Composite {
  /** Name of the composite in results. */
  name: string
  /** Description in one line. */
  description?: string
  /** Additional rules, defined as data, which the entries can name. */
  rules?: DataRule[]
  /** Entries in order; the first that matches a layer decides. */
  layers: CompositeEntry[]
  /** Function that returns further entries for a network; used by `auto`. */
  entriesFor?: (graph: Graph) => CompositeEntry[]
}
