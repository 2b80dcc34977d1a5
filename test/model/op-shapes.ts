import type { AttributeValue } from '../../src/core/graph.js'

export type Shapes = [
  inputs: number[][],
  attributes?: Record<string, AttributeValue>,
  parameters?: Record<string, number[]>
]

/** For every op of ours: shapes of inputs, attributes, shapes of parameters. */
export function shapesOf(op: string): Shapes {
  const axes = Number(/(\d)d$/.exec(op)?.[1] ?? 0)
  const image = [2, 4, ...[6, 5, 4].slice(0, axes)]
  const each = (value: number): number[] => Array<number>(axes).fill(value)
  if (op.startsWith('conv_')) return [[image], { stride: 2, groups: 2 }, { weight: [4, 3, ...each(2)] }]
  if (op.startsWith('conv')) return [[image], { padding: 1, groups: 2 }, { weight: [6, 2, ...each(3)] }]
  if (op.startsWith('adaptive')) return [[image], { output_size: 2 }]
  if (axes > 0) return [[image], { kernel_size: 2, ceil_mode: true }]
  const own: Record<string, Shapes> = {
    linear: [[[2, 5]], {}, { weight: [3, 5] }],
    batch_norm: [[[2, 3, 2, 2]], {}, { weight: [3], running_mean: [3], running_var: [3] }],
    layer_norm: [[[2, 3, 6]], { normalized_shape: [6] }, { weight: [6] }],
    group_norm: [[[2, 4, 3, 3]], { num_groups: 2 }, { weight: [4] }],
    add: [
      [
        [2, 3, 4],
        [2, 3, 4],
        [3, 1]
      ]
    ],
    sub: [
      [
        [2, 3, 4],
        [3, 1]
      ]
    ],
    mul: [
      [
        [2, 3, 4],
        [3, 1]
      ]
    ],
    div: [
      [
        [2, 3, 4],
        [2, 3, 4]
      ]
    ],
    add_scalar: [[[2, 3]], { value: 0.7 }],
    mul_scalar: [[[2, 3]], { value: -0.7 }],
    cat: [
      [
        [2, 3],
        [2, 4]
      ],
      { dim: 1 }
    ],
    matmul: [
      [
        [2, 3, 4],
        [2, 4, 5]
      ]
    ],
    expand_batch: [
      [
        [1, 3],
        [2, 4]
      ]
    ],
    constant: [[], {}, { value: [1, 3] }],
    other_input: [[[2, 5]], {}, { value: [1, 3] }],
    scaled_dot_product_attention: [
      [
        [2, 3, 4],
        [2, 3, 4],
        [2, 3, 4]
      ]
    ],
    softmax: [[[2, 3]], { dim: 1 }],
    log_softmax: [[[2, 3]], { dim: 1 }],
    mean: [[[2, 3, 4]], { dim: [2] }],
    sum: [[[2, 3, 4]], { dim: [1, 2] }],
    interpolate: [[[2, 3, 4, 4]], { size: [7, 5], mode: 'bilinear' }],
    flatten: [[[2, 3, 4]]],
    reshape: [[[2, 3, 4]], { shape: [0, 12] }],
    permute: [[[2, 3, 4]], { dims: [0, 2, 1] }],
    squeeze: [[[2, 1, 4]], { dim: 1 }],
    unsqueeze: [[[2, 4]], { dim: 1 }],
    slice: [[[2, 5]], { dim: 1, start: 1, step: 2 }],
    select: [[[2, 5, 3]], { dim: 1, index: -1 }],
    pad: [[[2, 3, 4]], { padding: [1, 2], value: 0.3 }]
  }
  return own[op] ?? [[[2, 3, 4]]] // pointwise functions
}
