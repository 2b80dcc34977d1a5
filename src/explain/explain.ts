import { z } from 'zod'
import { batchFor, shareOfImages, type ProcessGroup } from '../distributed/process-group.js'
import { LrpError } from '../core/errors.js'
import type { Model } from '../model/model.js'
import {
  callNative,
  type AttributeOptions,
  type AttributeResult,
  type Channels,
  type LayerConservation,
  type NodeRule
} from '../native/addon.js'
import { checkNames, checkOptions, optionError } from '../core/options.js'
import { counted } from '../core/plural.js'
import { chooseComposite, type RuleChoice } from '../rules/choose.js'
import { resolveRules } from '../rules/resolve.js'
import type { RuleParameters } from '../rules/types.js'
import { unknownName } from '../core/suggest.js'
import { sizeOf, type StateDict, type Tensor } from '../core/tensor.js'
import { baselineOf } from './baseline.js'
import { concatenate, sliceBatch } from './batches.js'
import { comfortableBatch } from './pass-size.js'
import { conservationErrors, warningsOf } from './conservation.js'
import { checkEffects } from './effects.js'
import { describeMethod, METHODS, type MethodName } from './methods.js'

export { METHODS }

export type Target = 'argmax' | 'all' | number | number[]
export type Start = 'logit' | 'one' | 'probability' | 'difference' | 'activation'

export interface ExplainOptions extends RuleChoice, ParameterOverrides {
  /** `lrp` (the default), or a method to compare with. */
  method?: MethodName
  /** Class to explain: the predicted one, one for all images, several (one map each), or all. */
  target?: Target
  /** Instead of `target`: one class per image. */
  targets?: ArrayLike<number>
  /** Relevance of several targets starts together, in one map. */
  together?: boolean
  /**
   * What relevance starts from: the target's logit (default), 1, its probability, the logits of target and runner-up, or
   * the activation of the `concepts`.
   */
  start?: Start
  /**
   * Channels (units of dense layers, attention heads) by layer: the relevance arriving at the layer's output is set to 0
   * in all others (Achtibat et al. 2023). LRP only.
   */
  concepts?: Record<string, number[]>
  /** Relevance reaches the input only by paths through every layer of `concepts`, not by others round them (false). */
  exclusive?: boolean
  /** Layers whose channels are measured: relevance and activation, reduced over space. LRP only. */
  channelLayers?: string[]
  /** Nodes whose arriving relevance is returned, or `all`. */
  layers?: string[] | 'all'
  /** Keep only this share of the relevance, the strongest, at every weighted layer: above 0, at most 1. */
  topK?: number
  /** Also tell per layer what biases and stabilisers absorb. */
  conservation?: boolean
  /** Images per pass; by default as many as fit a modest amount of memory. */
  batchSize?: number
  /** Fitted patterns by layer name, for patternnet and patternattribution. */
  patterns?: StateDict
  /** integrated-gradients: points on the path; smoothgrad: samples (20). */
  steps?: number
  /** smoothgrad: noise as a share of each image's range (0.1). */
  noise?: number
  /** occlusion: side of the covered square (4) and its stride (the side). */
  window?: number
  stride?: number
  /** grad-cam: the layer whose channels are weighed (the last convolution). */
  camLayer?: string
  /** integrated-gradients, occlusion: what an absent input is: `zero` (default), `black`, `mean`, `blur` or a `.npy` file. */
  baseline?: string
  seed?: number
  /** Processes that each take a share of the images (`joinProcessGroup`); all have the result. */
  group?: ProcessGroup
  onProgress?: (done: number, total: number) => void
  signal?: AbortSignal
}

/** Parameters that apply to every rule of the choice that has them. */
interface ParameterOverrides {
  epsilon?: number
  gamma?: number
  alpha?: number
  beta?: number
  low?: number | number[]
  high?: number | number[]
  ignoreBias?: boolean
  /** How denominators are kept from zero: `signed` (default), `signed-below`, `at-zero`, `plain` (docs/rules.md). */
  stabiliser?: string
}

export interface Explanation {
  /** Relevance of each input value, shaped like the input; a leading axis of targets where there are several. */
  relevance: Tensor
  /** [batch, classes] */
  logits: Tensor
  /** Explained classes, [targets, batch] row by row. */
  targets: Int32Array
  /** Of each map's relevance: [targets, batch], or [batch] with `together`. */
  sums: Float64Array
  /** Relevance arriving at the named layers' outputs. */
  layers: Record<string, Tensor>
  /** Of every channel of the layers in `channelLayers`, [images, channels]. */
  channels: Record<string, Channels>
  /** Per layer, first layer first; empty unless asked for. Of the first target. */
  conservation: LayerConservation[]
  /** |sum of relevance - what it started from| / |what it started from|, [targets, batch]; LRP only. */
  conservationError: Float64Array
  /** The layer that grad-cam weighs; empty for other methods. */
  layer: string
  /** Plain words where relevance explodes or vanishes on its way. */
  warnings: string[]
  /** The rule of every node; empty for other methods. */
  rules: NodeRule[]
  /** Name of the rule, composite or method. */
  name: string
}

