import { heatmap, type HeatmapOptions, type Picture } from './picture.js'

const BAR = { width: 101, height: 12 }

/** All colours of a scale, from the lowest on the left to the highest on the right; the scale is about zero, or `asymmetric`. */
export function colourBar({ colourMap, asymmetric, scale }: HeatmapOptions & { scale: number }): Picture {
  const row = Float32Array.from({ length: BAR.width }, (_, x) => scale * ((2 * x) / (BAR.width - 1) - 1))
  const { data } = heatmap(row, [1, 1, BAR.width], { colourMap, asymmetric, scale })
  const rows = new Uint8Array(BAR.height * data.length)
  for (let y = 0; y < BAR.height; y++) rows.set(data, y * data.length)
  return { data: rows, ...BAR }
}
