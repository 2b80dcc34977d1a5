import type { Graph, Layout } from '../core/graph.js'
import { sizeOf, type Tensor } from '../core/tensor.js'

/** Axes of a file [batch, height, width, channels], by those of the network. */
export const TO_LAST = [0, 2, 3, 1]

interface Laid {
  layout?: Layout
  graph: Graph
}

/** Whether a tensor [batch, height, width, channels] is of the layout of the network's file, and not of the network's own. */
export function isOfFile({ layout, graph }: Laid, { shape }: Tensor): boolean {
  if (layout !== 'nhwc' || shape.length !== 4) return false
  const fits = (order: number[]): boolean =>
    order.every((axis, i) => i === 0 || graph.inputShape[axis] === null || graph.inputShape[axis] === shape[i])
  return fits(TO_LAST) && !fits([0, 1, 2, 3])
}

/** A batch in the layout of the network's file as the network takes it; any other batch is left as it is. */
export function asNetwork(model: Laid, tensor: Tensor): Tensor {
  return isOfFile(model, tensor) ? withChannelsFirst(tensor) : tensor
}

/** A batch [..., channels, height, width] in the layout of the network's file. */
export function asFile({ layout }: Laid, tensor: Tensor): Tensor {
  return layout === 'nhwc' ? withChannelsLast(tensor) : tensor
}

/** [..., height, width, channels] as [..., channels, height, width]. */
export function withChannelsFirst({ data, shape, ...rest }: Tensor): Tensor {
  const [height, width, channels] = shape.slice(-3) as [number, number, number]
  const turned = [...shape.slice(0, -3), channels, height, width]
  return { ...rest, data: swapped(data, height * width, channels), shape: turned }
}

/** [..., channels, height, width] as [..., height, width, channels]. */
export function withChannelsLast({ data, shape }: Tensor): Tensor {
  const [channels, height, width] = shape.slice(-3) as [number, number, number]
  return { data: swapped(data, channels, height * width), shape: [...shape.slice(0, -3), height, width, channels] }
}

/** Matrices of this number of rows and columns, one after the other, each transposed. */
function swapped(data: Float32Array, rows: number, columns: number): Float32Array {
  const result = new Float32Array(data.length)
  const size = sizeOf([rows, columns])
  for (let at = 0; at < data.length; at += size)
    for (let row = 0; row < rows; row++)
      for (let column = 0; column < columns; column++)
        result[at + column * rows + row] = data[at + row * columns + column]!
  return result
}
