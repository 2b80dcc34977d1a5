import type { Preprocessing } from '../../core/graph.js'
import type { Architecture } from '../builder.js'
import { imagenetPreprocessing } from '../preprocessing.js'
import { roundChannels } from './blocks.js'
import { STAGES } from './efficientnet.js'
import type { ArchitectureOptions } from './mlp.js'
import { buildInverted, type InvertedBlock, type Unit } from './published/inverted.js'

/** Width, depth, side of the images. */
const NETWORKS: Record<string, [number, number, number]> = {
  efficientnet_lite0: [1, 1, 224],
  efficientnet_lite1: [1, 1.1, 240],
  efficientnet_lite2: [1.1, 1.2, 260]
}

/**
 * EfficientNet (Tan and Le 2019) without squeeze and excitation, with ReLU6, and with TensorFlow's `same` padding for the size it is
 * built for. Its names are those of the published PyTorch weights.
 */
export function efficientnetLite(name: string): (options: ArchitectureOptions) => Architecture {
  const [width, depth, side] = NETWORKS[name]!
  return ({ classes, imageShape }) =>
    buildInverted({
      name,
      imageShape,
      eps: 1e-3,
      padsAsTensorFlow: true,
      stem: [{ conv: '_conv_stem', norm: '_bn0', channels: 32, kernel: 3, stride: 2, activation: 'relu6' }],
      blocks: blocksOf(width, depth),
      head: [{ conv: '_conv_head', norm: '_bn1', channels: 1280, kernel: 1, activation: 'relu6' }],
      dropout: { name: '_dropout', p: 0.2 },
      classes,
      classifier: '_fc',
      preprocessing: litePreprocessing(side)
    })
}

function blocksOf(width: number, depth: number): InvertedBlock[] {
  const blocks: InvertedBlock[] = []
  let inputs = 32
  STAGES.forEach(([expansion, kernel, firstStride, wanted, repeats], stage) => {
    const isOuter = stage === 0 || stage === STAGES.length - 1
    const count = isOuter ? repeats : Math.ceil(depth * repeats)
    const channels = roundChannels(wanted * width)
    for (let i = 0; i < count; i++) {
      const at = `_blocks.${blocks.length}`
      const [hidden, stride] = [inputs * expansion, i === 0 ? firstStride : 1]
      const unit = (conv: string, norm: string, rest: Omit<Unit, 'conv' | 'norm'>): Unit => ({
        conv: `${at}.${conv}`,
        norm: `${at}.${norm}`,
        ...rest
      })
      const expand = unit('_expand_conv', '_bn0', { channels: hidden, kernel: 1, activation: 'relu6' })
      const shape = { channels: hidden, kernel, stride, groups: hidden }
      const depthwise = unit('_depthwise_conv', '_bn1', { ...shape, activation: 'relu6' })
      const project = unit('_project_conv', '_bn2', { channels, kernel: 1 })
      const units = [...(expansion === 1 ? [] : [expand]), depthwise, project]
      blocks.push({ at, units, adds: stride === 1 && inputs === channels })
      inputs = channels
    }
  })
  return blocks
}

/** The networks were trained on bytes minus 127, divided by 128. */
function litePreprocessing(side: number): Preprocessing {
  const all = (value: number): number[] => [value, value, value]
  return { ...imagenetPreprocessing(side + 32, side), mean: all(0.498), std: all(0.502) }
}
