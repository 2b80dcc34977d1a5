import { basename } from 'node:path'
import { argmax, mostSaid, probabilities, twoClasses } from '../../core/logits.js'
import { counted } from '../../core/plural.js'
import { sizeOf, type Tensor } from '../../core/tensor.js'
import type { Model } from '../../model/model.js'
import { outline, type Outline } from '../../plot/overlay.js'
import type { Start } from '../options.js'
import { scoreLayout } from './classes.js'

/**
 * What an explanation explains: a logit, a dense region's logits, a box's score, a cosine similarity, or a given seed.
 */
export type TargetKind = 'logit' | 'region' | 'box' | 'similarity' | 'seed'

interface Explained {
  kind: TargetKind
  logits: Tensor
  targets: Int32Array
  against?: Int32Array
  scores: Float64Array
  boxes?: Int32Array
  regions?: { data: Uint8Array; shape: number[] }
}

/** The prediction for an image. */
export interface Prediction {
  /** Number of the predicted class; for a dense output, the class of most positions. */
  predicted?: number
  /** Its name, where classes have names. */
  predictedName?: string
  /** Its probability. */
  confidence?: number
  /** For independent classes, all labels with a probability above 0.5; `predicted` is the most probable one. */
  labels?: Label[]
  /** Dense outputs: share of the positions with the predicted class, 0 to 1. */
  share?: number
  /** Predicted values of a regression. */
  outputs?: number[]
  /** Names of these values, where they have names. */
  outputNames?: string[]
  /** Of a layer: the unit with the highest value; of a dense layer the channel that is the strongest at most positions. */
  strongest?: number
  /** The value of that unit. */
  value?: number
}

/** One of several independent classes. */
export interface Label {
  class: number
  /** Its name, where classes have names. */
  name?: string
  /** Its probability. */
  confidence: number
}

/** The prediction for image `i`; empty if the output is an embedding or boxes. */
export function predictionOf(model: Model, { kind, logits }: Explained, i: number): Prediction {
  const size = sizeOf(logits.shape.slice(1))
  const own = { data: logits.data.subarray(i * size, (i + 1) * size), shape: [1, ...logits.shape.slice(1)] }
  if (kind === 'similarity' || kind === 'box' || logits.shape.length === 3) return {}
  if (model.isInner) return strongestOf(own)
  if (model.task === 'regression') {
    if (logits.shape.length > 2) return {}
    return { outputs: Array.from(own.data), ...(model.classes && { outputNames: model.classes }) }
  }
  if (logits.shape.length > 3) {
    const { index, share } = mostSaid(own)
    return { predicted: index, ...named(model, index), share }
  }
  const row = twoClasses(own)
  const predicted = argmax(row)[0]!
  const isOwn = model.multilabel && logits.shape[1]! > 1
  const shares = Array.from(probabilities(row, isOwn))
  const labels = shares.flatMap((confidence, index) => (confidence > 0.5 ? [labelOf(model, index, confidence)] : []))
  return {
    predicted,
    ...named(model, predicted),
    confidence: shares[predicted]!,
    ...(isOwn && { labels: labels.sort((a, b) => b.confidence - a.confidence) })
  }
}

function strongestOf(output: Tensor): Prediction {
  if (output.shape.length > 2) {
    const { index, share } = mostSaid(output)
    return { strongest: index, share }
  }
  const strongest = argmax(output)[0]!
  return { strongest, value: output.data[strongest]! }
}

function labelOf(model: Model, index: number, confidence: number): Label {
  return { class: index, ...(model.classes && { name: model.className(index) }), confidence }
}

const named = (model: Model, index: number): { predictedName?: string } =>
  model.classes ? { predictedName: model.className(index) } : {}

/**
 * The prediction in words: `predicted castle (38.8 %)`; the explained score where nothing is predicted.
 * @param what the score is called
 */
export function predictionText(prediction: Prediction, scores: number[], what = 'score'): string {
  const { predicted, predictedName, confidence, share, outputs, outputNames, labels, strongest, value } = prediction
  if (outputs) {
    const values = outputs.map((one, i) => `${outputNames ? `${outputNames[i]} ` : ''}${one.toPrecision(4)}`)
    return `predicted ${values.join(', ')}`
  }
  if (labels) return labelsText(labels)
  const positions = share === undefined ? undefined : `${percent(share)} of the positions`
  if (strongest !== undefined)
    return positions ? `strongest channel ${strongest} (${positions})` : `strongest unit ${strongest} (${value!.toPrecision(4)})` // prettier-ignore
  if (predicted === undefined) return `${what} ${scores.map((score) => score.toPrecision(4)).join(', ')}`
  return `predicted ${predictedName ?? `class ${predicted}`} (${positions ?? percent(confidence ?? 0)})`
}

/** All predicted labels in words: `predicted cat (98.0 %), dog (61.2 %)`. */
function labelsText(labels: Label[]): string {
  const each = labels.map((one) => `${one.name ?? `class ${one.class}`} (${percent(one.confidence)})`)
  return `predicted ${each.join(', ') || 'no label'}`
}

