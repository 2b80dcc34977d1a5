import type { RawTensor, Tensor } from '../core/tensor.js'
import type { NativeCancelToken } from './handles.js'
import type { NodeRule } from './rule-types.js'

/** What one explanation is asked with; nothing has a default here. */
export interface AttributeOptions {
  /** One of `methods()`. */
  method: string
  /** What the method reads: native/attribution/methods/. */
  settings: Record<string, number | string | undefined>
  /** For integrated gradients and occlusion: what an absent input is, [1, ...] or one for each image. */
  baseline?: Tensor
  target: TargetSettings
  /** Nodes whose relevance is returned as tensors (relevance arriving at the node's output). */
  layers: string[]
  /** Of networks of tokens: nodes that look up the input's tokens in a table. Relevance ends at their outputs. */
  lookups?: string[]
  /** For the method lrp. */
  lrp?: LrpSettings
  /** Fitted patterns by node name (patternnet, patternattribution). */
  patterns?: Record<string, RawTensor>
  cancel?: NativeCancelToken
}

/** [explanations, batch], row by row. */
export interface Rows {
  data: Int32Array
  shape: [number, number]
}

/** What is explained: native/attribution/targets/target.h. */
export interface TargetSettings {
  /** Absent: the predicted classes. */
  classes?: Rows
  /** Subtracted from the classes; -1 for the runner-up. */
  against?: Rows
  /** Every class has a sigmoid of its own. */
  independent: boolean
  /** How many classes have names. */
  named?: number
  region?: NativeRegion
  /** Boxes of a detection head; -1 for the best. */
  boxes?: Rows
  /** Embeddings [explanations, features] whose cosine similarity to the output is explained. */
  reference?: Tensor
  /** The starting relevance itself, [1 or batch, ...output]. */
  seed?: Tensor
}

/** One of three. */
export interface NativeRegion {
  name?: 'predicted' | 'all'
  /** In pixels of the input. */
  point?: number[]
  /** [1 or batch, height, width], above 0 inside. */
  mask?: Tensor
}

export interface LrpSettings {
  /** A node not named gets the plain gradient. */
  rules: NodeRule[]
  /** Relevance of several targets starts together, in one map, instead of one map each. */
  together: boolean
  start: 'logit' | 'one' | 'probability' | 'sigmoid' | 'softmax-gradient' | 'activation'
  /** Channels that alone keep the relevance arriving at a layer's output. */
  concepts: Record<string, number[]>
  /** Relevance reaches the input only by paths through every layer of `concepts`. */
  exclusive: boolean
  /** Layers whose channels are measured. */
  channels: string[]
  /** Keep only this share of the relevance entries, by magnitude, at every weighted layer; 1 keeps all. */
  topK: number
  /** Also compute what biases and stabilisers absorb. */
  conservation: boolean
  /** Also return the relevance per token and attention head. */
  attention: boolean
}

/** Relevance at one attention; a leading axis of targets where there are several. */
export interface AttentionRelevance {
  node: string
  /** Of each token where the attention's block begins, [images, tokens]. */
  tokens: Tensor
  /** What each head carries, [images, heads]. */
  heads: Tensor
  /** What each head passes to each token, [images, heads, tokens]. */
  headTokens: Tensor
}

export interface LayerConservation {
  node: string
  /** Sum of relevance arriving at the node's output, per image of the first target. */
  arriving: Float64Array
  /** Handed on to the node's inputs. */
  handedOn: Float64Array
  absorbedByBias: Float64Array
  absorbedByStabiliser: Float64Array
  /** Sums of |relevance|. */
  arrivingMagnitude: Float64Array
  handedOnMagnitude: Float64Array
}

/** Of every channel of a layer, [images, channels], with a leading axis of targets for the relevance under several. */
export interface ChannelValues {
  /** Summed over space. */
  sum: Tensor
  /** The largest value, and where in the flattened plane it lies. */
  largest: Tensor
  place: Tensor
}

export interface Channels {
  relevance: ChannelValues
  activation: ChannelValues
}

export interface AttributeResult {
  /** Shaped like the input, with a leading axis of explanations where there are several. */
  relevance: Tensor
  logits: Tensor
  /** Explained classes [explanations, batch]; -1 where no class is explained. */
  targets: Int32Array
  /** Explained boxes [explanations, batch], of detection heads. */
  boxes?: Int32Array
  /** Explained regions [explanations, batch, ...space] of dense outputs: 1 inside. */
  regions?: { data: Uint8Array; shape: number[] }
  /** The explained numbers, [explanations, batch]. */
  scores: Float64Array
  /** Sum of what each map started from, and of its magnitudes: [explanations, batch], or [batch] with `together`; of LRP. */
  starts: Float64Array
  startSizes: Float64Array
  /** Of each map's relevance: [targets, batch], or [batch] with `together`. */
  sums: Float64Array
  /** Sums of |relevance|, like `sums`. */
  magnitudes: Float64Array
  layers: Record<string, Tensor>
  channels: Record<string, Channels>
  attention: AttentionRelevance[]
  /** The layer that grad-cam weighs; empty for other methods. */
  layer: string
  conservation: LayerConservation[]
}
