import type { Model } from '../../model/model.js'
import { valueRange } from '../images.js'
import type { Fill } from './fills.js'

/** Values this close to black or white, as a share of the range between, are the same. */
const CLOSE = 1e-4

/** Share of the pixels that have the colour of the fill already; 0 for a fill that is not black or white. */
export function shareFilled(model: Model, images: Float32Array[], fill: Fill): number {
  const { low, high } = valueRange(model)
  const wanted = fill === 'white' ? high : fill === 'black' || fill === 'zero' ? low : undefined
  if (!wanted || images.length === 0) return 0
  const plane = images[0]!.length / wanted.length
  let count = 0
  for (const image of images)
    for (let i = 0; i < plane; i++) {
      const isFilled = wanted.every(
        (value, c) => Math.abs(image[c * plane + i]! - value) <= CLOSE * (high[c]! - low[c]!)
      )
      if (isFilled) count++
    }
  return count / (images.length * plane)
}
