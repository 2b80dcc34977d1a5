import type { Graph, OutputKind } from '../core/graph.js'
import type { NodeRule } from '../native/addon.js'
import type { RecordedSettings } from '../core/command-line.js'
import { digest } from '../core/digest.js'
import type { Tensor } from '../core/tensor.js'
import type { InputKind } from '../model/input-kind.js'
import type { Model } from '../model/model.js'
import type { Provenance } from '../model/provenance.js'
import { summariseAttention, type AttentionSummary } from './attention.js'
import type { RecordedCall } from './call.js'
import type { Explanation } from './explain.js'
import type { Batch } from './inputs.js'
import {
  countedTargets,
  explainedText,
  insideShare,
  predictionOf,
  predictionText,
  targetCount,
  type Asked,
  type Prediction
} from './targets/describe.js'
import { judge, worst, type Trust, type TrustMeasures } from './trust.js'

/** One image in `explain.json`. */
export interface ImageSummary extends Prediction {
  name: string
  /** The image's file, if it is a file. */
  path?: string
  /** Explained classes; -1 if a reference or a seed is explained. */
  target: number[]
  /** What is explained, in words: `cat in box 7`. */
  explained: string[]
  /** Names of the explained classes, if the classes have names. */
  targetNames?: string[]
  /** Classes with which the explained ones are compared. */
  against?: number[]
  /** The explained numbers: a logit, a region's sum of logits, a box's score, a similarity. */
  score: number[]
  /** Explained boxes of a detection head. */
  box?: number[]
  /** Dense outputs: share of the positions in the explained region, 0 to 1. */
  region?: number[]
  label?: number
  /** Sum of the relevance of all inputs, for each target. */
  sumOfRelevance: number[]
  /** If several inputs are explained: sum of the relevance of each further input, by its name. */
  inputs?: Record<string, number[]>
  /** |sum of relevance - start| / |start| for each target; LRP only. */
  conservationError: number[]
  /** SHA-256 of the preprocessed input. */
  inputSha256: string
  /** SHA-256 of the relevance of all its maps. */
  mapSha256: string
  /** Relevance of tokens and heads; only with `attentionHeads`. */
  attention?: AttentionSummary[]
}

/** The content of `explain.json`. */
export interface ExplainSummary {
  /** Name of the rule, composite or other method. */
  method: string
  /** The layer whose channels grad-cam weights. */
  camLayer?: string
  /** Options of the call, by the names of their flags. */
  settings: RecordedSettings
  /** The call that `explainAgain` repeats. */
  call: RecordedCall
  /** Name of the model. */
  model: string
  /** Kind of the inputs, for example images. */
  inputKind: InputKind
  /** The final softmax or sigmoid of the network, which was removed. */
  removed?: Model['removed']
  /** The explained output: its node, its shape without the batch, and its meaning. */
  output: { node: string; shape: number[]; kind: OutputKind }
  /** Device that computed the explanation: `cpu` or `cuda:n`. */
  device: string
  /** One entry for each image. */
  images: ImageSummary[]
  /** The rule of every node with its parameters; empty for methods other than LRP. */
  rules: Record<string, string>
  /** For each layer, the mean over images for the first target: relevance received, propagated and absorbed. */
  layers: Record<string, LayerMeans>
  /** Explained classes, [targets, images], row-major. */
  target: number[]
  /**
   * Mean conservation error over images and targets: |sum of relevance - start| / |start|, where start is the initial
   * relevance.
   */
  conservationError: number
  /** Time of the explanations in milliseconds, without reading and drawing images. */
  milliseconds: number
  /** Notes on the explanation, for example if a map contains far more or far less relevance than the output. */
  warnings: string[]
  /** How far you can trust the maps; only for LRP. */
  trust?: Trust
  /** Files of this explanation, relative to its folder, without `explain.json` itself. */
  files: string[]
  /** Version of lrp-native, SHA-256 of the model, precision and preprocessing. */
  provenance: Provenance
}

interface LayerMeans {
  sum: number
  propagated: number
  absorbedByBias: number
  absorbedByStabiliser: number
}

