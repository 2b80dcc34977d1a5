import { coloursOf, drawnPicture } from './drawn.js'
import type { HeatmapOptions, Picture } from './picture.js'
import { fitText, textPath } from './text.js'

const WIDTH = 410
const ROW = 18
const NAMES = 160
const NUMBERS = 66
const MOST_ROWS = 30

/**
 * A row of numbers as a bar chart: the value of each column, or its relevance in colour. If there are more than 30
 * columns, those with the largest magnitudes are shown, in their order.
 */
export function barsPicture(
  names: (column: number) => string,
  values: Float32Array,
  relevance?: Float32Array,
  options: HeatmapOptions = {}
): Promise<Picture> {
  const shown = relevance ?? values
  const columns = strongestColumns(shown, MOST_ROWS)
  const largest = columns.reduce((most, i) => Math.max(most, Math.abs(shown[i]!)), 0)
  const colour = relevance && coloursOf(relevance, options)
  const room = WIDTH - NAMES - NUMBERS - 16
  const signed = columns.some((i) => shown[i]! < 0)
  const zero = NAMES + (signed ? room / 2 : 0)
  const text = (content: string, x: number, y: number, anchor: 'start' | 'end'): string =>
    `<path d="${textPath(content, x, y + 13, 11, anchor)}" fill="#222"/>`
  const rows = columns.map((i, k) => {
    const [value, y] = [shown[i]!, k * ROW]
    const width = largest > 0 ? (Math.abs(value) / largest) * (signed ? room / 2 : room) : 0
    const left = value < 0 ? zero - width : zero
    const bar = `<rect x="${left.toFixed(2)}" y="${y + 3}" width="${width.toFixed(2)}" height="${ROW - 5}" fill="${colour?.(value) ?? '#999'}" stroke="#777" stroke-width="0.5"/>`
    const name = fitText(names(i), 11, NAMES - 10)
    return text(name, NAMES - 6, y, 'end') + bar + text(value.toPrecision(3), WIDTH - 6, y, 'end')
  })
  const axis = `<path d="M${zero} 0V${columns.length * ROW}" stroke="#777" stroke-width="1"/>`
  const left = values.length - columns.length
  const note = left > 0 ? text(`${left} weaker columns are not shown`, 6, columns.length * ROW, 'start') : ''
  return drawnPicture(WIDTH, (columns.length + (left > 0 ? 1 : 0)) * ROW, rows.join('') + axis + note)
}

function strongestColumns(values: Float32Array, most: number): number[] {
  const all = Array.from(values.keys())
  if (all.length <= most) return all
  const byMagnitude = all.toSorted((a, b) => Math.abs(values[b]!) - Math.abs(values[a]!))
  return byMagnitude.slice(0, most).sort((a, b) => a - b)
}
