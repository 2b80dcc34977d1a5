import type { z } from 'zod'
import { batchFor, shareOfImages } from '../distributed/process-group.js'
import { LrpError } from '../core/errors.js'
import { checkEffects } from '../core/option-effects.js'
import { furtherInputs, rowsOfBatch } from '../model/further-inputs.js'
import { tokenLookups } from '../model/input-kind.js'
import { isOfFile, withChannelsFirst, withChannelsLast } from '../model/layout.js'
import { checkModel, checkTensor, type Model } from '../model/model.js'
import {
  callNative,
  type AttributeOptions,
  type AttributeResult,
  type LrpSettings,
  type NodeRule
} from '../native/addon.js'
import { checkOptions, optionError } from '../core/options.js'
import { withDefaults } from '../rules/catalogue.js'
import { chooseComposite } from '../rules/choose.js'
import { parametersIn } from '../rules/options.js'
import { resolveRules } from '../rules/resolve.js'
import { unknownName } from '../core/suggest.js'
import { sizeOf, type Tensor } from '../core/tensor.js'
import { baselineOf } from './baseline.js'
import { concatenate, sliceBatch } from './batches.js'
import { defaultBatchSize } from './pass-size.js'
import { conservationErrors, magnitudesOf, unexplainedOf, warningsOf } from './conservation.js'
import { alsoComputing, describeMethod, settingsOf } from './methods.js'
import { explainOptions, type ExplainOptions } from './options.js'
import { patternsFor } from './patterns.js'
import type { TargetKind } from './targets/describe.js'
import { isBinary } from './targets/classes.js'
import { flatTarget, withoutHead, type Flat } from './targets/options.js'
import { planTarget } from './targets/plan.js'

/** What `explain` returns: relevance, logits, targets, and how well the sum was conserved. */
export interface Explanation extends AttributeResult {
  /** What is explained: a logit, a dense region's logits, a box's score, a similarity, or a given seed. */
  kind: TargetKind
  /** |sum of relevance - start| / |start|, [targets, batch]; empty without LRP. */
  conservationError: Float64Array
  /**
   * For each image's first map: sum of |relevance| as a multiple of its start, or of the largest logit; empty without
   * LRP.
   */
  magnitude: Float64Array
  /**
   * Relevance that neither reached the input nor was absorbed by biases or stabilisers, as a share of the same; only
   * with `conservation`.
   */
  unexplained: Float64Array
  /** Notes for maps with far more or far less relevance than the output. */
  warnings: string[]
  /** The rule of every node; empty for other methods than LRP. */
  rules: NodeRule[]
  /** Name of the rule, composite or method. */
  name: string
}

type Given = Flat<z.output<typeof explainOptions>>

/**
 * Explains a decision: computes the relevance of every input value for the explained class, by LRP or another method.
 * @param input the preprocessed input [batch, ...] of any batch size, in the network's layout or in that of its file;
 * the map has the same layout
 * @throws LrpError INVALID_ARGUMENT (unknown names, targets that do not exist), UNSUPPORTED (a node no rule is
 * published
 *   for), NUMERIC (input that is not finite), ABORTED
 */
export async function explain(model: Model, input: Tensor, options: ExplainOptions = {}): Promise<Explanation> {
  checkModel(model)
  checkTensor(input)
  if (isOfFile(model, input)) {
    const explained = await explain(model, withChannelsFirst(input), options)
    return { ...explained, relevance: withChannelsLast(explained.relevance) }
  }
  const checked = checkOptions(explainOptions, options)
  const given = flatTarget(checked)
  if (given.head !== undefined) return explain(await model.head(given.head), input, withoutHead(options))
  checkExplainEffects(checked)
  checkInput(model, input)
  checkFurther(model, given)
  const { method, group, signal, onProgress } = given
  const plan = await planOf(model, checked)
  const total = input.shape[0]!
  const batchSize = model.fixedBatch(input) ?? given.batchSize ?? batchFor(await defaultBatchSize(model), total, group)
  const [first, last] = shareOfImages(total, batchSize, group)
  const target = await planTarget(model, given, input)
  const settings = await nativeOptions(model, given, plan.rules)
  const parts: AttributeResult[] = []
  for (let from = first; from < last; from += batchSize) {
    const to = Math.min(last, from + batchSize)
    const batch = sliceBatch(input, from, to)
    const baseline = describeMethod(method).baseline && (await baselineOf(model, batch, given.baseline))
    const native = { ...settings, baseline, target: target(from, to), inputs: rowsOfBatch(model.parts, batch) }
    parts.push(await callNative((_, cancel) => model.handle.attribute(batch, { ...native, cancel }), signal))
    onProgress?.(to - first, last - first)
  }
  const joined = concatenate(group ? (await group.gather(parts)).flat() : parts)
  const isWhole = method === 'lrp' && !given.concepts
  const none = new Float64Array(0)
  const magnitude = isWhole ? magnitudesOf(joined, given) : none
  return {
    ...joined,
    ...plan,
    attention: given.attentionHeads ? joined.attention : [],
    kind: kindOf(given, joined),
    conservationError: isWhole ? conservationErrors(joined) : none,
    magnitude,
    unexplained: isWhole && given.topK === undefined ? unexplainedOf(joined, given) : none,
    warnings: [...notesOn(model, joined, given), ...(isWhole ? warningsOf(joined, magnitude, plan.rules, given) : [])]
  }
}

