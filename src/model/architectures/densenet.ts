import { GraphBuilder, type Architecture } from '../builder.js'
import { imagenetPreprocessing } from '../preprocessing.js'
import { pooled } from './blocks.js'
import type { ArchitectureOptions } from './mlp.js'

const LAYERS = [6, 12, 24, 16]
const GROWTH = 32

/** Huang et al. 2017, 121 layers, with torchvision's names. */
export function densenet121({ classes, imageShape }: ArchitectureOptions): Architecture {
  const b = new GraphBuilder(imageShape)
  const normRelu = (parent: string, suffix: string, x: string): string =>
    b.add(`${parent}.relu${suffix}`, 'relu', [b.batchNorm(`${parent}.norm${suffix}`, x)])
  let x = b.convolution('features.conv0', 'input', 64, 7, { stride: 2, padding: 3, bias: false })
  x = normRelu('features', '0', x)
  x = b.add('features.pool0', 'max_pool2d', [x], { kernel_size: 3, stride: 2, padding: 1 })
  LAYERS.forEach((layers, i) => {
    for (let j = 1; j <= layers; j++) {
      const at = `features.denseblock${i + 1}.denselayer${j}`
      let y = b.convolution(`${at}.conv1`, normRelu(at, '1', x), 4 * GROWTH, 1, { bias: false })
      y = b.convolution(`${at}.conv2`, normRelu(at, '2', y), GROWTH, 3, { padding: 1, bias: false })
      x = b.add(`${at}.cat`, 'cat', [x, y], { dim: 1 })
    }
    if (i === LAYERS.length - 1) return
    const at = `features.transition${i + 1}`
    x = b.convolution(`${at}.conv`, normRelu(at, '', x), b.shapeOf(x)[0]! / 2, 1, { bias: false })
    x = b.add(`${at}.pool`, 'avg_pool2d', [x], { kernel_size: 2, stride: 2 })
  })
  x = b.add('relu', 'relu', [b.batchNorm('features.norm5', x)])
  return b.finish('densenet121', b.linear('classifier', pooled(b, x), classes), imagenetPreprocessing())
}
