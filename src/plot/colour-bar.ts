import { heatmap, type HeatmapOptions, type Picture } from './picture.js'

const BAR = { width: 101, height: 12 }

/** All colours of a scale, from the lowest on the left to the highest on the right; the scale is about zero, or `asymmetric`. */
export function colourBar({ colourMap, asymmetric, scale }: HeatmapOptions & { scale: number }): Picture {
  const row = Float32Array.from({ length: BAR.width }, (_, x) => scale * ((2 * x) / (BAR.width - 1) - 1))
  const values = Float32Array.from({ length: BAR.width * BAR.height }, (_, i) => row[i % BAR.width]!)
  return heatmap(values, [1, BAR.height, BAR.width], { colourMap, asymmetric, scale })
}
