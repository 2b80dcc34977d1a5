import { LrpError } from '../core/errors.js'
import type { AttributeValue, Graph, Layout, ModelParts } from '../core/graph.js'
import { sizeOf, type Tensor } from '../core/tensor.js'

const TO_LAST = [0, 2, 3, 1]
const TO_FIRST = [0, 3, 1, 2]

/** Whether a permutation of four axes moves the channels in front of height and width. */
export function movesChannelsFirst(dims: AttributeValue | undefined): boolean {
  return Array.isArray(dims) && dims.join() === TO_FIRST.join()
}

/**
 * A network that reads images as [batch, height, width, channels], so that it reads [batch, channels, height, width] like all
 * others: pictures, metrics and perturbation know one layout. Arrays of the file's own layout are still taken (`asNetwork`).
 * @throws LrpError INVALID_ARGUMENT for an input of other than four axes
 */
export function channelsFirst(parts: ModelParts): ModelParts {
  const { graph } = parts
  if (graph.inputShape.length !== 4)
    throw new LrpError('INVALID_ARGUMENT', `${parts.name} takes no images [batch, height, width, channels]`)
  const [batch, height, width, channels] = graph.inputShape as [
    number | null,
    number | null,
    number | null,
    number | null
  ]
  const names = new Set(graph.nodes.map(({ name }) => name))
  let turned = 'channels_last'
  while (names.has(turned)) turned += '_'
  const turn = { name: turned, op: 'permute', inputs: ['input'], attributes: { dims: TO_LAST }, parameters: {} }
  const nodes = graph.nodes.map((node) => ({
    ...node,
    inputs: node.inputs.map((input) => (input === 'input' ? turned : input)),
    attributes: Object.fromEntries(Object.entries(node.attributes).map(([key, value]) => [key, renumbered(value)]))
  }))
  const inputShape = [batch, channels, height, width]
  return { ...parts, graph: withoutReturn({ ...graph, inputShape, nodes: [turn, ...nodes] }, turned), layout: 'nhwc' }
}

/** Sizes that depend on the input's: `i1` was its height, which is axis 2 now. */
function renumbered(value: AttributeValue): AttributeValue {
  const AXES: Record<string, string> = { i1: 'i2', i2: 'i3', i3: 'i1' }
  const one = (text: unknown): unknown =>
    typeof text === 'string' ? text.replace(/\bi[123]\b/g, (axis) => AXES[axis]!) : text
  return (Array.isArray(value) ? value.map(one) : one(value)) as AttributeValue
}

/** Two permutations that undo each other are left out. */
function withoutReturn(graph: Graph, turned: string): Graph {
  const back = graph.nodes.filter(
    ({ op, inputs, attributes }) => op === 'permute' && inputs[0] === turned && movesChannelsFirst(attributes.dims)
  )
  const names = new Set(back.map(({ name }) => name))
  if (names.has(graph.output) || graph.outputs?.some((name) => names.has(name))) return graph
  const nodes = graph.nodes
    .filter(({ name }) => !names.has(name))
    .map((node) => ({ ...node, inputs: node.inputs.map((input) => (names.has(input) ? 'input' : input)) }))
  const isRead = nodes.some(({ inputs }) => inputs.includes(turned))
  return { ...graph, nodes: isRead ? nodes : nodes.filter(({ name }) => name !== turned) }
}

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
export function withChannelsFirst({ data, shape }: Tensor): Tensor {
  const [height, width, channels] = shape.slice(-3) as [number, number, number]
  return { data: swapped(data, height * width, channels), shape: [...shape.slice(0, -3), channels, height, width] }
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
