import { createRequire } from 'node:module'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { LrpError, type ErrorCode } from '../core/errors.js'
import type { Graph, GraphNode, Interpolation, ParameterSpec, Precision } from '../core/graph.js'
import { addonPath, packageRoot } from '../core/paths.js'
import type { RawTensor, Tensor } from '../core/tensor.js'
import type { NativeCancelToken, NativeProcessGroup, NativeProcessGroupOptions } from './handles.js'
import type {
  NativeRun,
  NativeTrainData,
  NativeTrainingSteps,
  NativeTrainOptions,
  NativeTrainResult
} from './train-types.js'

/** What `native/addon.cpp` exports. Every promise runs off the event loop; rejections carry `code` and `message`. */
export interface NativeAddon {
  Model: {
    create(graph: Graph, tensors: Record<string, RawTensor>, device: string, precision: Precision): Promise<NativeModel>
  }
  CancelToken: new () => NativeCancelToken
  /** Of several processes that compute together (src/distributed/process-group.ts). */
  ProcessGroup: new (options: NativeProcessGroupOptions) => NativeProcessGroup
  PatternFitter: new (model: NativeModel, positiveOnly: boolean) => NativePatternFitter
  info(): NativeInfo
  /** The CUDA devices; or why there are none, and with a driver, the command that fixes it. */
  enableCuda(): { available: boolean; devices: string[]; reason?: string; remedy?: string }
  /** Threads of one operation, process-wide. */
  setThreads(count: number): void
  /** Names the C++ side can run, for checking a graph before it is built. */
  ops(): string[]
  rules(): string[]
  /** Attribution methods. */
  methods(): string[]
  /** Resizes and crops one image of bytes and writes it to `result` in planes (native/image/arrange.h). */
  arrangeImage(bytes: Uint8Array, arrangement: NativeArrangement, result: Uint8Array, shape: number[]): Promise<void>
  /** What is known of an op without running it. @throws UNSUPPORTED for a name that a graph must not use */
  opRecord(name: string): OpRecord
  /** Every aten overload by name: null, or why a graph must not call it (native/ops/aten_schema.h). */
  atenOverloads(): Record<string, string | null>
  /** Arguments of an aten overload (`'add_'`, `'Tensor'`; the unnamed overload is `'default'`): null if there is none. */
  atenSchema(op: string, overload: string): AtenArgument[] | null
  /** Shape and work of every node in order, for an input of this shape; of the tensors only types and shapes are read. */
  inferShapes(graph: Graph, tensors: Record<string, RawTensor>, inputShape: number[]): Promise<NodeFacts[]>
  /** Shape of one node's output, from the shapes of its inputs and of its parameters by role; all with the batch. */
  outputShape(node: GraphNode, inputs: number[][], parameters: Record<string, number[]>): number[]
  /**
   * Results of the nodes that do not depend on the input and that others need: those that a node which depends on it
   * reads, the output, and the nodes in `keep`.
   */
  foldConstants(graph: Graph, tensors: Record<string, RawTensor>, keep: string[]): Promise<Record<string, RawTensor>>
  /** Random tensors for training to start from. */
  initialise(parameters: ParameterSpec[], seed: number): Promise<Record<string, RawTensor>>
  /** For tests alone, not part of the public API. */
  testing: {
    /** One layer under one rule: relevance at the input of `op`. */
    explainLayer(call: LayerCall): Promise<RawTensor>
    /** The parts of a training step by themselves. */
    trainingSteps: NativeTrainingSteps
    /** `model.attribute` on the network as it is: batch norms unfolded, the usual memory layout. What benchmarks compare with. */
    attributePlain(model: NativeModel, input: Tensor, options: AttributeOptions): Promise<AttributeResult>
  }
  /** Returns cached GPU memory to the driver. */
  releaseCache(): void
}

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
  /** How it turns logits into probabilities, or their logarithms. */
  squashes: '' | 'softmax' | 'sigmoid'
  /** Whether a place of the output depends on all places of the input, on a window, or on the same place alone. */
  reach: 'everywhere' | 'window' | 'place'
  /** A linear map whose weight is [in, out / groups, ...]. */
  transposed: boolean
  /** How the rule conserves relevance, up to its stabiliser. */
  conserves: 'exact' | 'up to bias' | 'no'
}

