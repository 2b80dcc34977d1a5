import { coloursOf, drawnPicture } from './drawn.js'
import type { HeatmapOptions, Picture } from './picture.js'
import { textPath, type Anchor } from './text.js'

const WIDTH = 420
const ROW = 84
const PAD = 8
const LABEL = 16 // height above a line for its label
const AXIS = 16
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
    const points = pointsOf(own, c * ROW)
    const line = `<path d="M${points.join('L')}" fill="none" stroke="${LINE}" stroke-width="${relevance ? 4 : 1.5}"/>`
    const parts = relevance && colour ? coloured(points, relevance.subarray(c * length, (c + 1) * length), colour) : ''
    return line + parts + small(labelOf(c, rows, channels, own), 4, c * ROW + 12)
  })
  return drawnPicture(WIDTH, rows * ROW + AXIS, elements.join('') + axis(length, rows * ROW))
}

const small = (text: string, x: number, y: number, anchor: Anchor = 'start'): string =>
  `<path d="${textPath(text, x, y, 10, anchor)}" fill="#666"/>`

/** Which channel it is, and from which value its line goes to which. */
function labelOf(channel: number, rows: number, channels: number, own: number[]): string {
  const [low, high] = rangeOf(own)
  const range = low < high ? `${short(low)} to ${short(high)}` : short(low)
  if (channels === 1) return range
  const more = channel === rows - 1 && channels > rows ? `, first ${rows} of ${channels}` : ''
  return `channel ${channel}${more}: ${range}`
}

const short = (value: number): string => String(Number(value.toPrecision(3)))

/** The first and the last position, below the lines. */
function axis(length: number, top: number): string {
  const line = `<path d="M${PAD} ${top}H${WIDTH - PAD}" stroke="#bbb" stroke-width="1"/>`
  const last = small(String(length - 1), WIDTH - PAD, top + 12, 'end')
  return line + small('0', PAD, top + 12) + small('position', WIDTH / 2, top + 12, 'middle') + last
}

function rangeOf(values: number[]): [low: number, high: number] {
  return values.reduce<[number, number]>(
    ([low, high], value) => [Math.min(low, value), Math.max(high, value)],
    [Infinity, -Infinity]
  )
}

/** `x y` of every value, the row's lowest at the bottom, the highest below its label. */
function pointsOf(values: number[], top: number): string[] {
  const [low, high] = rangeOf(values)
  const scale = high > low ? (ROW - PAD - LABEL) / (high - low) : 0
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
