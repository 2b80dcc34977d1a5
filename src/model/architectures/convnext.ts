import { GraphBuilder, type Architecture } from '../builder.js'
import { imagenetPreprocessing } from '../preprocessing.js'
import type { ArchitectureOptions } from './mlp.js'

/** Channels and blocks of each stage. */
const STAGES: [number, number][] = [
  [96, 3],
  [192, 3],
  [384, 9],
  [768, 3]
]
const EPS = 1e-6

/** Liu et al. 2022, the tiny one, with torchvision's names. */
export function convnextTiny({ classes, imageShape }: ArchitectureOptions): Architecture {
  const b = new GraphBuilder(imageShape)
  let x = b.convolution('features.0.0', 'input', STAGES[0]![0], 4, { stride: 4 })
  x = channelNorm(b, 'features.0.1', x)
  STAGES.forEach(([channels, blocks], stage) => {
    if (stage > 0) {
      const at = `features.${2 * stage}`
      x = b.convolution(`${at}.1`, channelNorm(b, `${at}.0`, x), channels, 2, { stride: 2 })
    }
    for (let i = 0; i < blocks; i++) x = block(b, `features.${2 * stage + 1}.${i}`, x, channels)
  })
  x = b.add('avgpool', 'adaptive_avg_pool2d', [x], { output_size: [1, 1] })
  x = b.add('classifier.1', 'flatten', [channelNorm(b, 'classifier.0', x)], { start_dim: 1, end_dim: -1 })
  return b.finish('convnext_tiny', b.linear('classifier.2', x, classes), imagenetPreprocessing(236, 224))
}

/** Layer norm over the channels of every pixel. */
function channelNorm(b: GraphBuilder, name: string, x: string): string {
  const last = b.add(`${name}.permute`, 'permute', [x], { dims: [0, 2, 3, 1] })
  return b.add(`${name}.back`, 'permute', [b.layerNorm(name, last, EPS)], { dims: [0, 3, 1, 2] })
}

function block(b: GraphBuilder, name: string, input: string, channels: number): string {
  let x = b.convolution(`${name}.block.0`, input, channels, 7, { padding: 3, groups: channels })
  x = b.layerNorm(`${name}.block.2`, b.add(`${name}.block.1`, 'permute', [x], { dims: [0, 2, 3, 1] }), EPS)
  x = b.add(`${name}.block.4`, 'gelu', [b.linear(`${name}.block.3`, x, 4 * channels)])
  x = b.add(`${name}.block.6`, 'permute', [b.linear(`${name}.block.5`, x, channels)], { dims: [0, 3, 1, 2] })
  const scale = b.constant(`${name}.layer_scale`, [channels, 1, 1], { value: 1e-6 })
  return b.add(`${name}.add`, 'add', [b.add(`${name}.scaled`, 'mul', [x, scale]), input])
}