/** The part of a summary that one pass over some images adds; plain JSON. */
export interface PassSummary {
  /** Files that the pass wrote, relative to the folder. */
  files: string[]
  /** The layer whose channels grad-cam weights. */
  camLayer?: string
  /** Shape of the output, without the batch. */
  outputShape: number[]
  images: ImageSummary[]
  /** Sums over the images. */
  layers: Record<string, LayerMeans>
  milliseconds: number
  warnings: string[]
  /** The largest measures of the images; LRP only. */
  trust?: Pick<TrustMeasures, 'magnitude' | 'unexplained'>
}

export function summarisePass(
  model: Model,
  batch: Batch,
  explanation: Explanation,
  milliseconds: number,
  asked: Asked = {}
): Omit<PassSummary, 'files'> {
  const images = batch.names.length
  const maps = explanation.relevance.data.length / batch.input.data.length
  const { boxes, regions, kind, against } = explanation
  const further = Object.entries(explanation.inputs)
  const isClasses = model.classes && !model.givesValues && kind !== 'similarity' && kind !== 'seed'
  const perMap = <T>(pick: (index: number) => T, i: number): T[] =>
    Array.from({ length: maps }, (_, t) => pick(t * images + i))
  const count = targetCount(explanation)
  const isTogether = count > maps
  const together = `${countedTargets(model, count)} together`
  const size = batch.input.data.length / images
  const mapOf = (index: number): Float32Array => explanation.relevance.data.subarray(index * size, (index + 1) * size)
  const total = (values: Float64Array): number => values.reduce((all, value) => all + value, 0)
  return {
    ...(explanation.layer && { camLayer: explanation.layer }),
    outputShape: explanation.logits.shape.slice(1),
    milliseconds,
    warnings: explanation.warnings,
    ...(explanation.magnitude.length > 0 && {
      trust: {
        magnitude: worst(explanation.magnitude),
        ...(explanation.unexplained.length > 0 && { unexplained: worst(explanation.unexplained) })
      }
    }),
    layers: Object.fromEntries(
      explanation.conservation.map((layer) => [
        layer.node,
        {
          sum: total(layer.arriving),
          propagated: total(layer.propagated),
          absorbedByBias: total(layer.absorbedByBias),
          absorbedByStabiliser: total(layer.absorbedByStabiliser)
        }
      ])
    ),
    images: batch.names.map((name, i) => ({
      name,
      ...(batch.paths && { path: batch.paths[i]! }),
      ...predictionOf(model, explanation, i),
      target: perMap((index) => explanation.targets[index]!, i),
      explained: isTogether ? [together] : perMap((index) => explainedText(model, explanation, index, asked), i),
      ...(isClasses && {
        targetNames: perMap((index) => model.className(explanation.targets[index]!), i)
      }),
      ...(against && { against: perMap((index) => against[index]!, i) }),
      score: perMap((index) => explanation.scores[index]!, i),
      ...(boxes && { box: perMap((index) => boxes[index]!, i) }),
      ...(regions && { region: perMap((index) => insideShare(regions, index), i) }),
      ...(batch.labels && { label: batch.labels[i]! }),
      sumOfRelevance: perMap((index) => explanation.sums[index]!, i),
      ...(further.length > 0 && {
        inputs: Object.fromEntries(
          further.map(([name, one]) => [name, perMap((index) => sumOfMap(one, maps, images, index), i)])
        )
      }),
      conservationError:
        explanation.conservationError.length > 0 ? perMap((index) => explanation.conservationError[index]!, i) : [],
      inputSha256: inputHash(batch.input, i),
      mapSha256: digest(perMap(mapOf, i)),
      ...(explanation.attention.length > 0 && { attention: summariseAttention(explanation.attention, i) })
    }))
  }
}

/** SHA-256 of image `i` of a preprocessed batch. */
export function inputHash({ data, shape }: Tensor, i: number): string {
  const size = data.length / shape[0]!
  return digest([shape.slice(1), data.subarray(i * size, (i + 1) * size)])
}

/** Sum of one map of [maps, images] consecutive maps. */
function sumOfMap({ data }: Tensor, maps: number, images: number, index: number): number {
  const size = data.length / (maps * images)
  return data.subarray(index * size, (index + 1) * size).reduce((total, value) => total + value, 0)
}

