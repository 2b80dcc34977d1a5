import { sharp } from '../core/sharp.js'
import { maskAt, type ImageShape, type Pattern } from './pattern.js'

/** The file of a flagged cluster's pattern. */
export function patchName(className: string, cluster: number): string {
  return `patch-${className.replace(/[^\w.-]+/g, '_')}-${cluster}.png`
}

/** A pattern as PNG, transparent but for its pixels: as large as the images where it has a place, else as its box. */
export async function patchPng(pattern: Pattern, shape: ImageShape): Promise<Buffer> {
  const { place, content, height, width } = pattern
  const at = place ?? { top: 0, left: 0 }
  const [rows, columns] = place ? [shape[1], shape[2]] : [height, width]
  const mask = place ? maskAt(pattern, shape, at) : pattern.mask
  const data = new Uint8Array(4 * rows * columns)
  mask.forEach((inside, i) => {
    if (!inside) return
    const own = (Math.floor(i / columns) - at.top) * width + (i % columns) - at.left
    for (let c = 0; c < 3; c++) data[4 * i + c] = content[Math.min(c, shape[0] - 1) * height * width + own]!
    data[4 * i + 3] = 255
  })
  return sharp(data, { raw: { width: columns, height: rows, channels: 4 } })
    .png()
    .toBuffer()
}
