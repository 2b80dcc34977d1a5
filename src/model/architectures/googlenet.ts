import { GraphBuilder, type Architecture, type ConvolutionOptions } from '../builder.js'
import { halfPreprocessing } from '../preprocessing.js'
import { convNorm, pooled } from './blocks.js'
import type { ArchitectureOptions } from './mlp.js'

/** Channels of: the 1x1 branch; the second branch, reduced and full; the third; the pooled branch. 0 is a max pooling. */
type Inception = [number, number, number, number, number, number]
const STAGES: [string, Inception | number][] = [
  ['inception3a', [64, 96, 128, 16, 32, 32]],
  ['inception3b', [128, 128, 192, 32, 96, 64]],
  ['maxpool3', 3],
  ['inception4a', [192, 96, 208, 16, 48, 64]],
  ['inception4b', [160, 112, 224, 24, 64, 64]],
  ['inception4c', [128, 128, 256, 24, 64, 64]],
  ['inception4d', [112, 144, 288, 32, 64, 64]],
  ['inception4e', [256, 160, 320, 32, 128, 128]],
  ['maxpool4', 2],
  ['inception5a', [256, 160, 320, 32, 128, 128]],
  ['inception5b', [384, 192, 384, 48, 128, 128]]
]

/**
 * Szegedy et al. 2015 with batch norm, torchvision's names. The auxiliary classifiers act in training only and are left
 * out. torchvision's own weights want images from -1 to 1 (`transform_input`): the preprocessing sees to that.
 */
export function googlenet({ classes, imageShape }: ArchitectureOptions): Architecture {
  const b = new GraphBuilder(imageShape)
  const maxPool = (name: string, x: string, kernel_size: number): string =>
    b.add(name, 'max_pool2d', [x], { kernel_size, stride: 2, ceil_mode: true })
  let x = basic(b, 'conv1', 'input', 64, 7, { stride: 2, padding: 3 })
  x = basic(b, 'conv2', maxPool('maxpool1', x, 3), 64, 1)
  x = maxPool('maxpool2', basic(b, 'conv3', x, 192, 3, { padding: 1 }), 3)
  for (const [name, stage] of STAGES) {
    x = typeof stage === 'number' ? maxPool(name, x, stage) : inception(b, name, x, stage)
  }
  x = b.add('dropout', 'dropout', [pooled(b, x)], { p: 0.2 })
  return b.finish('googlenet', b.linear('fc', x, classes), halfPreprocessing(256, 224))
}

function basic(
  b: GraphBuilder,
  name: string,
  x: string,
  channels: number,
  kernel: number,
  options: ConvolutionOptions = {}
): string {
  return b.add(name, 'relu', [
    convNorm(b, name, x, channels, kernel, { ...options, names: ['conv', 'bn'], eps: 0.001 })
  ])
}

function inception(b: GraphBuilder, name: string, x: string, channels: Inception): string {
  const [first, reduced3, full3, reduced5, full5, projected] = channels
  const wide = (branch: string, reduced: number, full: number): string =>
    basic(b, `${branch}.1`, basic(b, `${branch}.0`, x, reduced, 1), full, 3, { padding: 1 })
  const pool = { kernel_size: 3, stride: 1, padding: 1, ceil_mode: true }
  const branches = [
    basic(b, `${name}.branch1`, x, first, 1),
    wide(`${name}.branch2`, reduced3, full3),
    wide(`${name}.branch3`, reduced5, full5),
    basic(b, `${name}.branch4.1`, b.add(`${name}.branch4.0`, 'max_pool2d', [x], pool), projected, 1)
  ]
  return b.add(`${name}.cat`, 'cat', branches, { dim: 1 })
}
