import { LrpError } from '../core/errors.js'
import { callNative, native, toLrpError } from '../native/addon.js'
import type { ModelParts, AttributeValue, Graph, GraphNode, ParameterSpec, Preprocessing } from '../core/graph.js'

/** An architecture: a network without weights. */
export interface Architecture {
  /** Name of the architecture. */
  name: string
  /** The network as nodes and connections. */
  graph: Graph
  /** Names, shapes and initial values of the weights. */
  parameters: ParameterSpec[]
  /** Preprocessing of images. */
  preprocessing?: Preprocessing
}

/**
 * Builds a graph node by node. It tracks shapes, so each layer gets its number of inputs from the node before it. If a
 * layer does not fit, the error names its node.
 */
export class GraphBuilder {
  private readonly nodes: GraphNode[] = []
  private readonly parameters: ParameterSpec[] = []
  private readonly shapes = new Map<string, number[]>()

  /** Starts a new network. @param imageShape shape of one input, without the batch */
  constructor(private readonly imageShape: readonly number[]) {
    this.shapes.set('input', [...imageShape])
  }

  /** Returns the shape of a node's output, without the batch. */
  shapeOf(node: string): number[] {
    const shape = this.shapes.get(node)
    if (!shape) throw new LrpError('INVALID_ARGUMENT', `there is no node '${node}'`)
    return shape
  }

  /** Adds a node without weights and returns its name. */
  add(name: string, op: string, inputs: string[], attributes: Record<string, AttributeValue> = {}): string {
    return this.push(name, op, inputs, attributes, {})
  }

  /**
   * Adds a dense layer with `features` outputs, and returns its name.
   * @param names names of weight and bias; by default `name.weight` and `name.bias`
   */
  linear(name: string, input: string, features: number, bias = true, names?: [string, string]): string {
    const inputs = this.shapeOf(input).at(-1)!
    return this.weighted(name, 'linear', input, {}, [features, inputs], inputs, bias, names)
  }

  /** Adds a layer norm over the last axis, and returns its name. */
  layerNorm(name: string, input: string, eps = 1e-5): string {
    const width = this.shapeOf(input).at(-1)!
    const parameters = {
      weight: this.parameter(`${name}.weight`, [width], { value: 1 }),
      bias: this.parameter(`${name}.bias`, [width], { value: 0 })
    }
    return this.push(name, 'layer_norm', [input], { normalized_shape: [width], eps }, parameters)
  }

  /**
   * Adds a weight that other nodes read as an input, and returns its name. The first axis of the weight is the batch
   * axis.
   */
  constant(name: string, shape: number[], init: { bound?: number; value?: number }): string {
    return this.push(name, 'constant', [], {}, { value: this.parameter(name, shape, init) })
  }

  /**
   * Adds a convolution over all axes of its input after the channels, and returns its name. Padding and stride are
   * defined as in PyTorch.
   */
  convolution(
    name: string,
    input: string,
    channels: number,
    kernelSize: number | number[],
    options: ConvolutionOptions = {}
  ): string {
    const shape = this.shapeOf(input)
    const axes = shape.length - 1
    const kernel = perAxis(kernelSize, axes, name)
    const { groups = 1, bias = true, ...rest } = options
    const perGroup = shape[0]! / groups
    if (!Number.isInteger(perGroup) || channels % groups !== 0) {
      throw new LrpError(
        'INVALID_ARGUMENT',
        `node '${name}': the numbers of input channels (${shape[0]}) and output channels (${channels}) must be multiples of groups (${groups})`
      )
    }
    const attributes = { stride: 1, padding: 0, dilation: 1, ...rest, groups }
    const fanIn = perGroup * kernel.reduce((product, k) => product * k, 1)
    return this.weighted(name, `conv${axes}d`, input, attributes, [channels, perGroup, ...kernel], fanIn, bias)
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
    return this.push(name, 'batch_norm', [input], { eps, momentum: 0.1 }, parameters)
  }

  /** Returns the finished network. `output` is the name of its last node. `initialise` creates the weights. */
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
    fanIn: number,
    bias: boolean,
    [weightName, biasName] = [`${name}.weight`, `${name}.bias`]
  ): string {
    const bound = 1 / Math.sqrt(fanIn)
    const parameters: Record<string, string> = { weight: this.parameter(weightName, weightShape, { bound }) }
    if (bias) parameters.bias = this.parameter(biasName, [weightShape[0]!], { bound })
    return this.push(name, op, [input], attributes, parameters)
  }

  private parameter(name: string, shape: number[], init: { bound?: number; value?: number }): string {
    this.parameters.push({ name, shape, ...init })
    return name
  }

  private push(
    name: string,
    op: string,
    inputs: string[],
    attributes: Record<string, AttributeValue>,
    parameters: Record<string, string>
  ): string {
    if (this.shapes.has(name)) throw new LrpError('INVALID_ARGUMENT', `two nodes are called '${name}'`)
    const node = { name, op, inputs, attributes, parameters }
    this.shapes.set(name, this.outputShape(node))
    this.nodes.push(node)
    return name
  }

  /** C++ knows it; the batch is left out. */
  private outputShape(node: GraphNode): number[] {
    const inputs = node.inputs.map((input) => [1, ...this.shapeOf(input)])
    const shapes = Object.entries(node.parameters).map(([role, tensor]): [string, number[]] => [
      role,
      this.parameters.find(({ name }) => name === tensor)!.shape
    ])
    try {
      return native().outputShape(node, inputs, Object.fromEntries(shapes)).slice(1)
    } catch (error) {
      throw toLrpError(error)
    }
  }
}

/** A setting that may be one number for all axes, also in a list of its own. */
function perAxis(value: number | number[], axes: number, node: string): number[] {
  const list = typeof value === 'number' ? [value] : value
  if (list.length === 1) return Array<number>(axes).fill(list[0]!)
  if (list.length === axes) return list
  const found = `kernel_size has ${list.length} entries, but needs ${axes}`
  throw new LrpError('INVALID_ARGUMENT', `node '${node}': ${found}`)
}

/** Settings of a convolution. Stride, padding and dilation are one number for all axes, or one number for each axis. */
export interface ConvolutionOptions {
  /** Step of the kernel (1). */
  stride?: number | number[]
  /** Zeros added on both sides of each axis (0); `same` keeps the size, `valid` adds none. */
  padding?: number | number[] | 'same' | 'valid'
  /** Distance between the kernel's elements (1). */
  dilation?: number | number[]
  /** Groups of channels that are convolved separately (1). */
  groups?: number
  /** Whether a bias is added (true). */
  bias?: boolean
}

/** Creates random weights for an architecture. The same seed gives the same weights. */
export async function initialise(architecture: Architecture, seed: number, classes?: string[]): Promise<ModelParts> {
  const { name, graph, preprocessing } = architecture
  const tensors = await callNative((addon) => addon.initialise(architecture.parameters, seed))
  return { name, graph, preprocessing, classes, tensors: new Map(Object.entries(tensors)) }
}
