import { GraphBuilder, type Architecture } from '../builder.js'
import { imagenetPreprocessing } from '../preprocessing.js'
import { pooled, roundChannels, samePadded } from './blocks.js'
import { STAGES } from './efficientnet.js'
import type { ArchitectureOptions } from './mlp.js'

/** Width, depth, side of the images. */
const NETWORKS: Record<string, [number, number, number]> = {
  efficientnet_lite0: [1, 1, 224],
  efficientnet_lite1: [1, 1.1, 240],
  efficientnet_lite2: [1.1, 1.2, 260]
}

const EPS = 1e-3

/**
 * EfficientNet (Tan and Le 2019) without squeeze and excitation, with ReLU6, and with TensorFlow's `same` padding for the size it is
 * built for. Its names are those of the published PyTorch weights.
 */
export function efficientnetLite(name: string): (options: ArchitectureOptions) => Architecture {
  const [width, depth, side] = NETWORKS[name]!
  return ({ classes, imageShape }) => {
    const b = new GraphBuilder(imageShape)
    let x = convNormRelu6(b, ['_conv_stem', '_bn0', '_relu'], 'input', 32, 3, 2)
    let block = 0
    STAGES.forEach(([expansion, kernel, stride, channels, repeats], stage) => {
      const isOuter = stage === 0 || stage === STAGES.length - 1
      const count = isOuter ? repeats : Math.ceil(depth * repeats)
      for (let i = 0; i < count; i++) {
        const settings = { expansion, kernel, channels: roundChannels(channels * width), stride: i === 0 ? stride : 1 }
        x = invertedResidual(b, `_blocks.${block++}`, x, settings)
      }
    })
    x = pooled(b, convNormRelu6(b, ['_conv_head', '_bn1', '_head_relu'], x, 1280, 1))
    x = b.add('_dropout', 'dropout', [x], { p: 0.2 })
    return b.finish(name, b.linear('_fc', x, classes), litePreprocessing(side))
  }
}

/** The networks were trained on bytes minus 127, divided by 128. */
function litePreprocessing(side: number): ReturnType<typeof imagenetPreprocessing> {
  const all = (value: number): number[] => [value, value, value]
  return { ...imagenetPreprocessing(side + 32, side), mean: all(0.498), std: all(0.502) }
}

function invertedResidual(
  b: GraphBuilder,
  name: string,
  input: string,
  { expansion, kernel, channels, stride }: { expansion: number; kernel: number; channels: number; stride: number }
): string {
  const inputs = b.shapeOf(input)[0]!
  const hidden = inputs * expansion
  const named = (...parts: string[]): [string, string, string] =>
    parts.map((part) => `${name}.${part}`) as [string, string, string]
  let x = input
  if (expansion !== 1) x = convNormRelu6(b, named('_expand_conv', '_bn0', '_expand_relu'), x, hidden, 1)
  x = convNormRelu6(b, named('_depthwise_conv', '_bn1', '_relu'), x, hidden, kernel, stride, hidden)
  const [project, norm] = named('_project_conv', '_bn2')
  x = b.batchNorm(norm, b.convolution(project, x, channels, 1, { bias: false }), EPS)
  return stride === 1 && inputs === channels ? b.add(`${name}.add`, 'add', [x, input]) : x
}

function convNormRelu6(
  b: GraphBuilder,
  [conv, norm, relu]: [string, string, string],
  input: string,
  channels: number,
  kernel: number,
  stride = 1,
  groups = 1
): string {
  const { x, padding } = samePadded(b, `${conv}.static_padding`, input, kernel, stride)
  const y = b.convolution(conv, x, channels, kernel, { stride, padding, groups, bias: false })
  return b.add(relu, 'relu6', [b.batchNorm(norm, y, EPS)])
}
