import type { Study } from '../concepts/study.js'
import { explainDecision } from '../explain/decision.js'
import { inChunks, type Measured, type Pass } from '../concepts/measure.js'
import type { Rows } from '../core/row-store.js'

/** What an audit looks at: of every image its predicted class, its map and the relevance of the channels of one layer. */
export interface Observed {
  predicted: Int32Array
  /** [images, rows * columns]: summed over channels, pooled, magnitudes adding up to 1. */
  maps: Rows
  grid: [number, number]
  /** [images, channels]: magnitudes adding up to 1. */
  channels: Rows
  layer: string
}

/** Sides of the maps that are kept. */
const MOST_SIDE = 32

function gridOf([, height, width]: [number, number, number]): [number, number] {
  const factor = Math.ceil(Math.max(height, width) / MOST_SIDE)
  return [Math.ceil(height / factor), Math.ceil(width / factor)]
}

/** One pass: images `from` to `to`. Each row holds an image's map, then its channels. */
export async function observePass(
  { model, dataset, layer, how, read }: Study,
  from: number,
  to: number
): Promise<Pass> {
  const { relevance, targets, channels } = await explainDecision(model, await read(from, to), {
    ...how,
    channelLayers: [layer]
  })
  const { sum } = channels[layer]!.relevance
  const maps = pooled(relevance.data, dataset.imageShape)
  const [images, pixels, width] = [to - from, maps.length / (to - from), sum.shape[1]!]
  const rows = new Float32Array(images * (pixels + width))
  for (let i = 0; i < images; i++) {
    const row = rows.subarray(i * (pixels + width), (i + 1) * (pixels + width))
    row.set(maps.subarray(i * pixels, (i + 1) * pixels))
    row.set(sum.data.subarray(i * width, (i + 1) * width), pixels)
    unitLength(row.subarray(pixels))
  }
  return { predicted: targets, rows }
}

/** The maps and channels of all images, in memory. */
export async function observedOf(
  measured: Measured,
  shape: [number, number, number],
  layer: string
): Promise<Observed> {
  const grid = gridOf(shape)
  const count = measured.predicted.length
  const rowsOfWidth = (width: number): Rows => ({ data: new Float32Array(count * width), count, width })
  const maps = rowsOfWidth(grid[0] * grid[1])
  const channels = rowsOfWidth(measured.width - maps.width)
  for await (const [from, data] of inChunks(measured))
    for (let i = 0; i * measured.width < data.length; i++) {
      const row = data.subarray(i * measured.width, (i + 1) * measured.width)
      maps.data.set(row.subarray(0, maps.width), (from + i) * maps.width)
      channels.data.set(row.subarray(maps.width), (from + i) * channels.width)
    }
  return { predicted: measured.predicted, grid, maps, channels, layer }
}

/** Maps summed over channels and over blocks of pixels, magnitudes adding up to 1. */
function pooled(relevance: Float32Array, shape: [number, number, number]): Float32Array {
  const [channels, height, width] = shape
  const [rows, columns] = gridOf(shape)
  const factor = Math.ceil(Math.max(height, width) / MOST_SIDE)
  const plane = height * width
  const images = relevance.length / (channels * plane)
  const result = new Float32Array(images * rows * columns)
  for (let i = 0; i < images; i++) {
    const map = result.subarray(i * rows * columns, (i + 1) * rows * columns)
    for (let c = 0; c < channels; c++) {
      const from = (i * channels + c) * plane
      for (let y = 0; y < height; y++)
        for (let x = 0; x < width; x++)
          map[Math.floor(y / factor) * columns + Math.floor(x / factor)]! += relevance[from + y * width + x]!
    }
    unitLength(map)
  }
  return result
}

function unitLength(row: Float32Array): void {
  let sum = 0
  for (const value of row) sum += Math.abs(value)
  for (let i = 0; i < row.length; i++) row[i]! /= sum || 1
}

/** An image's map, spread over an image of this shape. */
export function signedOf({ maps, grid }: Observed, image: number, [, rows, columns]: number[]): Float32Array {
  const map = maps.data.subarray(image * maps.width, (image + 1) * maps.width)
  const result = new Float32Array(rows! * columns!)
  for (let y = 0; y < rows!; y++)
    for (let x = 0; x < columns!; x++)
      result[y * columns! + x] =
        map[Math.floor((y * grid[0]) / rows!) * grid[1] + Math.floor((x * grid[1]) / columns!)]!
  return result
}

/** Magnitudes of the same. */
export function magnitudesOf(observed: Observed, image: number, shape: number[]): Float32Array {
  return signedOf(observed, image, shape).map(Math.abs)
}

/** Some of the rows, copied. */
export function rowsOf({ data, width }: Rows, indices: number[]): Rows {
  const result = new Float32Array(indices.length * width)
  indices.forEach((from, to) => result.set(data.subarray(from * width, (from + 1) * width), to * width))
  return { data: result, count: indices.length, width }
}
