import { argmax, mostSaid, probabilities, twoClasses } from '../../core/logits.js'
import { sizeOf, type Tensor } from '../../core/tensor.js'
import type { Model } from '../../model/model.js'
import { outline, type Outline } from '../../plot/overlay.js'

/** What an explanation explains: a logit, a dense region's logits, a box's score, a cosine similarity, or a given seed. */
export type TargetKind = 'logit' | 'region' | 'box' | 'similarity' | 'seed'

interface Explained {
  kind: TargetKind
  logits: Tensor
  targets: Int32Array
  scores: Float64Array
  boxes?: Int32Array
  regions?: { data: Uint8Array; shape: number[] }
}

/** What the network says of an image as a whole. */
export interface Prediction {
  /** The predicted class; of a dense output the class of most positions. */
  predicted?: number
  /** Its name, where classes have names. */
  predictedName?: string
  /** Its probability. */
  confidence?: number
  /** Dense outputs: share of the positions that the network gives to the predicted class. */
  share?: number
  /** What a regression predicts. */
  outputs?: number[]
}

/** What the network predicts for image `i`; nothing where its output is an embedding or boxes. */
export function predictionOf(model: Model, { kind, logits }: Explained, i: number): Prediction {
  const size = sizeOf(logits.shape.slice(1))
  const own = { data: logits.data.subarray(i * size, (i + 1) * size), shape: [1, ...logits.shape.slice(1)] }
  if (model.task === 'regression') return logits.shape.length === 2 ? { outputs: Array.from(own.data) } : {}
  if (kind === 'similarity' || kind === 'box' || logits.shape.length === 3) return {}
  if (logits.shape.length > 3) {
    const { index, share } = mostSaid(own)
    return { predicted: index, ...named(model, index), share }
  }
  const row = twoClasses(own)
  const predicted = argmax(row)[0]!
  const isOwn = model.multilabel && logits.shape[1]! > 1
  return { predicted, ...named(model, predicted), confidence: probabilities(row, isOwn)[predicted]! }
}

const named = (model: Model, index: number): { predictedName?: string } =>
  model.classes ? { predictedName: model.className(index) } : {}

/** The prediction in words. */
export function predictionText(model: Model, explained: Explained, i: number): string {
  const { predicted, confidence, share, outputs } = predictionOf(model, explained, i)
  if (outputs) {
    const values = outputs.map((value, output) => `${model.className(output)} ${value.toPrecision(4)}`)
    return `predicted ${values.join(', ')}`
  }
  if (predicted === undefined) return `${explained.kind} ${explained.scores[i]!.toPrecision(4)}`
  const much = share === undefined ? `${(confidence! * 100).toFixed(1)} %` : `${percent(share)} of the positions`
  return `predicted ${model.className(predicted)} (${much})`
}

/** What one map explains, in words: `cat`, `cat in 12.0 % of the positions`, `cat in box 7`. `at`: explanation by explanation. */
export function targetText(model: Model, explained: Explained, at: number): string {
  const { kind, targets, boxes, regions } = explained
  if (kind === 'similarity' || kind === 'seed') return `the ${kind}`
  const name = model.className(targets[at]!)
  if (boxes) return `${name} in box ${boxes[at]}`
  return regions ? `${name} in ${percent(insideShare(regions, at))} of the positions` : name
}

const percent = (share: number): string => `${(share * 100).toFixed(1)} %`

/** Share of the positions that lie in a region. */
export function insideShare({ data, shape }: NonNullable<Explained['regions']>, at: number): number {
  const size = sizeOf(shape.slice(2))
  return data.subarray(at * size, (at + 1) * size).reduce((sum, inside) => sum + inside, 0) / size
}

/** Where the region of one map lies, as a line on the image; none where it is empty or everything. */
export function regionOutline({ regions }: Explained, at: number, imageShape: number[]): Outline[] {
  if (regions?.shape.length !== 4 || imageShape.length !== 3) return []
  const [height, width] = regions.shape.slice(2) as [number, number]
  const [rows, columns] = imageShape.slice(1) as [number, number]
  const inside = new Uint8Array(rows * columns)
  for (let y = 0; y < rows; y++) {
    const row = at * height * width + Math.floor((y * height) / rows) * width
    for (let x = 0; x < columns; x++) inside[y * columns + x] = regions.data[row + Math.floor((x * width) / columns)]!
  }
  return inside.includes(0) ? outline(inside, rows, columns) : []
}
