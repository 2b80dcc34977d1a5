import { sizeOf } from '../../core/tensor.js'
import { sumOverChannels } from '../../plot/picture.js'

/** What is replaced in one step: one `entry` of the input, or a square of this side with all channels (1: a pixel). */
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

/** @param shape of one image: [channels, height, width], or any shape for entries */
export function unitsOf(shape: readonly number[], unit: Unit): Units {
  const [channels, height, width] = shape as [number, number, number]
  const planes = unit === 'entry' ? 1 : channels
  const plane = sizeOf(shape as number[]) / planes
  if (unit === 'entry' || unit === 1)
    return { count: plane, planes, positions: firstNumbers(plane), starts: firstNumbers(plane + 1) }
  const positions: number[] = []
  const starts: number[] = []
  for (let top = 0; top < height; top += unit) {
    for (let left = 0; left < width; left += unit) {
      starts.push(positions.length)
      for (let y = top; y < Math.min(height, top + unit); y++)
        for (let x = left; x < Math.min(width, left + unit); x++) positions.push(y * width + x)
    }
  }
  return {
    count: starts.length,
    planes,
    positions: Int32Array.from(positions),
    starts: Int32Array.from([...starts, plane])
  }
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
