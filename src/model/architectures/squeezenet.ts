import { GraphBuilder, type Architecture } from '../builder.js'
import { imagenetPreprocessing } from '../preprocessing.js'
import type { ArchitectureOptions } from './mlp.js'

/** First convolution, then squeezed and expanded channels of each fire module; 0 is a max pooling. */
const NETWORKS: Record<string, { first: [channels: number, kernel: number]; fires: ([number, number] | 0)[] }> = {
  squeezenet1_0: {
    first: [96, 7],
    fires: [0, [16, 64], [16, 64], [32, 128], 0, [32, 128], [48, 192], [48, 192], [64, 256], 0, [64, 256]]
  },
  squeezenet1_1: {
    first: [64, 3],
    fires: [0, [16, 64], [16, 64], 0, [32, 128], [32, 128], 0, [48, 192], [48, 192], [64, 256], [64, 256]]
  }
}

/** Iandola et al. 2016, with torchvision's names. */
export function squeezenet(name: string): (options: ArchitectureOptions) => Architecture {
  const { first, fires } = NETWORKS[name]!
  return ({ classes, imageShape }) => {
    const b = new GraphBuilder(imageShape)
    let x = b.add('features.1', 'relu', [b.convolution('features.0', 'input', ...first, { stride: 2 })])
    fires.forEach((part, i) => {
      const at = `features.${i + 2}`
      x =
        part === 0
          ? b.add(at, 'max_pool2d', [x], { kernel_size: 3, stride: 2, ceil_mode: true })
          : fire(b, at, x, ...part)
    })
    x = b.add('classifier.0', 'dropout', [x], { p: 0.5 })
    x = b.add('classifier.2', 'relu', [b.convolution('classifier.1', x, classes, 1)])
    x = b.add('classifier.3', 'adaptive_avg_pool2d', [x], { output_size: [1, 1] })
    return b.finish(name, b.add('flatten', 'flatten', [x], { start_dim: 1, end_dim: -1 }), imagenetPreprocessing())
  }
}

function fire(b: GraphBuilder, name: string, input: string, squeezed: number, expanded: number): string {
  const squeeze = b.convolution(`${name}.squeeze`, input, squeezed, 1)
  const x = b.add(`${name}.squeeze_activation`, 'relu', [squeeze])
  const expand = (part: string, kernel: number): string => {
    const y = b.convolution(`${name}.${part}`, x, expanded, kernel, { padding: (kernel - 1) / 2 })
    return b.add(`${name}.${part}_activation`, 'relu', [y])
  }
  return b.add(`${name}.cat`, 'cat', [expand('expand1x1', 1), expand('expand3x3', 3)], { dim: 1 })
}
