import { LrpError } from '../core/errors.js'
import { callNative } from '../native/addon.js'
import type { ModelParts, AttributeValue, Graph, GraphNode, ParameterSpec, Preprocessing } from '../core/graph.js'
import { outputShape, perAxis } from './shapes.js'

/** A network without weights: what an architecture is. */
export interface Architecture {
  name: string
  graph: Graph
  parameters: ParameterSpec[]
  preprocessing?: Preprocessing
}

/**
 * Builds a graph node by node, keeping track of shapes, so that a layer learns its number of inputs from what stands
 * before it and a network that does not fit together is refused with the node's name.
 */
export class GraphBuilder {
  private readonly nodes: GraphNode[] = []
  private readonly parameters: ParameterSpec[] = []
  private readonly shapes = new Map<string, number[]>()

  /** @param imageShape of one input, without the batch */
  constructor(private readonly imageShape: readonly number[]) {
    this.shapes.set('input', [...imageShape])
  }

  /** Shape of a node's output, without the batch. */
  shapeOf(node: string): number[] {
    const shape = this.shapes.get(node)
    if (!shape) throw new LrpError('INVALID_ARGUMENT', `there is no node '${node}' to read from`)
    return shape
  }

  /** Adds a node without weights and returns its name. */
  add(name: string, op: string, inputs: string[], attributes: Record<string, AttributeValue> = {}): string {
    return this.addNode(name, op, inputs, attributes, {})
  }

  /**
   * Adds a dense layer of `features` outputs, and returns its name.
   * @param names of weight and bias, where they are not `name.weight` and `name.bias`
   */
  linear(name: string, input: string, features: number, bias = true, names?: [string, string]): string {
    const inputs = this.shapeOf(input).at(-1)!
    return this.weighted(name, 'linear', input, { features }, [features, inputs], features, inputs, bias, names)
  }

  /** Layer norm over the last axis. */
  layerNorm(name: string, input: string, eps = 1e-5): string {
    const width = this.shapeOf(input).at(-1)!
    const parameters = {
      weight: this.parameter(`${name}.weight`, [width], { value: 1 }),
      bias: this.parameter(`${name}.bias`, [width], { value: 0 })
    }
    return this.addNode(name, 'layer_norm', [input], { normalized_shape: [width], eps }, parameters)
  }

  /** A weight that other nodes read as an input; its first axis stands for the batch. */
  constant(name: string, shape: number[], init: { bound?: number; value?: number }): string {
    return this.push(name, 'constant', [], {}, { value: this.parameter(name, shape, init) }, shape.slice(1))
  }

  /** A convolution over as many axes as its input has behind the channels. Padding and stride as in PyTorch. */
  convolution(
    name: string,
    input: string,
    channels: number,
    kernelSize: number | number[],
    options: ConvolutionOptions = {}
  ): string {
    const shape = this.shapeOf(input)
    const axes = shape.length - 1
    const kernel = perAxis(kernelSize, axes)
    const { groups = 1, bias = true, ...rest } = options
    const perGroup = shape[0]! / groups
    if (!Number.isInteger(perGroup) || channels % groups !== 0) {
      throw new LrpError(
        'INVALID_ARGUMENT',
        `node '${name}': ${groups} groups do not divide ${shape[0]} and ${channels} channels`
      )
    }
    const attributes = { stride: 1, padding: 0, dilation: 1, ...rest, groups }
    const fanIn = perGroup * kernel.reduce((product, k) => product * k, 1)
    return this.weighted(
      name,
      `conv${axes}d`,
      input,
      attributes,
      [channels, perGroup, ...kernel],
      channels,
      fanIn,
      bias
    )
  }

  /** Adds a batch norm over the channels of `input`, and returns its name. */
  batchNorm(name: string, input: string, eps = 1e-5): string {
    const channels = this.shapeOf(input)[0]!
    const constant = (role: string, value: number): string => this.parameter(`${name}.${role}`, [channels], { value })
    const parameters = {
      weight: constant('weight', 1),
      bias: constant('bias', 0),
      running_mean: constant('running_mean', 0),
      running_var: constant('running_var', 1)
    }
    return this.addNode(name, 'batch_norm', [input], { eps, momentum: 0.1 }, parameters)
  }

  /** The finished network, which `output` (the name of a node) ends; `initialise` gives it weights. */
  finish(name: string, output: string, preprocessing?: Preprocessing): Architecture {
    const graph = { inputShape: [null, ...this.imageShape], nodes: this.nodes, output }
    return { name, graph, parameters: this.parameters, preprocessing }
  }

  /** Weight and bias as PyTorch initialises them: uniform in +-1 / sqrt(fan in). */
  private weighted(
    name: string,
    op: string,
    input: string,
    attributes: Record<string, AttributeValue>,
    weightShape: number[],
    outputs: number,
    fanIn: number,
    bias: boolean,
    [weightName, biasName] = [`${name}.weight`, `${name}.bias`]
  ): string {
    const bound = 1 / Math.sqrt(fanIn)
    const parameters: Record<string, string> = { weight: this.parameter(weightName, weightShape, { bound }) }
    if (bias) parameters.bias = this.parameter(biasName, [outputs], { bound })
    const shape = outputShape(
      op,
      [this.shapeOf(input)],
      { ...attributes, outputs, kernel_size: weightShape.slice(2) },
      name
    )
    const { features: _, ...kept } = attributes
    return this.push(name, op, [input], kept, parameters, shape)
  }

  private parameter(name: string, shape: number[], init: { bound?: number; value?: number }): string {
    this.parameters.push({ name, shape, ...init })
    return name
  }

  private addNode(
    name: string,
    op: string,
    inputs: string[],
    attributes: Record<string, AttributeValue>,
    parameters: Record<string, string>
  ): string {
    const shapes = inputs.map((input) => this.shapeOf(input))
    return this.push(name, op, inputs, attributes, parameters, outputShape(op, shapes, attributes, name))
  }

  private push(
    name: string,
    op: string,
    inputs: string[],
    attributes: Record<string, AttributeValue>,
    parameters: Record<string, string>,
    shape: number[]
  ): string {
    if (this.shapes.has(name)) throw new LrpError('INVALID_ARGUMENT', `two nodes are called '${name}'`)
    this.nodes.push({ name, op, inputs, attributes, parameters })
    this.shapes.set(name, shape)
    return name
  }
}

/** Settings of a convolution, one number or one per axis: stride (1), padding (0), dilation (1), groups (1), bias (true). */
export interface ConvolutionOptions {
  stride?: number | number[]
  padding?: number | number[] | 'same' | 'valid'
  dilation?: number | number[]
  groups?: number
  bias?: boolean
}

/** Random weights for an architecture: the same seed gives the same weights. */
export async function initialise(architecture: Architecture, seed: number, classes?: string[]): Promise<ModelParts> {
  const { name, graph, preprocessing } = architecture
  const tensors = await callNative((addon) => addon.initialise(architecture.parameters, seed))
  return { name, graph, preprocessing, classes, tensors: new Map(Object.entries(tensors)) }
}
