import { writeAtomic } from '../core/files.js'
import type { Model } from '../model/model.js'
import { sizeOf } from '../core/tensor.js'
import { isWeighted, kindOf } from '../rules/treatment.js'
import { figure, type Panel } from './figure.js'
import { heatmap, type Picture } from './picture.js'

const MOST = 64

/** Writes `filterFigure` if there is one. @throws LrpError IO */
export async function writeFilters(model: Model, path: string): Promise<void> {
  const png = await filterFigure(model)
  if (png) await writeAtomic(path, png)
}

/**
 * Draws the weights of the first layer's units as pictures on a common scale. Filters with three channels are shown in
 * colour (grey is zero). Other filters are summed over channels: red means positive weights, blue means negative
 * weights. Returns undefined if the first layer with weights does not read an image.
 */
export async function filterFigure(model: Model): Promise<Buffer | undefined> {
  const first = await firstLayer(model)
  if (!first) return undefined
  const { name, values, shape } = first
  const size = sizeOf(shape.slice(1))
  const scale = values.reduce((most, value) => Math.max(most, Math.abs(value)), 0)
  const count = Math.min(MOST, shape[0]!)
  const panels: Panel[] = Array.from({ length: count }, (_, i) => ({
    title: String(i),
    picture: filterPicture(values.subarray(i * size, (i + 1) * size), shape.slice(1), scale)
  }))
  const which = count < shape[0]! ? `the first ${count} of ${shape[0]}` : `all ${count}`
  const caption = `Filters of layer ${name}: ${which}, largest magnitude ${scale.toPrecision(3)}`
  return figure(panels, [caption], { columns: 8, size: 72 })
}

interface Filters {
  name: string
  values: Float32Array
  /** [units, channels, height, width] */
  shape: number[]
}

async function firstLayer(model: Model): Promise<Filters | undefined> {
  const node = model.graph.nodes.find(isWeighted)
  const tensor = node && (await model.stateDict()).get(node.parameters.weight ?? '')
  if (!tensor || tensor.dtype !== 'f32') return undefined
  const shape = kindOf(node) === 'linear' ? [tensor.shape[0]!, ...model.imageShape] : tensor.shape
  const values = new Float32Array(tensor.data.slice().buffer)
  return shape.length === 4 && sizeOf(shape) === values.length ? { name: node.name, values, shape } : undefined
}

function filterPicture(weights: Float32Array, shape: number[], scale: number): Picture {
  const [channels, height, width] = shape as [number, number, number]
  if (channels !== 3) return heatmap(weights, shape, { scale: channels === 1 ? scale : undefined })
  const plane = height * width
  const data = new Uint8Array(plane * 3)
  for (let i = 0; i < plane; i++) {
    for (let c = 0; c < 3; c++) data[i * 3 + c] = Math.round(127.5 * (1 + weights[c * plane + i]! / (scale || 1)))
  }
  return { data, width, height }
}