/** What a score is called where nothing is predicted. */
export function scoreNoun(kind: TargetKind): string {
  return kind === 'similarity' || kind === 'seed' ? kind : 'score'
}

/** What an explanation was asked for that its result does not tell. */
export interface Asked {
  reference?: unknown
  start?: Start
}

/** What one map explains, as people read it: `cat`, `class 3`, `the similarity to a.png`. `at`: explanation by explanation. */
export function explainedText(
  model: Model,
  explained: Explained,
  at: number,
  { reference, start }: Asked = {}
): string {
  const isNamed = model.classes !== undefined
  const what = isNamed ? targetText(model, explained, at) : mapTitle(model, explained, at)
  const to = explained.kind === 'similarity' && typeof reference === 'string' ? ` to ${basename(reference)}` : ''
  return `${what}${to}${start === undefined || start === 'logit' ? '' : `, starting from ${start}`}`
}

/** How many targets each image has. */
export function targetCount({ targets, logits }: Explained): number {
  return targets.length / logits.shape[0]!
}

/** `3 classes`, `2 outputs`, `4 channels`. */
export function countedTargets({ outputNoun }: Model, count: number): string {
  return outputNoun === 'class' ? counted(count, 'class', 'classes') : counted(count, outputNoun)
}

/** What one map explains, with what its number is: `class cat`, of a regression `output price`, of a layer `unit 5`. */
export function mapTitle(model: Model, explained: Explained, at: number): string {
  const { kind } = explained
  if (kind === 'similarity' || kind === 'seed') return `the ${kind}`
  return `${model.outputNoun} ${targetText(model, explained, at)}`
}

/**
 * What one map explains, in words: `cat`, `cat against dog`, `cat in 12.0 % of the positions`, `cat in box 7`. `at`:
 * explanation by explanation.
 */
export function targetText(model: Model, explained: Explained, at: number): string {
  const { kind, targets, against, boxes, regions } = explained
  if (kind === 'similarity' || kind === 'seed') return `the ${kind}`
  const own = model.className(targets[at]!)
  const name = against ? `${own} against ${model.className(against[at]!)}` : own
  if (boxes) return `${name} in box ${boxes[at]}`
  return regions ? `${name} ${placesText(regions, at)}` : name
}

/** Of fewer positions than this the number says more than the share. */
const FEW_POSITIONS = 4

/** Where a region lies: `in 12.0 % of the positions`, `at 1 position`. */
function placesText(regions: NonNullable<Explained['regions']>, at: number): string {
  const share = insideShare(regions, at)
  const count = Math.round(share * sizeOf(regions.shape.slice(2)))
  return count < FEW_POSITIONS ? `at ${counted(count, 'position')}` : `in ${percent(share)} of the positions`
}

/** Small shares keep two digits: none is shown as 0. */
const percent = (share: number): string =>
  share > 0 && share < 0.001 ? `${(share * 100).toPrecision(2)} %` : `${(share * 100).toFixed(1)} %`

/** Share of the positions that lie in a region. */
export function insideShare({ data, shape }: NonNullable<Explained['regions']>, at: number): number {
  const size = sizeOf(shape.slice(2))
  return data.subarray(at * size, (at + 1) * size).reduce((sum, inside) => sum + inside, 0) / size
}

/**
 * The border of the explained region or box of one map, as lines on the image; none if it is empty or covers
 * everything.
 */
export function targetOutline(model: Model, explained: Explained, at: number, imageShape: number[]): Outline[] {
  if (imageShape.length !== 3) return []
  const [rows, columns] = imageShape.slice(1) as [number, number]
  const isInside = boxAt(model, explained, at) ?? regionAt(explained, at, rows, columns)
  if (!isInside) return []
  const inside = Uint8Array.from({ length: rows * columns }, (_, i) =>
    Number(isInside(Math.floor(i / columns), i % columns))
  )
  return inside.includes(0) && inside.includes(1) ? outline(inside, rows, columns) : []
}

type IsInside = (y: number, x: number) => boolean

/** Centre, width and height of a box in pixels of the image, as Ultralytics exports it. */
function boxAt(model: Model, { boxes, logits }: Explained, at: number): IsInside | undefined {
  const { corners } = boxes ? scoreLayout(model, logits.shape) : {}
  if (!boxes || !corners) return undefined
  const size = sizeOf(logits.shape.slice(1))
  const first = (at % logits.shape[0]!) * size
  const [cx, cy, width, height] = corners(boxes[at]!).map((place) => logits.data[first + place]!) as [number, number, number, number] // prettier-ignore
  return (y, x) => Math.abs(x + 0.5 - cx) <= width / 2 && Math.abs(y + 0.5 - cy) <= height / 2
}

function regionAt({ regions }: Explained, at: number, rows: number, columns: number): IsInside | undefined {
  if (regions?.shape.length !== 4) return undefined
  const [height, width] = regions.shape.slice(2) as [number, number]
  return (y, x) => {
    const row = at * height * width + Math.floor((y * height) / rows) * width
    return regions.data[row + Math.floor((x * width) / columns)] === 1
  }
}
