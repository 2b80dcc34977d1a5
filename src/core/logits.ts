import type { Tensor } from './tensor.js'

/** Probabilities of [images, classes] logits. */
export function softmax(logits: Tensor): Float64Array {
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
  return Int32Array.from({ length: images }, (_, i) => {
    let best = 0
    for (let c = 1; c < classes; c++) if (logits.data[i * classes + c]! > logits.data[i * classes + best]!) best = c
    return best
  })
}
