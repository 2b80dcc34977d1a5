import { GraphBuilder, type Architecture } from '../builder.js'
import { imagenetPreprocessing } from '../preprocessing.js'
import type { ArchitectureOptions } from './mlp.js'

const PATCH = 16
const WIDTH = 768
const HEADS = 12
const LAYERS = 12
const HIDDEN = 3072
const EPS = 1e-6
/** Uniform weights with the deviation 0.02 that positions start from. */
const BOUND = 0.02 * Math.sqrt(3)

/** Dosovitskiy et al. 2021, base size, patches of 16, with torchvision's names. */
export function vitB16({ classes, imageShape }: ArchitectureOptions): Architecture {
  const b = new GraphBuilder(imageShape)
  const patches = b.convolution('conv_proj', 'input', WIDTH, PATCH, { stride: PATCH })
  const count = b
    .shapeOf(patches)
    .slice(1)
    .reduce((product, axis) => product * axis, 1)
  let x = b.add('reshape', 'reshape', [patches], { shape: [0, WIDTH, count] })
  x = b.add('permute', 'permute', [x], { dims: [0, 2, 1] })
  const token = b.add('expand', 'expand_batch', [b.constant('class_token', [1, 1, WIDTH], { value: 0 }), 'input'])
  x = b.add('cat', 'cat', [token, x], { dim: 1 })
  const positions = b.constant('encoder.pos_embedding', [1, count + 1, WIDTH], { bound: BOUND })
  x = b.add('encoder.add', 'add', [x, positions])
  for (let i = 0; i < LAYERS; i++) x = layer(b, `encoder.layers.encoder_layer_${i}`, x, count + 1)
  x = b.add('select', 'select', [b.layerNorm('encoder.ln', x, EPS)], { dim: 1, index: 0 })
  return b.finish('vit_b_16', b.linear('heads.head', x, classes), imagenetPreprocessing())
}

function layer(b: GraphBuilder, name: string, input: string, tokens: number): string {
  const attended = attention(b, `${name}.self_attention`, b.layerNorm(`${name}.ln_1`, input, EPS), tokens)
  const x = b.add(`${name}.add_1`, 'add', [attended, input])
  const hidden = b.linear(`${name}.mlp.0`, b.layerNorm(`${name}.ln_2`, x, EPS), HIDDEN)
  const y = b.linear(`${name}.mlp.3`, b.add(`${name}.mlp.1`, 'gelu', [hidden]), WIDTH)
  return b.add(`${name}.add_2`, 'add', [x, y])
}

/** `torch.nn.MultiheadAttention` of a sequence with itself: query, key and value from one matrix. */
function attention(b: GraphBuilder, name: string, input: string, tokens: number): string {
  const all = b.linear(`${name}.in_proj`, input, 3 * WIDTH, true, [`${name}.in_proj_weight`, `${name}.in_proj_bias`])
  const [query, key, value] = ['query', 'key', 'value'].map((part, i) => {
    const own = { dim: 2, start: i * WIDTH, end: (i + 1) * WIDTH }
    const sliced = b.add(`${name}.${part}`, 'slice', [all], own)
    const heads = b.add(`${name}.${part}.heads`, 'reshape', [sliced], { shape: [0, tokens, HEADS, WIDTH / HEADS] })
    return b.add(`${name}.${part}.permute`, 'permute', [heads], { dims: [0, 2, 1, 3] })
  }) as [string, string, string]
  let x = b.add(`${name}.attention`, 'scaled_dot_product_attention', [query, key, value])
  x = b.add(`${name}.permute`, 'permute', [x], { dims: [0, 2, 1, 3] })
  return b.linear(`${name}.out_proj`, b.add(`${name}.join`, 'reshape', [x], { shape: [0, tokens, WIDTH] }), WIDTH)
}
