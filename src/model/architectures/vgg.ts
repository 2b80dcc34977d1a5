import { GraphBuilder, type Architecture } from '../builder.js'
import { imagenetPreprocessing } from '../preprocessing.js'
import type { ArchitectureOptions } from './mlp.js'

/** Channels of each convolution; 0 is a max pooling. */
const STAGES: Record<string, number[]> = {
  vgg11: [64, 0, 128, 0, 256, 256, 0, 512, 512, 0, 512, 512, 0],
  vgg13: [64, 64, 0, 128, 128, 0, 256, 256, 0, 512, 512, 0, 512, 512, 0],
  vgg16: [64, 64, 0, 128, 128, 0, 256, 256, 256, 0, 512, 512, 512, 0, 512, 512, 512, 0],
  vgg19: [64, 64, 0, 128, 128, 0, 256, 256, 256, 256, 0, 512, 512, 512, 512, 0, 512, 512, 512, 512, 0]
}

/** Simonyan and Zisserman 2015, with torchvision's names: `features.0.weight`, ..., `classifier.6.bias`. */
export function vgg(name: string): (options: ArchitectureOptions) => Architecture {
  const batchNorm = name.endsWith('_bn')
  const stages = STAGES[name.replace('_bn', '')]!
  return ({ classes, imageShape }) => {
    const builder = new GraphBuilder(imageShape)
    let index = 0
    const next = (): string => `features.${index++}`
    let x = 'input'
    for (const channels of stages) {
      if (channels === 0) {
        x = builder.add(next(), 'max_pool2d', [x], { kernel_size: 2, stride: 2 })
        continue
      }
      x = builder.convolution(next(), x, channels, 3, { padding: 1 })
      if (batchNorm) x = builder.batchNorm(next(), x)
      x = builder.add(next(), 'relu', [x])
    }
    x = builder.add('avgpool', 'adaptive_avg_pool2d', [x], { output_size: [7, 7] })
    x = builder.add('flatten', 'flatten', [x], { start_dim: 1, end_dim: -1 })
    for (const first of [0, 3]) {
      x = builder.linear(`classifier.${first}`, x, 4096)
      x = builder.add(`classifier.${first + 1}`, 'relu', [x])
      x = builder.add(`classifier.${first + 2}`, 'dropout', [x], { p: 0.5 })
    }
    return builder.finish(name, builder.linear('classifier.6', x, classes), imagenetPreprocessing())
  }
}
