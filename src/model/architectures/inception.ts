import { GraphBuilder, type Architecture } from '../builder.js'
import { halfPreprocessing } from '../preprocessing.js'
import { convNorm, pooled } from './blocks.js'
import type { ArchitectureOptions } from './mlp.js'

/** Name, channels, kernel, and stride or padding where they are not 1 and "same". */
type Layer = [
  name: string,
  channels: number,
  kernel: number | [number, number],
  options?: { stride?: number; padding?: number }
]
/** Convolutions one after the other; a fork at the end is joined by channels. */
type Branch = { pool?: 'avg' | 'max'; layers: Layer[]; fork?: Layer[] }

const REDUCE = { stride: 2, padding: 0 }

const blockA = (pool: number): Branch[] => [
  { layers: [['branch1x1', 64, 1]] },
  {
    layers: [
      ['branch5x5_1', 48, 1],
      ['branch5x5_2', 64, 5]
    ]
  },
  {
    layers: [
      ['branch3x3dbl_1', 64, 1],
      ['branch3x3dbl_2', 96, 3],
      ['branch3x3dbl_3', 96, 3]
    ]
  },
  { pool: 'avg', layers: [['branch_pool', pool, 1]] }
]

const blockB: Branch[] = [
  { layers: [['branch3x3', 384, 3, REDUCE]] },
  {
    layers: [
      ['branch3x3dbl_1', 64, 1],
      ['branch3x3dbl_2', 96, 3],
      ['branch3x3dbl_3', 96, 3, REDUCE]
    ]
  },
  { pool: 'max', layers: [] }
]

const blockC = (c: number): Branch[] => [
  { layers: [['branch1x1', 192, 1]] },
  {
    layers: [
      ['branch7x7_1', c, 1],
      ['branch7x7_2', c, [1, 7]],
      ['branch7x7_3', 192, [7, 1]]
    ]
  },
  {
    layers: [
      ['branch7x7dbl_1', c, 1],
      ['branch7x7dbl_2', c, [7, 1]],
      ['branch7x7dbl_3', c, [1, 7]],
      ['branch7x7dbl_4', c, [7, 1]],
      ['branch7x7dbl_5', 192, [1, 7]]
    ]
  },
  { pool: 'avg', layers: [['branch_pool', 192, 1]] }
]

const blockD: Branch[] = [
  {
    layers: [
      ['branch3x3_1', 192, 1],
      ['branch3x3_2', 320, 3, REDUCE]
    ]
  },
  {
    layers: [
      ['branch7x7x3_1', 192, 1],
      ['branch7x7x3_2', 192, [1, 7]],
      ['branch7x7x3_3', 192, [7, 1]],
      ['branch7x7x3_4', 192, 3, REDUCE]
    ]
  },
  { pool: 'max', layers: [] }
]

const blockE: Branch[] = [
  { layers: [['branch1x1', 320, 1]] },
  {
    layers: [['branch3x3_1', 384, 1]],
    fork: [
      ['branch3x3_2a', 384, [1, 3]],
      ['branch3x3_2b', 384, [3, 1]]
    ]
  },
  {
    layers: [
      ['branch3x3dbl_1', 448, 1],
      ['branch3x3dbl_2', 384, 3]
    ],
    fork: [
      ['branch3x3dbl_3a', 384, [1, 3]],
      ['branch3x3dbl_3b', 384, [3, 1]]
    ]
  },
  { pool: 'avg', layers: [['branch_pool', 192, 1]] }
]

const BLOCKS: [string, Branch[]][] = [
  ['Mixed_5b', blockA(32)],
  ['Mixed_5c', blockA(64)],
  ['Mixed_5d', blockA(64)],
  ['Mixed_6a', blockB],
  ['Mixed_6b', blockC(128)],
  ['Mixed_6c', blockC(160)],
  ['Mixed_6d', blockC(160)],
  ['Mixed_6e', blockC(192)],
  ['Mixed_7a', blockD],
  ['Mixed_7b', blockE],
  ['Mixed_7c', blockE]
]

/**
 * Szegedy et al. 2016, torchvision's names. The auxiliary classifier acts in training only and is left out.
 * torchvision's own weights want images from -1 to 1 (`transform_input`): the preprocessing sees to that.
 */
export function inceptionV3({ classes, imageShape }: ArchitectureOptions): Architecture {
  const b = new GraphBuilder(imageShape)
  const maxPool = (name: string, x: string): string => b.add(name, 'max_pool2d', [x], { kernel_size: 3, stride: 2 })
  let x = basic(b, '', 'input', ['Conv2d_1a_3x3', 32, 3, REDUCE])
  x = basic(b, '', x, ['Conv2d_2a_3x3', 32, 3, { padding: 0 }])
  x = maxPool('maxpool1', basic(b, '', x, ['Conv2d_2b_3x3', 64, 3]))
  x = basic(b, '', x, ['Conv2d_3b_1x1', 80, 1])
  x = maxPool('maxpool2', basic(b, '', x, ['Conv2d_4a_3x3', 192, 3, { padding: 0 }]))
  for (const [name, branches] of BLOCKS) {
    const outputs = branches.flatMap((branch) => runBranch(b, name, x, branch))
    x = b.add(`${name}.cat`, 'cat', outputs, { dim: 1 })
  }
  x = b.add('dropout', 'dropout', [pooled(b, x)], { p: 0.5 })
  return b.finish('inception_v3', b.linear('fc', x, classes), halfPreprocessing(342, 299))
}

function runBranch(b: GraphBuilder, block: string, input: string, { pool, layers, fork = [] }: Branch): string[] {
  let x = input
  const window = { kernel_size: 3, ...(pool === 'avg' ? { stride: 1, padding: 1 } : { stride: 2, padding: 0 }) }
  if (pool) x = b.add(`${block}.${pool}_pool`, `${pool}_pool2d`, [x], window)
  for (const layer of layers) x = basic(b, `${block}.`, x, layer)
  return fork.length === 0 ? [x] : fork.map((layer) => basic(b, `${block}.`, x, layer))
}

function basic(b: GraphBuilder, prefix: string, x: string, [name, channels, kernel, options]: Layer): string {
  const sizes = typeof kernel === 'number' ? [kernel, kernel] : kernel
  const padding = sizes.map((size) => (size - 1) / 2)
  const settings = { padding, ...options, names: ['conv', 'bn'] as [string, string], eps: 0.001 }
  return b.add(prefix + name, 'relu', [convNorm(b, prefix + name, x, channels, sizes, settings)])
}
