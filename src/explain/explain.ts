import { batchFor, shareOfImages } from '../distributed/process-group.js'
import { LrpError } from '../core/errors.js'
import { sizeOf, type Tensor } from '../core/tensor.js'
import { rowsOfBatch } from '../model/further-inputs.js'
import { isOfFile, withChannelsFirst, withChannelsLast } from '../model/layout.js'
import { checkModel, checkTensor } from '../model/check-arguments.js'
import type { Model } from '../model/model.js'
import { callNative, type AttributePass, type AttributeResult, type NodeRule } from '../native/addon.js'
import { baselineOf } from './baseline.js'
import { concatenate, sharesOf, sliceBatch } from './batches.js'
import { conservationErrors, magnitudesOf, unexplainedOf, warningsOf } from './conservation.js'
import { describeMethod } from './methods.js'
import type { ExplainOptions } from './options.js'
import { defaultBatchSize } from './pass-size.js'
import { prepare, type GivenOptions, type Prepared } from './prepare.js'
import { isBinary } from './targets/classes.js'
import type { TargetKind } from './targets/describe.js'
import { planTarget } from './targets/plan.js'

/** Return value of `explain`: relevance, logits, targets, and measures of conservation. */
export interface Explanation extends AttributeResult {
  /**
   * Kind of target: a logit, the logits of a region, the score of a box, a similarity, or a given initial relevance
   * (`seed`).
   */
  kind: TargetKind
  /**
   * Conservation error |sum of relevance - start| / |start|, where start is the initial relevance: [targets, batch];
   * empty for methods other than LRP.
   */
  conservationError: Float64Array
  /**
   * For the first map of each image, the sum of |relevance| divided by the initial relevance or the largest |logit|,
   * whichever is larger; empty for methods other than LRP.
   */
  magnitude: Float64Array
  /**
   * Relevance that neither reached the input nor was absorbed by biases or stabilisers, divided by the same reference
   * value as `magnitude`; only with `conservation`.
   */
  unexplained: Float64Array
  /** Notes on the explanation, for example if a map contains far more or far less relevance than the output. */
  warnings: string[]
  /** The rule of every node; empty for methods other than LRP. */
  rules: NodeRule[]
  /** Name of the rule, composite or method. */
  name: string
}

/**
 * Explains a prediction: computes the relevance of every input value for the explained class, by LRP or another method.
 * @param input preprocessed input [batch, ...] of any batch size, in the layout of the network or of its file; the map
 * has the same layout
 * @throws LrpError INVALID_ARGUMENT (unknown names, targets that do not exist), UNSUPPORTED (no published rule exists
 * for a node), NUMERIC (the input is not finite), ABORTED
 */
export async function explain(model: Model, input: Tensor, options: ExplainOptions = {}): Promise<Explanation> {
  checkModel(model)
  checkTensor(input)
  if (isOfFile(model, input)) {
    const explained = await explain(model, withChannelsFirst(input), options)
    return { ...explained, relevance: withChannelsLast(explained.relevance) }
  }
  return explainPrepared(await prepare(model, options), input)
}

async function explainPrepared({ model, given, name, rules, settings }: Prepared, input: Tensor): Promise<Explanation> {
  checkInput(model, input)
  const { method, group, signal, onProgress } = given
  const total = input.shape[0]!
  const fixed = model.fixedBatch(input)
  const batchSize = fixed ?? given.batchSize ?? batchFor(defaultBatchSize(model), total, group)
  const [first, last] = shareOfImages(total, batchSize, group)
  const target = await planTarget(model, given, input)
  const whole = { ...input, inputs: rowsOfBatch(model.parts, input) }
  const { baseline: hasBaseline, imageByImage } = describeMethod(method)
  const isTogether = fixed !== undefined || imageByImage
  const parts: AttributeResult[] = []
  for (let from = first; from < last; from += batchSize) {
    const to = Math.min(last, from + batchSize)
    const passes: AttributePass[] = []
    for (const [begin, end] of sharesOf(from, to, isTogether ? 1 : model.handle.passesFor(to - from))) {
      const images = sliceBatch(whole, begin, end)
      const baseline = hasBaseline && (await baselineOf(model, images, given.baseline))
      passes.push({ ...settings, images, baseline, target: target(begin, end), inputs: images.inputs })
    }
    parts.push(...(await callNative((_, cancel) => model.handle.attribute(passes, { cancel }), signal)))
    onProgress?.(to - first, last - first)
  }
  const joined = concatenate(group ? (await group.gather(parts)).flat() : parts)
  const isWhole = method === 'lrp' && !given.concepts
  const none = new Float64Array(0)
  const magnitude = isWhole ? magnitudesOf(joined, given) : none
  return {
    ...joined,
    name,
    rules: rules.map((rule) => ({ ...rule, parameters: { ...rule.parameters } })), // the caller may change them
    attention: given.attentionHeads ? joined.attention : [],
    kind: kindOf(given, joined),
    conservationError: isWhole ? conservationErrors(joined) : none,
    magnitude,
    unexplained: isWhole && given.topK === undefined ? unexplainedOf(joined, given) : none,
    warnings: [...notesOn(model, joined, given), ...(isWhole ? warningsOf(joined, magnitude, rules, given) : [])]
  }
}

/** What is explained, if it may not be what the reader expects. */
function notesOn(model: Model, result: AttributeResult, given: GivenOptions): string[] {
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
  const isShares = (row: Float32Array): boolean =>
    row.every((value) => value >= 0) && Math.abs(row.reduce((sum, value) => sum + value, 0) - 1) < 1e-4
  let areShares = true
  for (let at = 0; at < images * classes && areShares; at += classes)
    areShares = isShares(data.subarray(at, at + classes))
  return areShares
    ? ['the outputs add up to 1 like probabilities, so the initial relevance is a probability and not a logit']
    : []
}

function kindOf({ outputRelevance, reference }: GivenOptions, { boxes, regions }: AttributeResult): TargetKind {
  if (outputRelevance) return 'seed'
  if (reference !== undefined) return 'similarity'
  return boxes ? 'box' : regions ? 'region' : 'logit'
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
