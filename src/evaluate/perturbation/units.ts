import { sizeOf } from '../../core/tensor.js'
import { sumOverChannels } from '../../plot/picture.js'

/**
 * What is replaced in one step: one `entry` of the input, or a square of this side with all channels (1: a pixel); of a
 * signal a stretch, of a volume a cube.
 */
export type Unit = 'entry' | number

/** The units of an image, each a list of positions in a plane. */
export interface Units {
  count: number
  /** Planes that a unit spans: the channels; an entry has one. */
  planes: number
  /** Positions in a plane, unit after unit. */
  positions: Int32Array
  /** Where each unit begins in `positions`; at last, their number. */
  starts: Int32Array
}

/** @param shape of one image: [channels, ...places], or any shape for entries */
export function unitsOf(shape: readonly number[], unit: Unit): Units {
  const [channels, ...axes] = shape as [number, ...number[]]
  const planes = unit === 'entry' ? 1 : channels
  const plane = sizeOf(shape as number[]) / planes
  if (unit === 'entry' || unit === 1)
    return { count: plane, planes, positions: firstNumbers(plane), starts: firstNumbers(plane + 1) }
  const windows = axes.reduce<number[][]>(
    (found, axis) =>
      found.flatMap((before) =>
        windowsOf(axis, unit).map((own) => before.flatMap((at) => own.map((i) => at * axis + i)))
      ),
    [[0]]
  )
  const starts = new Int32Array(windows.length + 1)
  windows.forEach((window, i) => (starts[i + 1] = starts[i]! + window.length))
  return { count: windows.length, planes, positions: Int32Array.from(windows.flat()), starts }
}

/** 0 to the axis' length in stretches of `size`. */
function windowsOf(axis: number, size: number): number[][] {
  return Array.from({ length: Math.ceil(axis / size) }, (_, k) =>
    Array.from({ length: Math.min(size, axis - k * size) }, (_, i) => k * size + i)
  )
}

/** Relevance of each unit: the sum over its pixels and channels. */
export function relevanceOf(units: Units, relevance: Float32Array): Float32Array | Float64Array {
  const { count, planes, positions, starts } = units
  const summed = planes === 1 ? relevance : sumOverChannels(relevance, [planes, 1, relevance.length / planes])
  if (count === summed.length) return summed
  const sums = new Float64Array(count)
  for (let i = 0; i < count; i++) for (let k = starts[i]!; k < starts[i + 1]!; k++) sums[i]! += summed[positions[k]!]!
  return sums
}

/** 0, 1, ..., count - 1 */
export function firstNumbers(count: number): Int32Array {
  const numbers = new Int32Array(count)
  for (let i = 0; i < count; i++) numbers[i] = i
  return numbers
}