export const EXPLAIN_NAMES: Record<keyof ExplainOptions, true> = {
  rule: true,
  composite: true,
  rules: true,
  epsilon: true,
  gamma: true,
  alpha: true,
  beta: true,
  low: true,
  high: true,
  ignoreBias: true,
  stabiliser: true,
  method: true,
  target: true,
  targets: true,
  together: true,
  start: true,
  concepts: true,
  exclusive: true,
  channelLayers: true,
  layers: true,
  topK: true,
  conservation: true,
  batchSize: true,
  patterns: true,
  steps: true,
  noise: true,
  window: true,
  stride: true,
  camLayer: true,
  baseline: true,
  seed: true,
  group: true,
  onProgress: true,
  signal: true
}

const PARAMETER_NAMES = ['epsilon', 'gamma', 'alpha', 'beta', 'low', 'high', 'ignoreBias', 'stabiliser'] as const
const number = z.number().optional()
const bound = z.union([z.number(), z.array(z.number())]).optional()

const schema = z.object({
  method: z.string().optional(),
  target: z.union([z.enum(['argmax', 'all']), z.int().min(0), z.array(z.int().min(0)).min(1)]).optional(),
  together: z.boolean().optional(),
  start: z.enum(['logit', 'one', 'probability', 'difference', 'activation']).optional(),
  concepts: z.record(z.string(), z.array(z.int().min(0)).min(1)).optional(),
  exclusive: z.boolean().optional(),
  channelLayers: z.array(z.string()).optional(),
  layers: z.union([z.literal('all'), z.array(z.string())]).optional(),
  topK: z.number().gt(0).max(1).optional(),
  batchSize: z.int().min(1).optional(),
  epsilon: z.number().min(0).optional(),
  gamma: z.number().min(0).optional(),
  alpha: number,
  beta: number,
  low: bound,
  high: bound,
  ignoreBias: z.boolean().optional(),
  stabiliser: z.enum(['signed', 'signed-below', 'at-zero', 'plain']).optional(),
  steps: z.int().min(1).optional(),
  noise: z.number().min(0).optional(),
  window: z.int().min(1).optional(),
  stride: z.int().min(1).optional(),
  baseline: z.string().optional(),
  seed: z.int().min(0).optional()
})

/**
 * Why did the model decide so? Relevance of every input value for the explained class, by LRP or another method.
 * @param input [batch, ...] as the network wants it; any batch size
 * @throws LrpError INVALID_ARGUMENT (unknown names, targets that do not exist), UNSUPPORTED (a node no rule is published
 *   for), NUMERIC (input that is not finite), ABORTED
 */
export async function explain(model: Model, input: Tensor, options: ExplainOptions = {}): Promise<Explanation> {
  checkNames(options, EXPLAIN_NAMES)
  checkEffects(options)
  return explainWith(model, input, options)
}

/** `explain` within the package, where options are passed on as a whole. */
export async function explainWith(model: Model, input: Tensor, options: ExplainOptions): Promise<Explanation> {
  checkOptions(schema, options)
  checkInput(model, input)
  if (model.task === 'regression' && (options.start === 'probability' || options.start === 'difference'))
    throw new LrpError(
      'INVALID_ARGUMENT',
      `a regression has no ${options.start}: relevance starts from its value or from one`
    )
  const method = options.method ?? 'lrp'
  if (!METHODS.includes(method)) throw unknownName('method', method, METHODS)
  const plan = await planOf(model, options)
  const { group } = options
  const total = input.shape[0]!
  const batchSize =
    model.fixedBatch(input) ?? options.batchSize ?? batchFor(await comfortableBatch(model), total, group)
  const [first, last] = shareOfImages(total, batchSize, group)
  const classes = await classCount(model, options)
  const settings = nativeOptions(model, options, plan.rules)
  const parts: AttributeResult[] = []
  for (let from = first; from < last; from += batchSize) {
    const to = Math.min(last, from + batchSize)
    const targets = targetRows(options, classes, total, from, to)
    const batch = sliceBatch(input, from, to)
    const baseline = describeMethod(method).baseline && (await baselineOf(model, batch, options.baseline))
    const native = { ...settings, baseline, targets }
    parts.push(await callNative((_, cancel) => model.handle.attribute(batch, { ...native, cancel }), options.signal))
    options.onProgress?.(to - first, last - first)
  }
  const joined = concatenate(group ? (await group.gather(parts)).flat() : parts)
  const isLrp = method === 'lrp'
  return {
    ...joined,
    ...plan,
    conservationError: isLrp && !options.concepts ? conservationErrors(joined, options) : new Float64Array(0),
    warnings: isLrp && !options.concepts ? warningsOf(joined, plan.rules, options) : []
  }
}

