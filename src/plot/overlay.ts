import { blur } from './box-filter.js'
import { colourMap, isDiverging } from './colour-maps.js'
import { placeOf, strongest, sumOverChannels, type HeatmapOptions, type Picture } from './picture.js'

/** A line that is drawn over a picture. */
export interface Outline {
  /** Path data as in SVG, in pixels of the picture. */
  path: string
  /** Colour of the line, `#rrggbb`. */
  colour: string
}

const GRAIN = 48
const LEAST_SHARE = 0.05
const POSITIVE = '#d7191c'
const NEGATIVE = '#2c7bb6'
const REGION = '#1a9641'
const GREY = [0.299, 0.587, 0.114] // luma of red, green, blue (ITU-R BT.601)

/**
 * Draws the image in grey and colours it by relevance [channels, height, width]: the more relevant a pixel, the
 * stronger its colour.
 */
export function overlay(
  image: Picture,
  relevance: ArrayLike<number>,
  shape: readonly number[],
  options: HeatmapOptions = {}
): Picture {
  const sums = sumOverChannels(relevance, shape)
  const scale = options.scale ?? strongest(sums, options.quantile)
  const name = options.colourMap ?? 'red-blue'
  const colour = colourMap(name)
  const place = options.asymmetric && !isDiverging(name) ? placeOf(sums, options, false) : undefined
  const data = new Uint8Array(image.data.length)
  sums.forEach((value, i) => {
    const strength = place?.(value) ?? (scale > 0 ? Math.max(-1, Math.min(1, value / scale)) : 0)
    const grey = GREY.reduce((sum, weight, c) => sum + weight * image.data[i * 3 + c]!, 0)
    // the strongest colour's hue at every strength; the strength is how much of it covers the image
    const hue = colour(place ? strength : Math.sign(strength))
    for (let c = 0; c < 3; c++) data[i * 3 + c] = Math.round(grey + (hue[c]! - grey) * Math.abs(strength))
  })
  return { ...image, data }
}

/**
 * Draws lines around the smallest set of pixels with a given `share` (0.5) of the positive relevance (red), and
 * likewise of the negative relevance (blue). Relevance [channels, height, width] is summed over channels. Maps with
 * sides of 48 pixels or more are smoothed first. A sign with less than 5 % of all |relevance| gets no line.
 */
export function contours(relevance: ArrayLike<number>, shape: readonly number[], share = 0.5): Outline[] {
  const [, height, width] = shape as [number, number, number]
  const sums = sumOverChannels(relevance, shape)
  const reach = Math.floor(Math.min(height, width) / GRAIN)
  const smooth = (values: Float32Array): Float32Array => blur(values, height, width, reach)
  const sides = [
    { colour: NEGATIVE, values: sums.map((value) => Math.max(0, -value)) },
    { colour: POSITIVE, values: sums.map((value) => Math.max(0, value)) }
  ]
  const total = (values: Float32Array): number => values.reduce((sum, value) => sum + value, 0)
  const least = LEAST_SHARE * sides.reduce((sum, { values }) => sum + total(values), 0)
  return sides
    .filter(({ values }) => total(values) >= least)
    .map(({ colour, values }) => ({ colour, path: edges(strongestPixels(smooth(values), share), height, width) }))
    .filter(({ path }) => path !== '')
}

/** The border of a region [height, width] of ones. */
export function outline(inside: Uint8Array, height: number, width: number): Outline[] {
  const path = edges(inside, height, width)
  return path === '' ? [] : [{ path, colour: REGION }]
}

function strongestPixels(values: Float32Array, share: number): Uint8Array {
  const order = Array.from(values.keys()).sort((a, b) => values[b]! - values[a]!)
  const wanted = share * values.reduce((sum, value) => sum + value, 0)
  const inside = new Uint8Array(values.length)
  let held = 0
  for (const i of order) {
    if (held >= wanted) break
    inside[i] = 1
    held += values[i]!
  }
  return inside
}

/** The border between pixels inside and outside. */
function edges(inside: Uint8Array, height: number, width: number): string {
  const at = (x: number, y: number): number =>
    x < 0 || y < 0 || x >= width || y >= height ? 0 : inside[y * width + x]!
  let path = ''
  for (let y = 0; y <= height; y++) {
    for (let x = 0; x <= width; x++) {
      if (at(x, y) !== at(x, y - 1)) path += `M${x} ${y}h1`
      if (at(x, y) !== at(x - 1, y)) path += `M${x} ${y}v1`
    }
  }
  return path
}
