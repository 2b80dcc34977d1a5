import { GraphBuilder, type Architecture } from '../builder.js'
import { imagenetPreprocessing } from '../preprocessing.js'
import { convNorm, convNormAct, pooled, roundChannels, squeezeExcite, withShortcut } from './blocks.js'
import type { ArchitectureOptions } from './mlp.js'

/** Expansion, channels, repeats, stride of each stage of version 2. */
const STAGES_V2: [number, number, number, number][] = [
  [1, 16, 1, 1],
  [6, 24, 2, 2],
  [6, 32, 3, 2],
  [6, 64, 4, 2],
  [6, 96, 3, 1],
  [6, 160, 3, 2],
  [6, 320, 1, 1]
]

/** Sandler et al. 2018, with torchvision's names. */
export function mobilenetV2({ classes, imageShape }: ArchitectureOptions): Architecture {
  const b = new GraphBuilder(imageShape)
  let x = convNormAct(b, 'features.0', 'input', 32, 3, 'relu6', { stride: 2 })
  let index = 1
  for (const [expansion, channels, repeats, stride] of STAGES_V2) {
    for (let i = 0; i < repeats; i++) {
      x = invertedResidual(b, `features.${index++}`, x, expansion, channels, i === 0 ? stride : 1)
    }
  }
  x = pooled(b, convNormAct(b, `features.${index}`, x, 1280, 1, 'relu6'))
  x = b.add('classifier.0', 'dropout', [x], { p: 0.2 })
  return b.finish('mobilenet_v2', b.linear('classifier.1', x, classes), imagenetPreprocessing())
}

function invertedResidual(
  b: GraphBuilder,
  name: string,
  input: string,
  expansion: number,
  channels: number,
  stride: number
): string {
  const inputs = b.shapeOf(input)[0]!
  const hidden = inputs * expansion
  let [x, index] = [input, 0]
  if (expansion !== 1) x = convNormAct(b, `${name}.conv.${index++}`, x, hidden, 1, 'relu6')
  x = convNormAct(b, `${name}.conv.${index++}`, x, hidden, 3, 'relu6', { stride, groups: hidden })
  x = convNorm(b, `${name}.conv`, x, channels, 1, { names: [String(index), String(index + 1)] })
  return withShortcut(b, name, input, x, stride)
}

/** Kernel, hidden channels, channels, squeeze and excitation, activation, stride. */
type BlockV3 = [number, number, number, boolean, 'relu' | 'hardswish', number]

const NETWORKS_V3: Record<string, { blocks: BlockV3[]; last: number }> = {
  mobilenet_v3_large: {
    blocks: [
      [3, 16, 16, false, 'relu', 1],
      [3, 64, 24, false, 'relu', 2],
      [3, 72, 24, false, 'relu', 1],
      [5, 72, 40, true, 'relu', 2],
      [5, 120, 40, true, 'relu', 1],
      [5, 120, 40, true, 'relu', 1],
      [3, 240, 80, false, 'hardswish', 2],
      [3, 200, 80, false, 'hardswish', 1],
      [3, 184, 80, false, 'hardswish', 1],
      [3, 184, 80, false, 'hardswish', 1],
      [3, 480, 112, true, 'hardswish', 1],
      [3, 672, 112, true, 'hardswish', 1],
      [5, 672, 160, true, 'hardswish', 2],
      [5, 960, 160, true, 'hardswish', 1],
      [5, 960, 160, true, 'hardswish', 1]
    ],
    last: 1280
  },
  mobilenet_v3_small: {
    blocks: [
      [3, 16, 16, true, 'relu', 2],
      [3, 72, 24, false, 'relu', 2],
      [3, 88, 24, false, 'relu', 1],
      [5, 96, 40, true, 'hardswish', 2],
      [5, 240, 40, true, 'hardswish', 1],
      [5, 240, 40, true, 'hardswish', 1],
      [5, 120, 48, true, 'hardswish', 1],
      [5, 144, 48, true, 'hardswish', 1],
      [5, 288, 96, true, 'hardswish', 2],
      [5, 576, 96, true, 'hardswish', 1],
      [5, 576, 96, true, 'hardswish', 1]
    ],
    last: 1024
  }
}

const EPS = 0.001

/** Howard et al. 2019, with torchvision's names. */
export function mobilenetV3(name: string): (options: ArchitectureOptions) => Architecture {
  const { blocks, last } = NETWORKS_V3[name]!
  return ({ classes, imageShape }) => {
    const b = new GraphBuilder(imageShape)
    let x = convNormAct(b, 'features.0', 'input', 16, 3, 'hardswish', { stride: 2, eps: EPS })
    blocks.forEach((block, i) => (x = blockV3(b, `features.${i + 1}`, x, block)))
    const hidden = 6 * b.shapeOf(x)[0]!
    x = pooled(b, convNormAct(b, `features.${blocks.length + 1}`, x, hidden, 1, 'hardswish', { eps: EPS }))
    x = b.add('classifier.1', 'hardswish', [b.linear('classifier.0', x, last)])
    x = b.add('classifier.2', 'dropout', [x], { p: 0.2 })
    return b.finish(name, b.linear('classifier.3', x, classes), imagenetPreprocessing())
  }
}

function blockV3(b: GraphBuilder, name: string, input: string, block: BlockV3): string {
  const [kernel, hidden, channels, squeezes, activation, stride] = block
  const inputs = b.shapeOf(input)[0]!
  let [x, index] = [input, 0]
  const next = (): string => `${name}.block.${index++}`
  if (hidden !== inputs) x = convNormAct(b, next(), x, hidden, 1, activation, { eps: EPS })
  x = convNormAct(b, next(), x, hidden, kernel, activation, { stride, groups: hidden, eps: EPS })
  if (squeezes) x = squeezeExcite(b, next(), x, roundChannels(hidden / 4), ['relu', 'hardsigmoid'])
  x = convNorm(b, next(), x, channels, 1, { eps: EPS })
  return withShortcut(b, name, input, x, stride)
}
