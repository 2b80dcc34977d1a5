import { LrpError } from '../../core/errors.js'
import { GraphBuilder, type Architecture } from '../builder.js'
import { plainPreprocessing } from '../preprocessing.js'

export const ACTIVATIONS: Record<string, string> = {
  relu: 'relu',
  sigmoid: 'sigmoid',
  tanh: 'tanh',
  'leaky-relu': 'leaky_relu',
  gelu: 'gelu',
  elu: 'elu',
  silu: 'silu'
}

export interface ArchitectureOptions {
  classes: number
  /** Channels, height, width. */
  imageShape: number[]
  /** mlp: units of each hidden layer. */
  hiddenSize?: number[]
  activation?: string
}

/** A multilayer perceptron over the flattened image; nodes and weights named like torch.nn.Sequential's. */
export function mlp({
  classes,
  imageShape,
  hiddenSize = [128, 64],
  activation = 'relu'
}: ArchitectureOptions): Architecture {
  const builder = new GraphBuilder(imageShape)
  let index = 0
  let x = builder.add(String(index++), 'flatten', ['input'], { start_dim: 1, end_dim: -1 })
  for (const units of hiddenSize) {
    x = builder.linear(String(index++), x, units)
    x = builder.add(String(index++), ACTIVATIONS[activation]!, [x])
  }
  x = builder.linear(String(index), x, classes)
  return builder.finish('mlp', x, plainPreprocessing(imageShape))
}

/** LeNet-5 with the activation of choice and max pooling; smaller images keep their size in the first convolution. */
export function lenet({ classes, imageShape, activation = 'relu' }: ArchitectureOptions): Architecture {
  const [, height = 1, width = 1] = imageShape
  const small = Math.min(height, width) < 20
  if (Math.min(height, width) < 8)
    throw new LrpError(
      'INVALID_ARGUMENT',
      `the network lenet needs images of at least 8x8 pixels, not ${height}x${width}`
    )
  const builder = new GraphBuilder(imageShape)
  let index = 0
  const next = (): string => String(index++)
  const act = (input: string): string => builder.add(next(), ACTIVATIONS[activation]!, [input])
  const pool = (input: string): string => builder.add(next(), 'max_pool2d', [input], { kernel_size: 2, stride: 2 })
  const kernel = small ? 3 : 5
  const padding = small ? 1 : 0
  let x = pool(act(builder.convolution(next(), 'input', 6, kernel, { padding })))
  x = pool(act(builder.convolution(next(), x, 16, kernel, { padding })))
  x = builder.add(next(), 'flatten', [x], { start_dim: 1, end_dim: -1 })
  x = act(builder.linear(next(), x, 120))
  x = act(builder.linear(next(), x, 84))
  return builder.finish('lenet', builder.linear(next(), x, classes), plainPreprocessing(imageShape))
}