/** What is explained, if it may not be what the reader expects. */
function notesOn(model: Model, result: AttributeResult, given: Given): string[] {
  const { data, shape } = result.logits
  const { target, targets } = given
  const [images, classes] = shape as [number, number]
  const isUsual = target === 'argmax' && targets === undefined && kindOf(given, result) === 'logit'
  if (shape.length === 2 && isBinary(model, shape) && isUsual && data.some((logit) => logit < 0)) {
    const [first, second] = [model.className(0), model.className(1)]
    return [
      `the single logit belongs to class ${second}: if ${first} is predicted, pass --target ${first} to explain the prediction`
    ]
  }
  if (model.givesValues || model.multilabel || shape.length !== 2 || classes < 2) return []
  // a softmax in a form that is not recognised leaves outputs that are probabilities already
  const areShares = Array.from({ length: images }, (_, i) => data.subarray(i * classes, (i + 1) * classes)).every(
    (row) => row.every((value) => value >= 0) && Math.abs(row.reduce((sum, value) => sum + value, 0) - 1) < 1e-4
  )
  return areShares
    ? ['the outputs add up to 1 like probabilities, so the initial relevance is a probability and not a logit']
    : []
}

function kindOf({ outputRelevance, reference }: Given, { boxes, regions }: AttributeResult): TargetKind {
  if (outputRelevance) return 'seed'
  if (reference !== undefined) return 'similarity'
  return boxes ? 'box' : regions ? 'region' : 'logit'
}

/** @throws LrpError INVALID_ARGUMENT for an option without effect under the method, or under one of those compared */
export function checkExplainEffects(options: ExplainOptions, compared: string[] = []): void {
  const { method = 'lrp', low, high } = options
  checkEffects(explainOptions, options, { method: [method, ...compared] })
  if (low === undefined || high === undefined) return
  const [lows, highs] = [[low].flat(), [high].flat()]
  if (lows.some((value, i) => value >= (highs[i] ?? highs[0]!)))
    throw optionError('low', ` must be smaller than option 'high'`)
}

/** The rules and the name of an explanation, without computing it; methods other than LRP have no rules. */
export async function planOf(model: Model, options: ExplainOptions): Promise<{ name: string; rules: NodeRule[] }> {
  const { method = 'lrp' } = options
  return method === 'lrp' ? rulesOf(model, options) : { name: method, rules: [] }
}

/** The rule of every node for a choice of rules, without explaining anything. */
export async function planRules(model: Model, options: ExplainOptions): Promise<{ name: string; rules: NodeRule[] }> {
  const given = checkOptions(explainOptions, options)
  if (given.method !== 'lrp')
    throw optionError('method', ` must be lrp to show rules, because ${given.method} has none`)
  checkExplainEffects(given)
  return rulesOf(model, given)
}

async function rulesOf(model: Model, options: ExplainOptions): Promise<{ name: string; rules: NodeRule[] }> {
  const composite = await chooseComposite(options)
  const rules = resolveRules(model.graph, composite, {
    inputRange: model.inputRange,
    overrides: parametersIn(options)
  })
  return { name: composite.name, rules }
}

function checkInput(model: Model, input: Tensor): void {
  const wanted = model.graph.inputShape
  const fits =
    input.shape.length === wanted.length &&
    wanted.every((axis, i) => axis === null || (i === 0 ? input.shape[0]! % axis === 0 : axis === input.shape[i]))
  if (fits && input.shape[0]! > 0 && sizeOf(input.shape) === input.data.length) return
  const shape = wanted.map((axis) => axis ?? 'batch').join(', ')
  throw new LrpError(
    'INVALID_ARGUMENT',
    `the input has shape [${input.shape.join(', ')}], but the model needs [${shape}]`
  )
}

/** @throws LrpError UNSUPPORTED if the method cannot explain further inputs */
function checkFurther({ graph }: Model, { method }: Given): void {
  const further = furtherInputs(graph).find(({ explained }) => explained)
  if (!further || alsoComputing('inputs').includes(method)) return
  const who = `${method} computes no relevance for the input '${further.name}'`
  throw new LrpError('UNSUPPORTED', `the method ${who}: load the model without explainInputs`)
}

/** The options that C++ gets, except the target. */
async function nativeOptions(
  model: Model,
  options: Given,
  rules: NodeRule[]
): Promise<Omit<AttributeOptions, 'target' | 'inputs'>> {
  const { method, together = false, start = 'logit', concepts = {}, exclusive = false } = options
  const { channelLayers = [], topK = 1, conservation = false, attentionHeads: attention = false, camLayer } = options
  const layers = options.layers === 'all' ? model.graph.nodes.map((node) => node.name) : (options.layers ?? [])
  const named = [...layers, ...channelLayers, ...Object.keys(concepts), camLayer]
  for (const layer of named) if (layer !== undefined) checkLayer(model, layer)
  const fitted = rules.some(({ rule }) => rule.startsWith('pattern'))
  const patterns = fitted || options.patterns ? await patternsFor(model, options.patterns) : undefined
  const begins: LrpSettings['start'] = start === 'probability' && model.multilabel ? 'sigmoid' : start
  const complete = rules.map(withDefaults)
  const lrp = {
    rules: complete,
    together,
    start: begins,
    concepts,
    exclusive,
    channels: channelLayers,
    topK,
    conservation,
    attention
  }
  return {
    method,
    settings: settingsOf(method, options),
    layers,
    lookups: model.inputKind === 'tokens' ? tokenLookups(model.graph) : undefined,
    lrp: method === 'lrp' ? lrp : undefined,
    patterns: patterns && Object.fromEntries(patterns)
  }
}

function checkLayer(model: Model, name: string): void {
  const names = model.graph.nodes.map((node) => node.name)
  if (!names.includes(name)) throw unknownName('layer', name, names)
}
