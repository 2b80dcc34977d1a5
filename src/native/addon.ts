import { createRequire } from 'node:module'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { LrpError, type ErrorCode } from '../core/errors.js'
import type { Graph, GraphNode, Interpolation, ParameterSpec, Precision } from '../core/graph.js'
import { addonPath, packageRoot } from '../core/paths.js'
import type { RawTensor, Tensor } from '../core/tensor.js'
import type { AttributePass, AttributeResult } from './attribute-types.js'
import { endPreload, isPreloading, loadMeanwhile, resetLibraryVariables, setLibraryVariables } from './libraries.js'
import type { NativeCancelToken, NativeProcessGroup, NativeProcessGroupOptions, NativeRules } from './handles.js'
import type { AtenArgument, OpRecord } from './op-types.js'
import type { NativeShare, NodeRule, RuleParameters } from './rule-types.js'
import type {
  NativeRun,
  NativeTrainData,
  NativeTrainingSteps,
  NativeTrainOptions,
  NativeTrainResult
} from './train-types.js'

export type * from './attribute-types.js'
export type * from './op-types.js'
export type * from './rule-types.js'

/** What `native/addon.cpp` exports. Every promise runs off the event loop; rejections carry `code` and `message`. */
export interface NativeAddon {
  Model: {
    create(graph: Graph, tensors: Record<string, RawTensor>, device: string, precision: Precision): Promise<NativeModel>
  }
  CancelToken: new () => NativeCancelToken
  /** Every parameter of every rule must be given. @throws INVALID_ARGUMENT */
  ResolvedRules: new (rules: NodeRule[]) => NativeRules
  /** Of several processes that compute together (src/distributed/process-group.ts). */
  ProcessGroup: new (options: NativeProcessGroupOptions) => NativeProcessGroup
  PatternFitter: new (model: NativeModel, positiveOnly: boolean) => NativePatternFitter
  info(): NativeInfo
  /** The CUDA devices; or why there are none, and with a driver, the command that fixes it. */
  enableCuda(): { available: boolean; devices: string[]; reason?: string; remedy?: string }
  /** Number of threads that compute, process-wide. */
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
    /** Operators that native/ops/aten_exceptions.cpp names, each with the arguments that its record names. */
    atenTables(): Record<string, string[]>
    /** The parts of a training step by themselves. */
    trainingSteps: NativeTrainingSteps
    /** Whether this processor has bf16. */
    computesBf16: boolean
    /** `model.attribute` on the network as it is: batch norms unfolded, the usual memory layout. What benchmarks compare with. */
    attributePlain(
      model: NativeModel,
      passes: AttributePass[],
      options: { cancel?: NativeCancelToken }
    ): Promise<AttributeResult[]>
  }
  /** Ends the process with a status, without libtorch's shutdown. */
  leave(status: number): never
  /** Returns cached GPU memory to the driver. */
  releaseCache(): void
}

/** What is known of a node before it runs. */
export interface NodeFacts {
  name: string
  /** Of its output, for the images of one pass. */
  shape: number[]
  /** Multiply-adds for the images of one pass: only what multiplies by weights, or one signal by another, counts. */
  multiplyAdds: number
}

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

/** Channels of a layer whose activation is replaced during a forward pass; native/attribution/replacement.h. */
export interface Replacement {
  layer: string
  channels: number[]
  /** Shaped like the layer's output: the channels are taken from it. Without it they become 0. */
  values?: Tensor
}

/** Images that change step by step, whatever has changed staying so; native/perturbation/changes.h. */
export interface NativeChanges {
  /** Before their first steps. */
  images: Tensor
  /** Rows of the network's further inputs, one for each image; absent where their own values hold. */
  inputs?: Record<string, Tensor>
  /** Of each step: its image, in rising order, and where its entries end among those of all steps. */
  owners: RawInts
  ends: RawInts
  /** Per entry: its place in the flattened image, and what it becomes. */
  places: RawInts
  values: Tensor
}

export interface RawInts {
  data: Int32Array
  shape: [number]
}

