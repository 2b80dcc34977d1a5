import type { Graph, GraphNode, ModelParts, Preprocessing } from '../../core/graph.js'
import { Model } from '../../model/model.js'
import { sizeOf, type RawTensor } from '../../core/tensor.js'
import { isWeighted, kindOf, recordOf } from '../../rules/treatment.js'
import { stacked, valueRange } from '../images.js'
import type { ScoreContext } from './context.js'

/**
 * Relative change of the map if all inputs are shifted down by the whole range and the first layer's biases
 * compensate this, so that the outputs are unchanged: 0 is invariant (Kindermans et al. 2019).
 */
export async function inputInvariance(c: ScoreContext): Promise<number> {
  const { low, high } = valueRange(c.model)
  const shift = -Math.max(...high.map((value, channel) => value - low[channel]!))
  const shifted = await shiftedOf(c.model, shift)
  const image = c.image.map((value) => value + shift)
  const map = await c.explainer!(stacked([image], c.model.imageShape), Int32Array.of(c.target), shifted)
  let [change, whole] = [0, 0]
  c.relevance.forEach((value, i) => {
    change += (map[i]! - value) ** 2
    whole += value ** 2
  })
  return whole === 0 ? 0 : Math.sqrt(change / whole)
}

/** The shifted copy of each model, shared by all its images. */
const known = new WeakMap<Model, Promise<Model>>()

function shiftedOf(model: Model, shift: number): Promise<Model> {
  const found =
    known.get(model) ??
    model.toParts().then((parts) => Model.create(shiftedParts(parts, shift), model.device, model.precision))
  known.set(model, found)
  return found
}

/** Whether a network begins with linear layers or convolutions, whose biases can compensate a shift. */
export function canShift(graph: Graph): boolean {
  const passing = passingNodes(graph)
  const first = graph.nodes.filter(
    ({ name, inputs }) => !passing.has(name) && inputs.some((input) => passing.has(input))
  )
  return first.every((node) => isWeighted(node) && !recordOf(node).transposed && node.attributes.padding !== 'same')
}

/** The input and the nodes that only move its values: a shift of the input shifts them equally. */
function passingNodes(graph: Graph): Set<string> {
  const passing = new Set(['input'])
  for (const node of graph.nodes) {
    const { movesValues, sign } = recordOf(node)
    const reads = node.inputs.length > 0 && node.inputs.every((input) => passing.has(input))
    if (movesValues && sign === 'keeps' && reads) passing.add(node.name)
  }
  return passing
}

/**
 * A network whose outputs for inputs plus `shift` are those of the given network for the inputs; requires `canShift`.
 */
export function shiftedParts(parts: ModelParts, shift: number): ModelParts {
  const tensors = new Map(parts.tensors)
  const passing = passingNodes(parts.graph)
  const nodes = parts.graph.nodes.flatMap((node): GraphNode[] => {
    if (passing.has(node.name) || !passing.has(node.inputs[0]!)) return [node]
    const bias = `${node.name}.bias (shifted)`
    tensors.set(bias, shiftedBias(node, parts.tensors, shift))
    const axes = parts.tensors.get(node.parameters.weight!)!.shape.length - 2
    return withPadding({ ...node, parameters: { ...node.parameters, bias } }, axes, shift)
  })
  const preprocessing = parts.preprocessing && shiftedPreprocessing(parts.preprocessing, shift)
  return { ...parts, graph: { ...parts.graph, nodes }, tensors, preprocessing }
}

function shiftedBias({ parameters }: GraphNode, tensors: ModelParts['tensors'], shift: number): RawTensor {
  const weight = tensors.get(parameters.weight!)!
  const inputs = sizeOf(weight.shape.slice(1))
  const [weights, old] = [valuesOf(weight), parameters.bias ? valuesOf(tensors.get(parameters.bias)!) : undefined]
  const values = Float32Array.from({ length: weight.shape[0]! }, (_, output) => {
    const sum = weights.subarray(output * inputs, (output + 1) * inputs).reduce((total, value) => total + value, 0)
    return (old?.[output] ?? 0) - shift * sum
  })
  return { dtype: 'f32', shape: [values.length], data: new Uint8Array(values.buffer) }
}

function valuesOf({ data }: RawTensor): Float32Array {
  return new Float32Array(data.buffer, data.byteOffset, data.byteLength / 4)
}

/** Zero padding becomes padding with the shift. */
function withPadding(node: GraphNode, axes: number, shift: number): GraphNode[] {
  const { padding = 0 } = node.attributes
  if (kindOf(node) === 'linear' || padding === 'valid' || padding === 0) return [node]
  const each = typeof padding === 'number' ? Array<number>(axes).fill(padding) : (padding as number[])
  const ends = each.toReversed().flatMap((one) => [one, one])
  const pad: GraphNode = {
    name: `${node.name} (padding)`,
    op: 'pad',
    inputs: node.inputs,
    attributes: { padding: ends, value: shift },
    parameters: {}
  }
  return [pad, { ...node, inputs: [pad.name], attributes: { ...node.attributes, padding: 0 } }]
}

function shiftedPreprocessing(preprocessing: Preprocessing, shift: number): Preprocessing {
  const { mean, std } = preprocessing
  return { ...preprocessing, mean: mean.map((value, channel) => value - shift * std[channel]!) }
}