/** Combines the summaries of all passes. */
export function summarise(
  model: Model,
  { name, rules }: Pick<Explanation, 'name' | 'rules'>,
  passes: PassSummary[],
  asking: Pick<ExplainSummary, 'settings' | 'call'>,
  provenance: Provenance,
  checked?: Trust
): ExplainSummary {
  const images = passes.flatMap((pass) => pass.images)
  const errors = images.flatMap(({ conservationError }) => conservationError)
  const milliseconds = passes.reduce((sum, pass) => sum + pass.milliseconds, 0)
  const mean = (node: string, key: keyof LayerMeans): number =>
    passes.reduce((sum, { layers }) => sum + layers[node]![key], 0) / images.length
  const maps = images[0]?.target.length ?? 0
  const { camLayer, outputShape: shape = [] } = passes[0] ?? {}
  const trust = trustOf(passes, checked)
  return {
    method: name,
    ...(camLayer && { camLayer }),
    model: model.name,
    inputKind: model.inputKind,
    ...(model.removed && { removed: model.removed }),
    output: { node: model.graph.output, shape, kind: model.outputKind(shape[0] ?? 0) },
    device: model.device,
    target: Array.from({ length: maps }, (_, t) => images.map(({ target }) => target[t]!)).flat(),
    conservationError: errors.reduce((sum, error) => sum + error, 0) / Math.max(1, errors.length),
    milliseconds: Math.round(milliseconds * 1000) / 1000,
    warnings: [...new Set(passes.flatMap(({ warnings }) => warnings))],
    rules: rulesByNode(rules),
    layers: Object.fromEntries(
      Object.keys(passes[0]?.layers ?? {}).map((node) => [
        node,
        {
          sum: mean(node, 'sum'),
          propagated: mean(node, 'propagated'),
          absorbedByBias: mean(node, 'absorbedByBias'),
          absorbedByStabiliser: mean(node, 'absorbedByStabiliser')
        }
      ])
    ),
    images,
    files: passes.flatMap(({ files }) => files),
    ...(trust && { trust }),
    ...asking,
    provenance
  }
}

/** The verdict on all images, including the checks of a few of them. */
function trustOf(passes: PassSummary[], checked?: Trust): Trust | undefined {
  const measured = passes.flatMap(({ trust }) => trust ?? [])
  if (measured.length === 0) return checked
  const unexplained = measured.flatMap((one) => one.unexplained ?? [])
  return judge({
    ...(checked && { rounding: checked.rounding, gradient: checked.gradient, unequal: checked.unequal }),
    magnitude: worst(measured.map(({ magnitude }) => magnitude)),
    ...(unexplained.length > 0 && { unexplained: worst(unexplained) })
  })
}

/**
 * The text of `explain.json`, with layers in order of execution; objects do not keep this order for names that are
 * numbers.
 */
export function summaryJson({ nodes }: Graph, summary: ExplainSummary): string {
  const MARK = '\u0001'
  const inOrder = <T>(record: Record<string, T>): Record<string, T> =>
    Object.fromEntries(nodes.filter(({ name }) => name in record).map(({ name }) => [MARK + name, record[name]!]))
  const ordered = { ...summary, rules: inOrder(summary.rules), layers: inOrder(summary.layers) }
  return `${JSON.stringify(ordered, null, 2).replaceAll('"\\u0001', '"')}\n`
}

/** The prediction in words: `predicted castle (38.8 %)`; the explained score if nothing is predicted. */
export function describePrediction(image: ImageSummary): string {
  return predictionText(image, image.score)
}

/** More targets than this are not listed. */
const MOST_LISTED = 4

/** The same with what is explained: `predicted castle (38.8 %), explained tower`. */
export function describeImage(image: ImageSummary): string {
  const { explained } = image
  const listed =
    explained.length <= MOST_LISTED
      ? explained.join(', ')
      : `${explained.slice(0, 2).join(', ')} and ${explained.length - 2} more`
  return `${describePrediction(image)}, explained ${listed}`
}

/** The rule of every node, in order of execution. */
export function rulesByNode(rules: readonly NodeRule[]): Record<string, string> {
  return Object.fromEntries(rules.map((rule) => [rule.node, describeRule(rule)]))
}

/** A rule with its parameters in words: `epsilon(epsilon=1e-6)`. */
export function describeRule(rule: Pick<NodeRule, 'name' | 'rule' | 'parameters'>): string {
  const parameters = Object.entries(rule.parameters).map(
    ([name, value]) => `${name}=${Array.isArray(value) ? `[${value.join(', ')}]` : String(value)}`
  )
  const name = rule.name ?? rule.rule
  return parameters.length > 0 ? `${name}(${parameters.join(', ')})` : name
}
