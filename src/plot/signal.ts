import { coloursOf, drawnPicture } from './drawn.js'
import type { HeatmapOptions, Picture } from './picture.js'
import { textPath } from './text.js'

const WIDTH = 420
const ROW = 84
const PAD = 8
const LABEL = 16 // height above the line of a channel that is named
const MOST_CHANNELS = 8
const LINE = '#444'

/**
 * Draws signals [channels, length] as lines, a row for each of the first eight channels. The colour of a line shows
 * the relevance, on one scale for all channels.
 */
export function signalPicture(
  values: ArrayLike<number>,
  shape: readonly number[],
  relevance?: Float32Array,
  options: HeatmapOptions = {}
): Promise<Picture> {
  const [channels, length] = shape as [number, number]
  const rows = Math.min(channels, MOST_CHANNELS)
  const colour = relevance && coloursOf(relevance, options)
  const elements = Array.from({ length: rows }, (_, c) => {
    const own = Array.from({ length }, (_, i) => values[c * length + i]!)
    const points = pointsOf(own, c * ROW, channels > 1 ? LABEL : PAD)
    const line = `<path d="M${points.join('L')}" fill="none" stroke="${LINE}" stroke-width="${relevance ? 4 : 1.5}"/>`
    const parts = relevance && colour ? coloured(points, relevance.subarray(c * length, (c + 1) * length), colour) : ''
    const label =
      channels > 1 ? `<path d="${textPath(labelOf(c, rows, channels), 4, c * ROW + 12, 10)}" fill="#666"/>` : ''
    return line + parts + label
  })
  return drawnPicture(WIDTH, rows * ROW, elements.join(''))
}

function labelOf(channel: number, rows: number, channels: number): string {
  return channel === rows - 1 && channels > rows
    ? `channel ${channel}, first ${rows} of ${channels}`
    : `channel ${channel}`
}

/** `x y` of every value, the row's lowest at the bottom, the highest `above` below its top. */
function pointsOf(values: number[], top: number, above: number): string[] {
  const [low, high] = values.reduce(
    ([low, high], value) => [Math.min(low, value), Math.max(high, value)],
    [Infinity, -Infinity]
  )
  const scale = high > low ? (ROW - PAD - above) / (high - low) : 0
  const step = (WIDTH - 2 * PAD) / Math.max(1, values.length - 1)
  return values.map((value, i) => {
    const y = scale > 0 ? top + ROW - PAD - (value - low) * scale : top + ROW / 2
    return `${(PAD + i * step).toFixed(2)} ${y.toFixed(2)}`
  })
}

/** Each value colours the line from halfway before it to halfway behind it; one path for each colour. */
function coloured(points: string[], relevance: Float32Array, colour: (value: number) => string): string {
  const at = points.map((point) => point.split(' ').map(Number) as [number, number])
  const middle = (i: number): [number, number] => {
    const [a, b] = [at[Math.max(0, i)]!, at[Math.min(at.length - 1, i + 1)]!]
    return [(a[0] + b[0]) / 2, (a[1] + b[1]) / 2]
  }
  const paths = new Map<string, string>()
  at.forEach(([x, y], i) => {
    const [before, behind] = [middle(i - 1), middle(i)]
    const own = colour(relevance[i]!)
    const part = `M${before.join(' ')}L${x} ${y}L${behind.join(' ')}`
    paths.set(own, (paths.get(own) ?? '') + part)
  })
  return [...paths].map(([own, d]) => `<path d="${d}" fill="none" stroke="${own}" stroke-width="2.5"/>`).join('')
}
