import { LrpError } from '../../core/errors.js'
import { decisions, positionClasses, probabilities } from '../../core/logits.js'
import { sizeOf, type Tensor } from '../../core/tensor.js'
import { isBinary, scoreLayout } from '../../explain/targets/classes.js'
import type { Model } from '../../model/model.js'

/** What is explained of an image. It stays the same while the image is perturbed. */
export interface Scored {
  target: number
  /** The class whose logit or score is subtracted. */
  against?: number
  /** Dense outputs: 1 at the positions of the explained region. */
  region?: { data: Uint8Array; shape: number[] }
  /** Detection heads: the explained box. */
  box?: number
  /** The embedding that the output is compared with. */
  reference?: Float32Array
  /** Its row of every further input; it stays as it is. */
  inputs?: Tensor['inputs']
}

/** What the network says of it. */
export interface Said {
  /** The logit, or the difference of two; a region's mean logit, a box's score, a similarity. */
  logit: number
  /** Its probability, of two that are compared the one among the two, mean over a region; boxes and similarities have none but
   * their score. */
  probability: number
  /** The predicted class, of a region the one at most of its positions. */
  predicted: number
}

/** Reads what is explained from outputs [images, ...]. @throws LrpError UNSUPPORTED for outputs of other shapes */
export function reader(model: Model, output: Tensor): (i: number, scored: Scored) => Said {
  const size = sizeOf(output.shape.slice(1))
  const own = (i: number): Tensor => ({
    data: output.data.subarray(i * size, (i + 1) * size),
    shape: [1, ...output.shape.slice(1)]
  })
  if (output.shape.length === 2) {
    const [rows, predicted] = [probabilities(output, model.multilabel), decisions(output)]
    const isSingle = isBinary(model, output.shape)
    return (i, { target, against, reference }) => {
      if (reference) return similarity(own(i).data, reference)
      if (isSingle) return { ...ofTwo(output.data[i]!, target), predicted: predicted[i]! }
      const at = i * size + target
      if (against !== undefined) {
        const logit = output.data[at]! - output.data[i * size + against]!
        return { logit, probability: sigmoid(logit), predicted: predicted[i]! }
      }
      return { logit: output.data[at]!, probability: rows[at]!, predicted: predicted[i]! }
    }
  }
  return (i, { target, against, region, box }) => {
    if (box !== undefined) return inBox(model, own(i), box, target, against)
    if (region) return inRegion(model, own(i), region.data, target, against)
    throw new LrpError('UNSUPPORTED', `an output of shape [${output.shape.join(', ')}] needs the option region or box`)
  }
}

function similarity(embedding: Float32Array, reference: Float32Array): Said {
  const dot = (a: Float32Array, b: Float32Array): number => a.reduce((sum, value, i) => sum + value * b[i]!, 0)
  const lengths = Math.sqrt(dot(embedding, embedding) * dot(reference, reference))
  const cosine = lengths === 0 ? 0 : dot(embedding, reference) / lengths
  return { logit: cosine, probability: cosine, predicted: 0 }
}

/** Of two classes that one logit tells apart. */
function ofTwo(single: number, target: number): Omit<Said, 'predicted'> {
  const logit = target === 0 ? -single : single
  return { logit, probability: sigmoid(logit) }
}

const sigmoid = (logit: number): number => 1 / (1 + Math.exp(-logit))

function inBox(model: Model, { data, shape }: Tensor, box: number, target: number, against?: number): Said {
  const { classes, at } = scoreLayout(model, shape)
  const scores = Array.from({ length: classes }, (_, c) => data[at(c, box)]!)
  const score = scores[target]! - (against === undefined ? 0 : scores[against]!)
  return { logit: score, probability: score, predicted: scores.indexOf(Math.max(...scores)) }
}

/** An empty region has the logit and the probability 0. */
function inRegion(model: Model, output: Tensor, region: Uint8Array, target: number, against?: number): Said {
  const classes = output.shape[1]!
  const places = [...region.keys()].filter((at) => region[at] === 1)
  const rows = new Float32Array(places.length * classes)
  places.forEach((at, k) => {
    for (let c = 0; c < classes; c++) rows[k * classes + c] = output.data[c * region.length + at]!
  })
  const inside = { data: rows, shape: [places.length, classes] }
  const own = probabilities(inside, model.multilabel)
  const mean = (value: (first: number) => number): number =>
    places.reduce((sum, _, k) => sum + value(k * classes), 0) / Math.max(1, places.length)
  const isSingle = isBinary(model, output.shape)
  const logit = (at: number): number =>
    isSingle ? ofTwo(rows[at]!, target).logit : rows[at + target]! - (against === undefined ? 0 : rows[at + against]!)
  const isOwn = !isSingle && against === undefined
  const probability = (at: number): number => (isOwn ? own[at + target]! : sigmoid(logit(at)))
  const counts = new Uint32Array(Math.max(2, classes))
  for (const one of positionClasses({ data: rows, shape: [...inside.shape, 1] })) counts[one]!++
  return { logit: mean(logit), probability: mean(probability), predicted: counts.indexOf(Math.max(...counts)) }
}