/** The rules of an explanation and its name, without running anything; other methods than LRP have no rules. */
export async function planOf(model: Model, options: ExplainOptions): Promise<{ name: string; rules: NodeRule[] }> {
  const { method = 'lrp' } = options
  return method === 'lrp' ? rulesOf(model, options) : { name: method, rules: [] }
}

/** The rule of every node under a choice of rules, without running anything. */
export async function planRules(model: Model, options: ExplainOptions): Promise<{ name: string; rules: NodeRule[] }> {
  checkNames(options, EXPLAIN_NAMES)
  if (options.method !== undefined && options.method !== 'lrp')
    throw optionError('method', `: ${options.method} has no rules to show`)
  return rulesOf(model, options)
}

async function rulesOf(model: Model, options: ExplainOptions): Promise<{ name: string; rules: NodeRule[] }> {
  const composite = await chooseComposite(options)
  const given = PARAMETER_NAMES.filter((name) => options[name] !== undefined).map((name) => [name, options[name]])
  const overrides = Object.fromEntries(given) as RuleParameters
  return {
    name: composite.name,
    rules: resolveRules(model.graph, composite, { inputRange: model.inputRange, overrides })
  }
}

function checkInput(model: Model, input: Tensor): void {
  const wanted = model.graph.inputShape
  const fits =
    input.shape.length === wanted.length &&
    wanted.every((axis, i) => axis === null || (i === 0 ? input.shape[0]! % axis === 0 : axis === input.shape[i]))
  if (fits && input.shape[0]! > 0 && sizeOf(input.shape) === input.data.length) return
  const shape = wanted.map((axis) => axis ?? 'batch').join(', ')
  throw new LrpError('INVALID_ARGUMENT', `the input has shape [${input.shape.join(', ')}], the model wants [${shape}]`)
}

async function classCount(model: Model, options: ExplainOptions): Promise<number> {
  if (options.target !== 'all' || options.targets) return 0
  return await model.outputs()
}

function targetRows(
  options: ExplainOptions,
  classes: number,
  total: number,
  from: number,
  to: number
): AttributeOptions['targets'] {
  const { target = 'argmax', targets } = options
  const batch = to - from
  if (targets) {
    if (targets.length !== total) {
      throw new LrpError(
        'INVALID_ARGUMENT',
        `${counted(targets.length, 'target')} for ${counted(total, 'image')}: one for each is wanted`
      )
    }
    return { data: Int32Array.from({ length: batch }, (_, i) => targets[from + i]!), shape: [1, batch] }
  }
  if (target === 'argmax') return undefined
  const list = target === 'all' ? Array.from({ length: classes }, (_, i) => i) : [target].flat()
  return { data: Int32Array.from(list.flatMap((one) => Array<number>(batch).fill(one))), shape: [list.length, batch] }
}

/** What C++ is asked with, the targets aside. */
function nativeOptions(model: Model, options: ExplainOptions, rules: NodeRule[]): Omit<AttributeOptions, 'targets'> {
  const { method = 'lrp', together = false, start = 'logit', concepts = {}, exclusive = false } = options
  const { channelLayers = [], topK = 1, conservation = false, camLayer } = options
  const layers = options.layers === 'all' ? model.graph.nodes.map((node) => node.name) : (options.layers ?? [])
  const named = [...layers, ...channelLayers, ...Object.keys(concepts), camLayer]
  for (const layer of named) if (layer !== undefined) checkLayer(model, layer)
  const lrp = { rules, together, start, concepts, exclusive, channels: channelLayers, topK, conservation }
  return {
    method,
    settings: describeMethod(method).settings(options),
    layers,
    lrp: method === 'lrp' ? lrp : undefined,
    patterns: options.patterns && Object.fromEntries(options.patterns)
  }
}

function checkLayer(model: Model, name: string): void {
  const names = model.graph.nodes.map((node) => node.name)
  if (!names.includes(name)) throw unknownName('layer', name, names)
}
