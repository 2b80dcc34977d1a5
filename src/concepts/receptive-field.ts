import type { Graph, GraphNode } from '../core/graph.js'
import { recordOf } from '../rules/treatment.js'

/** What one place of a layer sees: along height and width, in pixels of the image. */
export interface ReceptiveField {
  /** Side of the window. */
  size: [number, number]
  /** Distance between the windows of neighbouring places. */
  step: [number, number]
  /** Where the window of the first place begins; below 0 in the padding. */
  start: [number, number]
}

const WHOLE: ReceptiveField = { size: [Infinity, Infinity], step: [0, 0], start: [0, 0] }
const PIXEL: ReceptiveField = { size: [1, 1], step: [1, 1], start: [0, 0] }

/**
 * The window of the image that a place of the layer depends on; the widest where several paths lead to it.
 * @param shapes of the weights by name
 */
export function receptiveField(
  graph: Graph,
  shapes: ReadonlyMap<string, readonly number[]>,
  layer: string
): ReceptiveField {
  const fields = new Map<string, ReceptiveField>([['input', PIXEL]])
  for (const node of graph.nodes) {
    const inputs = node.inputs.map((name) => fields.get(name) ?? WHOLE)
    const widest = inputs.reduce((a, b) => (b.size[0] > a.size[0] ? b : a), inputs[0] ?? WHOLE)
    fields.set(node.name, fieldAbove(node, shapes.get(node.parameters.weight ?? '')?.slice(2), widest))
    if (node.name === layer) break
  }
  return fields.get(layer) ?? WHOLE
}

function fieldAbove(node: GraphNode, weight: readonly number[] | undefined, below: ReceptiveField): ReceptiveField {
  const { attributes } = node
  const { reach } = recordOf(node)
  if (reach !== 'window') return reach === 'place' ? below : WHOLE
  const asPair = (value: unknown, fallback: [number, number]): [number, number] => {
    if (typeof value === 'number') return [value, value]
    return Array.isArray(value) && value.length > 0 ? [Number(value[0]), Number(value[1] ?? value[0])] : fallback
  }
  const pair = (name: string, fallback: [number, number]): [number, number] => asPair(attributes[name], fallback)
  const kernel = asPair(weight, pair('kernel_size', [1, 1]))
  const stride = pair('stride', weight ? [1, 1] : kernel)
  const padding = pair('padding', [0, 0])
  const dilation = pair('dilation', [1, 1])
  const along = (axis: 0 | 1): { size: number; step: number; start: number } => ({
    size: below.size[axis] + (kernel[axis] - 1) * dilation[axis] * below.step[axis],
    step: below.step[axis] * stride[axis],
    start: below.start[axis] - padding[axis] * below.step[axis]
  })
  const [y, x] = [along(0), along(1)]
  return { size: [y.size, x.size], step: [y.step, x.step], start: [y.start, x.start] }
}

/** The window of one place within the image: top, left, height, width. */
export function windowOf(
  { size, step, start }: ReceptiveField,
  [row, column]: [number, number],
  [height, width]: [number, number]
): { top: number; left: number; height: number; width: number } {
  const along = (axis: 0 | 1, place: number, whole: number): [number, number] => {
    if (!Number.isFinite(size[axis])) return [0, whole]
    const from = start[axis] + place * step[axis]
    return [Math.max(0, Math.min(whole - 1, from)), Math.max(1, Math.min(whole, from + size[axis]))]
  }
  const [top, bottom] = along(0, row, height)
  const [left, right] = along(1, column, width)
  return { top, left, height: Math.max(1, bottom - top), width: Math.max(1, right - left) }
}
