import { GraphBuilder, type Architecture } from '../builder.js'
import { imagenetPreprocessing } from '../preprocessing.js'
import { pooled } from './blocks.js'
import type { ArchitectureOptions } from './mlp.js'

/** Channels, kernel, stride, padding, and whether a max pooling follows. */
const CONVOLUTIONS: [number, number, number, number, boolean][] = [
  [64, 11, 4, 2, true],
  [192, 5, 1, 2, true],
  [384, 3, 1, 1, false],
  [256, 3, 1, 1, false],
  [256, 3, 1, 1, true]
]

/** Krizhevsky 2014 ("one weird trick"), with torchvision's names. */
export function alexnet({ classes, imageShape }: ArchitectureOptions): Architecture {
  const b = new GraphBuilder(imageShape)
  let [x, index] = ['input', 0]
  const next = (): string => `features.${index++}`
  for (const [channels, kernel, stride, padding, pool] of CONVOLUTIONS) {
    x = b.convolution(next(), x, channels, kernel, { stride, padding })
    x = b.add(next(), 'relu', [x])
    if (pool) x = b.add(next(), 'max_pool2d', [x], { kernel_size: 3, stride: 2 })
  }
  x = pooled(b, x, 6)
  for (const first of [0, 3]) {
    x = b.add(`classifier.${first}`, 'dropout', [x], { p: 0.5 })
    x = b.add(`classifier.${first + 2}`, 'relu', [b.linear(`classifier.${first + 1}`, x, 4096)])
  }
  return b.finish('alexnet', b.linear('classifier.6', x, classes), imagenetPreprocessing())
}
