import { sizeOf, type Tensor } from '../core/tensor.js'
import { placeNoun } from '../model/input-kind.js'
import type { Model } from '../model/model.js'
import { colourBar } from '../plot/colour-bar.js'
import type { Legend } from '../plot/figure.js'
import { strongest, type HeatmapOptions } from '../plot/picture.js'
import { depictionOf, type Depiction } from './depict.js'
import type { Explanation } from './explain.js'
import type { DrawOptions } from './file-options.js'
import { isPositive } from './methods.js'

/**
 * Colour map for maps without negative values: with a diverging map, nearly equal values would all have the strongest
 * colour.
 */
const SEQUENTIAL = 'viridis'

/**
 * Whether a map gets these colours: the method allows no negative values, there are none, and no colour map was chosen.
 */
function isSequential({ name, relevance }: Explanation, given: DrawOptions['heatmap']): boolean {
  return given?.colourMap === undefined && isPositive(name) && relevance.data.every((value) => value >= 0)
}

/** The caption that explains the colours of maps without negative values. */
export function colourCaptions(explanation: Explanation, options: DrawOptions): string[] {
  if (!isSequential(explanation, options.heatmap)) return []
  const from = options.heatmap?.scale === undefined ? 'the lowest value of each map' : 'zero'
  return [`no negative values: the colours range from ${from} (dark blue) to the highest (yellow)`]
}

/** The colour options for all maps of an explanation: with a common scale, or with one scale for each map. */
export function coloursOf(
  given: DrawOptions['heatmap'],
  explanation: Explanation,
  size: number,
  depiction: Depiction
): HeatmapOptions {
  const { relevance } = explanation
  const isRange = isSequential(explanation, given)
  const { scale = 'image', ...rest } = isRange ? { ...given, colourMap: SEQUENTIAL } : (given ?? {})
  if (scale === 'image') return isRange ? { ...rest, asymmetric: true } : rest
  if (typeof scale === 'number') return { ...rest, scale }
  const maps = Array.from({ length: relevance.data.length / size }, (_, i) =>
    relevance.data.subarray(i * size, (i + 1) * size)
  )
  const largest = maps.map((map) => strongest(depiction.sums(map), rest.quantile))
  return { ...rest, scale: Math.max(...largest) }
}

/**
 * The colour bar of image `i` with the relevance at its ends, for one map or for the common scale of all maps.
 * Undefined for bar charts.
 */
export function legendOf(
  model: Model,
  input: Tensor,
  explanation: Explanation,
  i: number,
  { heatmap, views = ['heatmap'] }: DrawOptions
): Legend | undefined {
  const depiction = depictionOf(model, input)
  if (!depiction || model.inputKind === 'table' || views.every((view) => view === 'contours')) return undefined
  const size = sizeOf(input.shape.slice(1))
  const { data } = explanation.relevance
  const colours = coloursOf(heatmap, explanation, size, depiction)
  const picture = colourBar({ ...colours, scale: 1 })
  const sums = depiction.sums(data.subarray(i * size, (i + 1) * size))
  const isOwn = colours.scale === undefined
  const isOne = data.length === input.data.length
  const what = `relevance of a ${placeNoun(model.inputKind)}:`
  if (isOwn && !isOne) {
    const [from, to] = colours.asymmetric ? ['lowest', 'highest'] : ['-largest', 'largest']
    return { picture, from: `${what} ${from}`, to: `${to} of each map` }
  }
  const most = colours.scale ?? strongest(sums, colours.quantile)
  if (most === 0) return undefined
  const ends = colours.asymmetric ? [least(sums), -least(sums.map((value) => -value))] : [-most, most]
  const [from, to] = ends.map(short) as [string, string]
  return { picture, from: `${what} ${from}`, to: isOwn ? to : `${to}, in all maps` }
}

const short = (value: number): string =>
  value !== 0 && Math.abs(value) < 1e-3 ? value.toExponential(2) : value.toPrecision(3)

const least = (values: Float32Array): number => values.reduce((low, value) => Math.min(low, value), Infinity)
