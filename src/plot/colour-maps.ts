import { unknownName } from '../core/suggest.js'

export type Colour = readonly [number, number, number]

const NO_VALUE: Colour = [128, 128, 128]

/** Stops from lowest to highest value, evenly spaced. Diverging maps have white in the middle, where relevance is 0. */
const STOPS: Record<string, { diverging: boolean; stops: Colour[] }> = {
  // red and blue that colour-blind readers tell apart; the default
  'red-blue': {
    diverging: true,
    stops: [
      [33, 102, 172],
      [146, 197, 222],
      [255, 255, 255],
      [244, 165, 130],
      [178, 24, 43]
    ]
  },
  bwr: {
    diverging: true,
    stops: [
      [0, 0, 255],
      [255, 255, 255],
      [255, 0, 0]
    ]
  },
  seismic: {
    diverging: true,
    stops: [
      [0, 0, 77],
      [0, 0, 255],
      [255, 255, 255],
      [255, 0, 0],
      [128, 0, 0]
    ]
  },
  coldnhot: {
    diverging: true,
    stops: [
      [0, 255, 255],
      [0, 0, 255],
      [0, 0, 0],
      [255, 0, 0],
      [255, 255, 0]
    ]
  },
  hot: {
    diverging: false,
    stops: [
      [11, 0, 0],
      [255, 0, 0],
      [255, 255, 0],
      [255, 255, 255]
    ]
  },
  afmhot: {
    diverging: false,
    stops: [
      [0, 0, 0],
      [128, 0, 0],
      [255, 128, 0],
      [255, 255, 128],
      [255, 255, 255]
    ]
  },
  viridis: {
    diverging: false,
    stops: [
      [68, 1, 84],
      [59, 82, 139],
      [33, 145, 140],
      [94, 201, 98],
      [253, 231, 37]
    ]
  }
}

/** Returns the names of the colour maps, `red-blue` (the default) first. */
export function colourMapNames(): string[] {
  return Object.keys(STOPS)
}

/** Whether the middle of a colour map is zero. */
export function isDiverging(name: string): boolean {
  return STOPS[name]?.diverging ?? false
}

/**
 * Colour of a value in [-1, 1]; maps that do not diverge use [0, 1]; NaN is grey.
 * @throws LrpError INVALID_ARGUMENT for an unknown map
 */
export function colourMap(name: string): (value: number) => Colour {
  const map = Object.hasOwn(STOPS, name) ? STOPS[name] : undefined
  if (!map) throw unknownName('colour map', name, colourMapNames())
  const last = map.stops.length - 1
  return (value) => {
    if (Number.isNaN(value)) return NO_VALUE
    const unit = Math.max(0, Math.min(1, map.diverging ? (value + 1) / 2 : value))
    const at = Math.min(last - 1, Math.floor(unit * last))
    const share = unit * last - at
    const [from, to] = [map.stops[at]!, map.stops[at + 1]!]
    const mixed = (c: 0 | 1 | 2): number => Math.round(from[c] + (to[c] - from[c]) * share)
    return [mixed(0), mixed(1), mixed(2)]
  }
}

/** Colours of positive and of negative relevance, and of 0; other diverging maps have those of the default. */
const SIDES: Record<string, [positive: string, negative: string, zero: string]> = {
  coldnhot: ['red and yellow', 'blue and cyan', 'black']
}

/** A sentence that explains the colours of a map. */
export function legendOf(name = 'red-blue'): string {
  if (!isDiverging(name)) return 'Dark colours mark the lowest relevance, bright colours the highest.'
  const [positive, negative, zero] = SIDES[name] ?? ['red', 'blue', 'white']
  return `Positive relevance is ${positive}, negative relevance is ${negative}, and 0 is ${zero}.`
}
