/** An argument as PyTorch's schema declares it. */
export interface AtenArgument {
  name: string
  /** `Tensor`, `int[]`, `float?`, ... */
  type: string
  /** `view`: a result shares its numbers, `(a)`; `written`: the call writes into it, `(a!)`. */
  alias?: 'view' | 'written'
  /** As PyTorch prints it; absent where the argument must be given. */
  default?: string
}

/** native/ops/op_record.h */
export interface OpRecord {
  kind: OpKind
  /** The rule where a composite names none; empty: there is no published one. */
  rule: string
  /** The output is >= 0 where every input is (`keeps`), always (`nonnegative`), or may have any sign. */
  sign: 'any' | 'keeps' | 'nonnegative'
  /** Every number of the output is one of the inputs'. */
  movesValues: boolean
  /** Its output weighs something else: a number from 0 to 1. */
  gates: boolean
  /** How it turns logits into probabilities or their logarithms; `logarithm`: it takes the logarithm of what is before it. */
  squashes: '' | 'softmax' | 'sigmoid' | 'logarithm'
  /**
   * Whether a place of the output depends on all places of the input, on a window, or on the same place alone; `order`:
   * all values stay in their order, only the shape changes.
   */
  reach: 'everywhere' | 'window' | 'place' | 'order'
  /** Where the output is 0 for certain: where the input is <= 0; `relu`: and it is the input elsewhere. */
  cut: 'nowhere' | 'below zero' | 'relu'
  /** f(c x) = c f(x) for every c > 0. */
  homogeneous: boolean
  /** Its last input names rows of the first, by their numbers. */
  looksUp: boolean
  /** A linear map whose weight is [in, out / groups, ...]. */
  transposed: boolean
  /** Every attribute that a node may have; a call of an aten overload has its schema's arguments instead. */
  attributes: string[]
  /** Arguments of a call that multiply each other: those that depend on the image share their product's relevance alike. */
  factors: string[]
  /** Arguments of a call that weigh, place or divide the others: held constant, so no relevance passes to them. */
  held: string[]
  /** How the rule conserves relevance, up to its stabiliser. */
  conserves: 'exact' | 'up to bias' | 'no'
}

export type OpKind =
  | 'linear'
  | 'convolution'
  | 'sum'
  | 'average'
  | 'activation'
  | 'batch_norm'
  | 'normalisation'
  | 'product'
  | 'attention'
  | 'move'
  | 'constant'
  | 'divisor'
  | 'other'
