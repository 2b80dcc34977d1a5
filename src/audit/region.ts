import { peakOf } from './find-patterns.js'
import type { ImageShape, Pattern } from './pattern.js'

/** The square, a quarter of the image's side, in which a cluster's relevance is strongest on average. */
export function regionOf(maps: Float32Array[], [channels, rows, columns]: ImageShape): Pattern {
  const mean = new Float32Array(rows * columns)
  for (const map of maps) map.forEach((value, i) => (mean[i]! += value / maps.length))
  const [y, x] = peakOf(mean, rows, columns)
  const [height, width] = [Math.max(1, Math.round(rows / 4)), Math.max(1, Math.round(columns / 4))]
  const within = (centre: number, side: number, whole: number): number =>
    Math.max(0, Math.min(whole - side, centre - Math.floor(side / 2)))
  return {
    height,
    width,
    place: { top: within(y, height, rows), left: within(x, width, columns) },
    mask: new Uint8Array(height * width).fill(1),
    content: new Uint8Array(channels * height * width)
  }
}
