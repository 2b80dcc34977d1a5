import type { ConvolutionOptions, GraphBuilder } from '../builder.js'

interface ConvNormOptions extends ConvolutionOptions {
  /** Names of convolution and norm below the block's. */
  names?: [string, string]
  eps?: number
}

/** A convolution without bias and its batch norm: `name.0` and `name.1`, unless `names` says otherwise. */
export function convNorm(
  b: GraphBuilder,
  name: string,
  input: string,
  channels: number,
  kernelSize: number | number[],
  { names: [conv, norm] = ['0', '1'], eps, ...options }: ConvNormOptions = {}
): string {
  const x = b.convolution(`${name}.${conv}`, input, channels, kernelSize, { ...options, bias: false })
  return b.batchNorm(`${name}.${norm}`, x, eps)
}

/** The same with an activation behind: `name.2`. */
export function convNormAct(
  b: GraphBuilder,
  name: string,
  input: string,
  channels: number,
  kernelSize: number,
  activation: string,
  options: ConvNormOptions = {}
): string {
  const padding = (kernelSize - 1) / 2
  return b.add(`${name}.2`, activation, [convNorm(b, name, input, channels, kernelSize, { padding, ...options })])
}

/** The sum with the input of an inverted residual, where it keeps the input's shape. */
export function withShortcut(b: GraphBuilder, name: string, input: string, output: string, stride: number): string {
  const isSame = stride === 1 && b.shapeOf(input)[0] === b.shapeOf(output)[0]
  return isSame ? b.add(`${name}.add`, 'add', [output, input]) : output
}

/** Squeeze and excitation (Hu et al. 2018): each channel times a gate computed from all channels' means. */
export function squeezeExcite(
  b: GraphBuilder,
  name: string,
  input: string,
  squeezed: number,
  [inner, gate]: [string, string]
): string {
  const channels = b.shapeOf(input)[0]!
  let x = b.add(`${name}.avgpool`, 'adaptive_avg_pool2d', [input], { output_size: [1, 1] })
  x = b.add(`${name}.activation`, inner, [b.convolution(`${name}.fc1`, x, squeezed, 1)])
  x = b.add(`${name}.scale_activation`, gate, [b.convolution(`${name}.fc2`, x, channels, 1)])
  return b.add(name, 'mul', [input, x])
}

/** Mean over the image and a flat vector of channels: what a classifier reads. */
export function pooled(b: GraphBuilder, input: string, size = 1): string {
  const x = b.add('avgpool', 'adaptive_avg_pool2d', [input], { output_size: [size, size] })
  return b.add('flatten', 'flatten', [x], { start_dim: 1, end_dim: -1 })
}

/** The nearest multiple of 8 that is at most a tenth smaller: how MobileNets round channels. */
export function roundChannels(channels: number): number {
  const rounded = Math.max(8, Math.floor((channels + 4) / 8) * 8)
  return rounded < 0.9 * channels ? rounded + 8 : rounded
}

/** TensorFlow's `same`: an odd number of rows or columns has the larger half below and to the right, in a node of its own. */
export function samePadded(
  b: GraphBuilder,
  name: string,
  input: string,
  kernel: number,
  stride: number
): { x: string; padding: number[] } {
  const sides = b.shapeOf(input).slice(1)
  const needed = sides.map((side) => Math.max((Math.ceil(side / stride) - 1) * stride + kernel - side, 0))
  if (needed.every((count) => count % 2 === 0)) return { x: input, padding: needed.map((count) => count / 2) }
  const padding = needed.toReversed().flatMap((count) => [Math.floor(count / 2), Math.ceil(count / 2)])
  return { x: b.add(name, 'pad', [input], { padding }), padding: [0, 0] }
}