export interface NativeModel {
  readonly device: string
  forward(
    input: Tensor,
    options: {
      inputs?: Record<string, Tensor>
      batchSize: number
      layers: string[]
      replace: Replacement[]
      /** By the network of the file, not by the folded one that is explained. */
      asWritten: boolean
      /** The network takes no other number of images than `batchSize`. */
      fixedBatch: boolean
      cancel?: NativeCancelToken
    }
  ): Promise<{ output: Tensor; layers: Record<string, Tensor> }>
  /** Nodes that the explained network does without: folded batch norms, and branches merged into one convolution. */
  folded(): Promise<string[]>
  /** The output after each step, [steps, ...]; the arrays must stay as they are until it is there. */
  forwardChanges(
    changes: NativeChanges,
    options: { batchSize: number; fixedBatch: boolean; cancel?: NativeCancelToken }
  ): Promise<Tensor>
  /** Into how many passes to split these images for `attribute`: one for each thread, or 1 (native/side_by_side.h). */
  passesFor(images: number): number
  /** Several passes run at the same time, each on one thread; a single pass uses all threads for every op. */
  attribute(passes: AttributePass[], options: { cancel?: NativeCancelToken }): Promise<AttributeResult[]>
  /** Trains the weights in place; one call per run. Resolves after the last epoch. */
  train(data: NativeTrainData, options: NativeTrainOptions, run: NativeRun): Promise<NativeTrainResult>
  /** Another network over the same weights: another output of this one. */
  withGraph(graph: Graph): Promise<NativeModel>
  /**
   * The weights. `copied`: as copies; otherwise on the memory that the model computes with, where JavaScript has it, which
   * must stay as it is.
   */
  tensors(copied: boolean): Promise<Record<string, RawTensor>>
  /** Frees the weights now. Idempotent; later calls reject with DISPOSED. */
  dispose(): void
}

let addon: NativeAddon | undefined
const waiting: ((addon: NativeAddon) => void)[] = []

/** Calls `use` as soon as the addon is loaded: what only sets it up need not wait for it. */
export function onceLoaded(use: (addon: NativeAddon) => void): void {
  if (addon) use(addon)
  else waiting.push(use)
}

/** The addon, loaded on first use. @throws LrpError SETUP when it is not built or libtorch is missing. */
export function native(): NativeAddon {
  if (addon) return addon
  const path = addonPath()
  if (!existsSync(path)) {
    throw new LrpError('SETUP', `the native addon is not built (${path} is missing): run "npx lrp-native doctor --fix"`)
  }
  setLibraryVariables()
  loadMeanwhile()
  try {
    addon = createRequire(join(packageRoot, 'package.json'))(path) as NativeAddon
  } catch (cause) {
    const detail = (cause as Error).message
    throw new LrpError('SETUP', `the native addon does not load (${detail}): run "npx lrp-native doctor"`, { cause })
  } finally {
    resetLibraryVariables()
    endPreload()
  }
  for (const use of waiting.splice(0)) use(addon)
  return addon
}

/** Ends the process when nothing is left to do. If libtorch is loaded, this skips its shutdown of 0.1 s. */
export function leaveQuickly(): void {
  process.on('exit', (status) => {
    try {
      if (isPreloading()) native()
    } catch {
      // what the thread could not load needs no shutdown
    }
    addon?.leave(status)
  })
}

/** Runs one native call: its errors become `LrpError`s and an AbortSignal stops it within a batch. */
export async function callNative<T>(
  call: (addon: NativeAddon, cancel: NativeCancelToken | undefined) => Promise<T>,
  signal?: AbortSignal
): Promise<T> {
  const loaded = native()
  const cancel = signal && new loaded.CancelToken()
  const onAbort = (): void => cancel?.cancel()
  if (signal !== undefined && !(signal instanceof AbortSignal))
    throw new LrpError('INVALID_ARGUMENT', `option 'signal' must be an AbortSignal`, { option: 'signal' })
  if (signal?.aborted) throw new LrpError('ABORTED', 'the work was stopped on request')
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
