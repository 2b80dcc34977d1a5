import { LrpError } from '../../core/errors.js'
import type { AttributeValue, Graph, ModelParts } from '../../core/graph.js'
import { TO_LAST } from '../layout.js'

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
    throw new LrpError(
      'INVALID_ARGUMENT',
      `option 'layout' cannot be nhwc: ${parts.name} does not take images [batch, height, width, channels]`
    )
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
