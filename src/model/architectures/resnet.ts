import { GraphBuilder, type Architecture } from '../builder.js'
import { cifarPreprocessing, imagenetPreprocessing } from '../preprocessing.js'
import type { ArchitectureOptions } from './mlp.js'

interface Shape {
  blocks: number[]
  bottleneck: boolean
  /** Width of the 3x3 convolution of a bottleneck at 64 planes, and its groups. */
  width?: number
  groups?: number
}

const SHAPES: Record<string, Shape> = {
  resnet18: { blocks: [2, 2, 2, 2], bottleneck: false },
  resnet34: { blocks: [3, 4, 6, 3], bottleneck: false },
  resnet50: { blocks: [3, 4, 6, 3], bottleneck: true },
  resnet101: { blocks: [3, 4, 23, 3], bottleneck: true },
  resnet152: { blocks: [3, 8, 36, 3], bottleneck: true },
  wide_resnet50_2: { blocks: [3, 4, 6, 3], bottleneck: true, width: 128 },
  resnext50_32x4d: { blocks: [3, 4, 6, 3], bottleneck: true, width: 128, groups: 32 }
}

/** He et al. 2016, with torchvision's names: `layer1.0.conv1.weight`, ... */
export function resnet(name: string): (options: ArchitectureOptions) => Architecture {
  const shape = SHAPES[name]!
  return ({ classes, imageShape }) => {
    const b = new GraphBuilder(imageShape)
    let x = b.convolution('conv1', 'input', 64, 7, { stride: 2, padding: 3, bias: false })
    x = b.add('relu', 'relu', [b.batchNorm('bn1', x)])
    x = b.add('maxpool', 'max_pool2d', [x], { kernel_size: 3, stride: 2, padding: 1 })
    shape.blocks.forEach((count, stage) => {
      for (let i = 0; i < count; i++) {
        const stride = stage > 0 && i === 0 ? 2 : 1
        x = (shape.bottleneck ? bottleneck : basic)(b, `layer${stage + 1}.${i}`, x, 64 << stage, stride, shape)
      }
    })
    x = b.add('avgpool', 'adaptive_avg_pool2d', [x], { output_size: [1, 1] })
    x = b.add('flatten', 'flatten', [x], { start_dim: 1, end_dim: -1 })
    return b.finish(name, b.linear('fc', x, classes), imagenetPreprocessing())
  }
}

function basic(b: GraphBuilder, name: string, input: string, planes: number, stride: number): string {
  let x = b.convolution(`${name}.conv1`, input, planes, 3, { stride, padding: 1, bias: false })
  x = b.add(`${name}.relu`, 'relu', [b.batchNorm(`${name}.bn1`, x)])
  x = b.convolution(`${name}.conv2`, x, planes, 3, { padding: 1, bias: false })
  return joined(b, name, b.batchNorm(`${name}.bn2`, x), shortcut(b, name, input, planes, stride), 'relu#2')
}

function bottleneck(
  b: GraphBuilder,
  name: string,
  input: string,
  planes: number,
  stride: number,
  shape: Shape
): string {
  const width = (planes * (shape.width ?? 64)) / 64
  let x = b.convolution(`${name}.conv1`, input, width, 1, { bias: false })
  x = b.add(`${name}.relu`, 'relu', [b.batchNorm(`${name}.bn1`, x)])
  x = b.convolution(`${name}.conv2`, x, width, 3, { stride, padding: 1, groups: shape.groups ?? 1, bias: false })
  x = b.add(`${name}.relu#2`, 'relu', [b.batchNorm(`${name}.bn2`, x)])
  x = b.convolution(`${name}.conv3`, x, planes * 4, 1, { bias: false })
  const side = shortcut(b, name, input, planes * 4, stride)
  return joined(b, name, b.batchNorm(`${name}.bn3`, x), side, 'relu#3')
}

/** The input itself, or a 1x1 convolution where size or channels change. */
function shortcut(b: GraphBuilder, name: string, input: string, channels: number, stride: number): string {
  if (stride === 1 && b.shapeOf(input)[0] === channels) return input
  const x = b.convolution(`${name}.downsample.0`, input, channels, 1, { stride, bias: false })
  return b.batchNorm(`${name}.downsample.1`, x)
}

function joined(b: GraphBuilder, name: string, body: string, side: string, relu: string): string {
  return b.add(`${name}.${relu}`, 'relu', [b.add(`${name}.add`, 'add', [body, side])])
}

/**
 * ResNets for CIFAR (He et al. 2016, section 4.2), with the names of akamaster/pytorch_resnet_cifar10. Shortcuts of option
 * A: every second pixel, channels padded with zeros.
 */
export function cifarResnet(depth: number): (options: ArchitectureOptions) => Architecture {
  const blocks = (depth - 2) / 6
  return ({ classes, imageShape }) => {
    const b = new GraphBuilder(imageShape)
    let x = b.convolution('conv1', 'input', 16, 3, { padding: 1, bias: false })
    x = b.add('relu', 'relu', [b.batchNorm('bn1', x)])
    for (const stage of [0, 1, 2]) {
      for (let i = 0; i < blocks; i++) {
        const stride = stage > 0 && i === 0 ? 2 : 1
        x = cifarBlock(b, `layer${stage + 1}.${i}`, x, 16 << stage, stride)
      }
    }
    x = b.add('avg_pool2d', 'adaptive_avg_pool2d', [x], { output_size: [1, 1] })
    x = b.add('flatten', 'flatten', [x], { start_dim: 1, end_dim: -1 })
    return b.finish(`resnet${depth}`, b.linear('linear', x, classes), cifarPreprocessing())
  }
}

function cifarBlock(b: GraphBuilder, name: string, input: string, planes: number, stride: number): string {
  let x = b.convolution(`${name}.conv1`, input, planes, 3, { stride, padding: 1, bias: false })
  x = b.add(`${name}.relu`, 'relu', [b.batchNorm(`${name}.bn1`, x)])
  x = b.convolution(`${name}.conv2`, x, planes, 3, { padding: 1, bias: false })
  x = b.batchNorm(`${name}.bn2`, x)
  let side = input
  if (stride > 1) {
    side = b.add(`${name}.shortcut.rows`, 'slice', [side], { dim: 2, step: 2 })
    side = b.add(`${name}.shortcut.columns`, 'slice', [side], { dim: 3, step: 2 })
    const extra = planes / 4
    side = b.add(`${name}.shortcut`, 'pad', [side], { padding: [0, 0, 0, 0, extra, extra] })
  }
  return joined(b, name, x, side, 'relu#2')
}
