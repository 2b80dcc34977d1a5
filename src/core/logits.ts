import { sizeOf, type Tensor } from './tensor.js'

function softmax(logits: Tensor): Float64Array {
  const [images, classes] = logits.shape as [number, number]
  const result = new Float64Array(images * classes)
  for (let i = 0; i < images; i++) {
    const row = logits.data.subarray(i * classes, (i + 1) * classes)
    const largest = Math.max(...row)
    let sum = 0
    for (let c = 0; c < classes; c++) sum += result[i * classes + c] = Math.exp(row[c]! - largest)
    for (let c = 0; c < classes; c++) result[i * classes + c]! /= sum
  }
  return result
}

/** Index of the largest value of each row; the first of equal ones. */
export function argmax(logits: Tensor): Int32Array {
  const [images, classes] = logits.shape as [number, number]
  const result = new Int32Array(images)
  for (let i = 0; i < images; i++) {
    let best = 0
    for (let c = 1; c < classes; c++) if (logits.data[i * classes + c]! > logits.data[i * classes + best]!) best = c
    result[i] = best
  }
  return result
}

/** Probabilities of [images, classes] logits: their softmax; of a single logit and of independent classes, their sigmoids. */
export function probabilities(logits: Tensor, multilabel = false): Float64Array {
  const isOwn = multilabel || logits.shape[1] === 1
  return isOwn ? Float64Array.from(logits.data, (logit) => 1 / (1 + Math.exp(-logit))) : softmax(logits)
}

/** Predicted class of each row: that of the largest logit; of a single logit 1 where it is positive, otherwise 0. */
export function decisions(logits: Tensor): Int32Array {
  return logits.shape[1] === 1 ? Int32Array.from(logits.data, (logit) => Number(logit > 0)) : argmax(logits)
}

/**
 * The class of each position of a dense output [images, classes, ...space], image by image: that of the largest logit; of
 * a single logit 1 where it is positive, otherwise 0.
 */
export function positionClasses({ data, shape }: Tensor): Int32Array {
  const [images, classes] = shape as [number, number]
  const size = sizeOf(shape.slice(2))
  const result = new Int32Array(images * size)
  for (let i = 0; i < images; i++) {
    for (let at = 0; at < size; at++) {
      const first = i * classes * size + at
      let best = 0
      for (let c = 1; c < classes; c++) if (data[first + c * size]! > data[first + best * size]!) best = c
      result[i * size + at] = classes === 1 ? Number(data[first]! > 0) : best
    }
  }
  return result
}

/** The class that most positions of one dense output have, and their share. */
export function mostSaid(output: Tensor): { index: number; share: number } {
  const positions = positionClasses(output)
  const counts = new Uint32Array(Math.max(2, output.shape[1]!))
  for (const index of positions) counts[index]!++
  const index = counts.indexOf(Math.max(...counts))
  return { index, share: counts[index]! / positions.length }
}

/** A single logit z per row as the logits 0 and z of two classes, whose softmax is the sigmoid of z; others as they are. */
export function twoClasses(logits: Tensor): Tensor {
  const [images, outputs] = logits.shape as [number, number]
  if (outputs !== 1) return logits
  const data = new Float32Array(2 * images)
  logits.data.forEach((logit, i) => (data[2 * i + 1] = logit))
  return { data, shape: [images, 2] }
}
