import type { DataRule } from './data-rule.js'

export type RuleParameters = Record<string, number | boolean | string | number[]>

/** Kinds of layers a composite can name. */
export type LayerKind =
  | 'weighted' // linear and convolution
  | 'linear'
  | 'convolution' // 1d to 3d, transposed too
  | 'sum' // residual additions
  | 'average' // average and sum pooling, means
  | 'activation'
  | 'any'

/** Which layers an entry of a composite is for: all that is given must hold. */
export interface LayerMatch {
  /** Exact name or glob: `features.0`, `layer1.*`. */
  name?: string
  kind?: LayerKind
  /** The op of the graph: `conv2d`, `relu`, ... */
  op?: string
  /** Among the layers that match so far, in order of execution: `first`, `last` or the i-th (0-based; -1 the last). */
  position?: 'first' | 'last' | number
  /** From and to, as shares of the network's depth counted in weighted layers: [0, 0.5] is the lower half. */
  depth?: [number, number]
}

export interface CompositeEntry extends LayerMatch {
  rule: string
  parameters?: RuleParameters
}

/** Rules for the layers of a network; the first entry that matches a layer decides. */
export interface Composite {
  name: string
  description?: string
  /** Rules of its own, given as data, for its entries to name. */
  rules?: DataRule[]
  layers: CompositeEntry[]
}