/** What is known of a node before it runs. */
export interface NodeFacts {
  name: string
  /** Of its output, for the images of one pass. */
  shape: number[]
  /** Multiply-adds for the images of one pass: only what multiplies by weights, or one signal by another, counts. */
  multiplyAdds: number
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

export interface NativeInfo {
  torchVersion: string
  threads: number
  builtWith: string
}

/** Collects the statistics of patterns over batches that stream by. */
export interface NativePatternFitter {
  add(input: Tensor): Promise<void>
  finish(): Promise<Record<string, RawTensor>>
}

/** Parameters of a rule by name. */
export type RuleParameters = Record<string, number | boolean | string | number[]>

/** One rule for one node, all parameters spelled out (composites are resolved in TypeScript). */
export interface NodeRule {
  node: string
  rule: string
  parameters: RuleParameters
  /** Of a rule that is given as data: the rule `shares`. */
  shares?: NativeShare[]
}

/** above * max(W, 0) + below * min(W, 0) (split), W squared, or ones; native/ops/linear_map.h. */
export interface NativePart {
  kind: 'split' | 'squared' | 'ones'
  above: number
  below: number
}

export interface NativeTerm {
  factor: number
  input: 'all' | 'positive' | 'negative' | 'absolute' | 'ones' | 'low' | 'high'
  weight: NativePart
  bias?: NativePart
}

/** native/rules/shares.h */
export interface NativeShare {
  factor: number
  output: 'any' | 'positive' | 'negative'
  terms: NativeTerm[]
  denominator?: NativeTerm[]
}

export interface LayerCall {
  op: string
  attributes: Record<string, unknown>
  parameters: Record<string, RawTensor>
  inputs: RawTensor[]
  relevance: RawTensor
  rule: string
  ruleParameters: RuleParameters
  shares?: NativeShare[]
  /** Of the rules that need one. */
  pattern?: RawTensor
  /** Which input's relevance is returned. */
  input: number
  device: string
}

export interface NativeArrangement {
  /** The image's memory is given back when this is done: nobody needs it afterwards. */
  consumes: boolean
  /** Of the image as it is. */
  height: number
  width: number
  channels: number
  /** Planes one after the other instead of pixel after pixel. */
  planar: boolean
  /** Height and width. */
  resize?: number[]
  interpolation: Interpolation
  /** Top, left, height, width. */
  crop?: number[]
}

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

/** What the C++ side finds for a batch; `targets` is the number of explanations of each input. */
export interface AttributeResult {
  /** Relevance of each input value, shaped like the input; a leading axis of targets if there are several. */
  relevance: Tensor
  /** The network's output: [batch, classes], or of dense networks [batch, classes, height, width]. */
  logits: Tensor
  /** Explained classes, [targets, batch] row by row; -1 under a reference or a seed. */
  targets: Int32Array
  /** Explained boxes of a detection head, [targets, batch]. */
  boxes?: Int32Array
  /** Explained regions of a dense output, [targets, batch, ...space]: 1 inside. */
  regions?: { data: Uint8Array; shape: number[] }
  /** The explained numbers, [targets, batch]: a logit, a region's sum of logits, a box's score, a similarity. */
  scores: Float64Array
  /** Sum of the relevance that each map started from: [targets, batch], or [batch] with `together`; empty without LRP. */
  starts: Float64Array
  /** Sum of the magnitudes of the same. */
  startSizes: Float64Array
  /** Sum of each map's relevance: [targets, batch], or [batch] with `together`. */
  sums: Float64Array
  /** Relevance arriving at the outputs of the layers in `layers`, by name. */
  layers: Record<string, Tensor>
  /** Relevance and activation of every channel of the layers in `channelLayers`, [images, channels]. */
  channels: Record<string, Channels>
  /** One entry for each attention, in order of execution; empty without `attentionHeads`. */
  attention: AttentionRelevance[]
  /** The layer that grad-cam weighs; empty for other methods. */
  layer: string
  /** One entry for each layer, first layer first, for the first target; empty without `conservation`. */
  conservation: LayerConservation[]
}

/** Channels of a layer whose activation is replaced during a forward pass; native/attribution/replacement.h. */
export interface Replacement {
  layer: string
  channels: number[]
  /** Shaped like the layer's output: the channels are taken from it. Without it they become 0. */
  values?: Tensor
}

export interface NativeModel {
  readonly device: string
  forward(
    input: Tensor,
    options: { batchSize: number; layers: string[]; replace: Replacement[]; cancel?: NativeCancelToken }
  ): Promise<{ output: Tensor; layers: Record<string, Tensor> }>
  attribute(input: Tensor, options: AttributeOptions): Promise<AttributeResult>
  /** Trains the weights in place; one call per run. Resolves after the last epoch. */
  train(data: NativeTrainData, options: NativeTrainOptions, run: NativeRun): Promise<NativeTrainResult>
  /** Another network over the same weights: another output of this one. */
  withGraph(graph: Graph): Promise<NativeModel>
  /** A copy of the weights, bytes as in `RawTensor`. */
  tensors(): Promise<Record<string, RawTensor>>
  /** Frees the weights now. Idempotent; later calls reject with DISPOSED. */
  dispose(): void
}

let addon: NativeAddon | undefined

// Read by libraries when they are loaded.
/** What libtorch logs is for those who program it. */
const LOGGING = { TORCH_CPP_LOG_LEVEL: 'FATAL' }
/**
 * OpenMP's threads wait for the next operation without sleeping, but for some ten microseconds only: sleeping at once makes
 * training of small networks twice as slow, waiting for milliseconds up to twenty times where another process wants their
 * core (docs/performance.md).
 */
const WAITING = { OMP_WAIT_POLICY: 'active', GOMP_SPINCOUNT: '2000' }

/** The addon, loaded on first use. @throws LrpError SETUP when it is not built or libtorch is missing. */
export function native(): NativeAddon {
  if (addon) return addon
  const path = addonPath()
  if (!existsSync(path)) {
    throw new LrpError('SETUP', `the native addon is not built (${path} is missing): run "npx lrp-native doctor --fix"`)
  }
  const settings = process.env.OMP_WAIT_POLICY === undefined ? { ...LOGGING, ...WAITING } : LOGGING
  const ours = Object.entries(settings).filter(([name]) => process.env[name] === undefined)
  for (const [name, value] of ours) process.env[name] = value
  try {
    addon = createRequire(join(packageRoot, 'package.json'))(path) as NativeAddon
  } catch (cause) {
    const detail = (cause as Error).message
    throw new LrpError('SETUP', `the native addon does not load (${detail}): run "npx lrp-native doctor"`, { cause })
  } finally {
    for (const [name] of ours) delete process.env[name] // of no concern to processes that this one starts
  }
  return addon
}

/** Runs one native call: its errors become `LrpError`s and an AbortSignal stops it within a batch. */
export async function callNative<T>(
  call: (addon: NativeAddon, cancel: NativeCancelToken) => Promise<T>,
  signal?: AbortSignal
): Promise<T> {
  const loaded = native()
  const cancel = new loaded.CancelToken()
  const onAbort = (): void => cancel.cancel()
  if (signal !== undefined && !(signal instanceof AbortSignal))
    throw new LrpError('INVALID_ARGUMENT', `option 'signal' must be an AbortSignal`, { option: 'signal' })
  if (signal?.aborted) throw new LrpError('ABORTED', 'stopped on request')
  signal?.addEventListener('abort', onAbort, { once: true })
  try {
    return await call(loaded, cancel)
  } catch (error) {
    throw toLrpError(error)
  } finally {
    signal?.removeEventListener('abort', onAbort)
  }
}

/** An error of the addon, which carries `code`, as an `LrpError`; anything else becomes NATIVE. */
export function toLrpError(error: unknown): LrpError {
  const { code, message } = error as { code?: string; message?: string }
  return new LrpError((code as ErrorCode) ?? 'NATIVE', message ?? String(error), { cause: error })
}
