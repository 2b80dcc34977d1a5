import type { RawTensor, Tensor } from '../core/tensor.js'
import type { NativeRules } from './handles.js'

/** What one explanation is asked with; nothing has a default here. */
export interface AttributeOptions {
  /** One of `methods()`. */
  method: string
  /** What the method reads: native/attribution/methods/. */
  settings: Record<string, number | string | undefined>
  /** For integrated gradients and occlusion: what an absent input is, [1, ...] or one for each image. */
  baseline?: Tensor
  /** Rows of the network's further inputs, one for each image or one for all; absent where their own values hold. */
  inputs?: Record<string, Tensor>
  target: TargetSettings
  /** Nodes whose relevance is returned as tensors (relevance arriving at the node's output). */
  layers: string[]
  /** Of networks of tokens: nodes that look up the input's tokens in a table. Relevance ends at their outputs. */
  lookups?: string[]
  /** For the method lrp. */
  lrp?: LrpSettings
  /** Fitted patterns by node name (patternnet, patternattribution). */
  patterns?: Record<string, RawTensor>
}

/** Images that go through the network together, and what is asked about them. */
export interface AttributePass extends AttributeOptions {
  images: Tensor
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
  /** An output of one logit tells the classes 0 and 1 apart. */
  binary: boolean
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
  rules: NativeRules
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
  /** Propagated to the node's inputs. */
  propagated: Float64Array
  absorbedByBias: Float64Array
  absorbedByStabiliser: Float64Array
  /** Sums of |relevance|. */
  arrivingMagnitude: Float64Array
  propagatedMagnitude: Float64Array
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

/** What the C++ side finds for a batch; `targets` is the number of explanations of each input. */
export interface AttributeResult {
  /**
   * Relevance of each input value: the shape of the input, with a leading axis for the targets if there are several.
   */
  relevance: Tensor
  /** Output of the network: [batch, classes], or [batch, classes, height, width] for dense outputs. */
  logits: Tensor
  /** Explained classes, [targets, batch], row-major; -1 if a reference or an initial relevance is given. */
  targets: Int32Array
  /** Classes with which the explained classes are compared, [targets, batch], if any. */
  against?: Int32Array
  /** Explained boxes of a detection head, [targets, batch]. */
  boxes?: Int32Array
  /** Explained regions of a dense output, [targets, batch, ...space]: 1 inside the region, 0 outside. */
  regions?: { data: Uint8Array; shape: number[] }
  /**
   * Explained numbers, [targets, batch]: a logit, the sum of a region's logits, the score of a box, or a similarity.
   */
  scores: Float64Array
  /**
   * Sum of the initial relevance of each map: [targets, batch], or [batch] with `together`; empty for methods other
   * than LRP.
   */
  starts: Float64Array
  /** Sum of the magnitudes of the initial relevance, shaped like `starts`. */
  startSizes: Float64Array
  /** Sum of the relevance of each map, including the other inputs: [targets, batch], or [batch] with `together`. */
  sums: Float64Array
  /** Sum of |relevance| of each map, shaped like `sums`. */
  magnitudes: Float64Array
  /**
   * Relevance of the other inputs that are explained, by name: the shape of the input, with the same leading axis as
   * `relevance`.
   */
  inputs: Record<string, Tensor>
  /**
   * Relevance of the outputs of the layers in the option `layers`, by name: [images, ...], or [targets, images, ...]. In
   * the output itself, the images may lie on another axis, or share an axis with windows or heads.
   */
  layers: Record<string, Tensor>
  /** Relevance and activation of every channel of the layers in the option `channelLayers`, [images, channels]. */
  channels: Record<string, Channels>
  /** One entry for each attention layer, in order of execution; empty without `attentionHeads`. */
  attention: AttentionRelevance[]
  /** The layer whose channels grad-cam weights; empty for other methods. */
  layer: string
  /** One entry for each layer, first layer first, for the first target; empty without `conservation`. */
  conservation: LayerConservation[]
}
