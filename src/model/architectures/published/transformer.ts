import type { GraphBuilder } from '../../builder.js'

/** Names of one layer's weights, and whether query, key and value come from one matrix. */
export interface LayerNames {
  norm1: string
  norm2: string
  /** One matrix for all three, or one for each. */
  qkv: string | [string, string, string]
  out: string
  mlp: [string, string]
  /** The first of `mlp` makes two halves: SiLU of one weighs the other (SwiGLU). */
  isGated?: boolean
  /** Added to the scores of attention, [1, heads, tokens, tokens]. */
  bias?: string
  /** Weights that the two branches are multiplied by, per channel. */
  scales?: [string, string]
}

/** What Hugging Face calls the weights of a layer `at`, whose attention is in `self`. */
export function layerNames(at: string, self = 'attention.attention'): LayerNames {
  const [query, key, value] = ['query', 'key', 'value'].map((name) => `${at}.${self}.${name}`)
  return {
    norm1: `${at}.layernorm_before`,
    norm2: `${at}.layernorm_after`,
    qkv: [query!, key!, value!],
    out: `${at}.attention.output.dense`,
    mlp: [`${at}.intermediate.dense`, `${at}.output.dense`]
  }
}

export interface LayerSettings {
  width: number
  heads: number
  hidden: number
  tokens: number
  eps: number
  /** Of query, key and value; one for all, or one for each. */
  qkvBias: boolean | [boolean, boolean, boolean]
  activation: [string, Record<string, string>]
}

/** Patches as tokens: a convolution whose places lie one after the other, [tokens, width]. */
export function patchTokens(
  b: GraphBuilder,
  name: string,
  width: number,
  patch: [number, number],
  bias = true
): [string, number] {
  const patches = b.convolution(name, 'input', width, patch, { stride: patch, bias })
  const count = b
    .shapeOf(patches)
    .slice(1)
    .reduce((product, axis) => product * axis, 1)
  const rows = b.add(`${name}.flat`, 'reshape', [patches], { shape: [0, width, count] })
  return [b.add(`${name}.tokens`, 'permute', [rows], { dims: [0, 2, 1] }), count]
}

/** Learnt tokens (class, distillation) in front of the others, and learnt positions added to all. */
export function withTokens(
  b: GraphBuilder,
  input: string,
  learnt: string[],
  positions: { name?: string; tokens: number; width: number }
): string {
  const { name, tokens, width } = positions
  const front = learnt.map((token) =>
    b.add(`${token}.expand`, 'expand_batch', [b.constant(token, [1, 1, width], { value: 0 }), 'input'])
  )
  const all = front.length === 0 ? input : b.add('tokens', 'cat', [...front, input], { dim: 1 })
  if (name === undefined) return all
  return b.add(`${name}.add`, 'add', [all, b.constant(name, [1, tokens, width], { bound: 0.03 })])
}

/** One layer of a vision transformer, layer norm first (Dosovitskiy et al. 2021). */
export function transformerLayer(
  b: GraphBuilder,
  at: string,
  input: string,
  names: LayerNames,
  s: LayerSettings
): string {
  const attended = selfAttention(b, at, b.layerNorm(names.norm1, input, s.eps), names, s)
  const x = b.add(`${at}.add_1`, 'add', [scaled(b, attended, names.scales?.[0], s.width), input])
  const y = mlp(b, at, b.layerNorm(names.norm2, x, s.eps), names, s)
  return b.add(`${at}.add_2`, 'add', [scaled(b, y, names.scales?.[1], s.width), x])
}

/** Two dense layers and the activation between them. */
export function mlp(
  b: GraphBuilder,
  at: string,
  input: string,
  names: Pick<LayerNames, 'mlp' | 'isGated'>,
  { width, hidden, activation }: Pick<LayerSettings, 'width' | 'hidden' | 'activation'>
): string {
  const [first, second] = names.mlp
  if (!names.isGated) return b.linear(second, activated(b, at, b.linear(first, input, hidden), activation), width)
  const both = b.linear(first, input, 2 * hidden)
  const [gate, signal] = [0, 1].map((i) =>
    b.add(`${at}.${i === 0 ? 'gate' : 'signal'}`, 'slice', [both], { dim: 2, start: i * hidden, end: (i + 1) * hidden })
  ) as [string, string]
  const weight = b.add(`${at}.activation`, 'silu', [gate])
  return b.linear(second, b.add(`${at}.gated`, 'mul', [weight, signal]), width)
}

/** x sigmoid(1.702 x), which CLIP takes for GELU, is silu(1.702 x) / 1.702. */
const QUICK = 1.702

/** An activation behind `input`; `quick_gelu` is made of SiLU. */
export function activated(
  b: GraphBuilder,
  at: string,
  input: string,
  [op, attributes]: LayerSettings['activation']
): string {
  if (op !== 'quick_gelu') return b.add(`${at}.activation`, op, [input], attributes)
  const scaled = b.add(`${at}.activation.scaled`, 'mul_scalar', [input], { value: QUICK })
  return b.add(`${at}.activation.back`, 'mul_scalar', [b.add(`${at}.activation`, 'silu', [scaled])], {
    value: 1 / QUICK
  })
}

function scaled(b: GraphBuilder, input: string, name: string | undefined, width: number): string {
  if (name === undefined) return input
  return b.add(`${name}.scaled`, 'mul', [input, b.constant(name, [1, 1, width], { value: 1 })])
}

function selfAttention(b: GraphBuilder, at: string, input: string, names: LayerNames, s: LayerSettings): string {
  const { width, heads, tokens, qkvBias } = s
  const parts = threeParts(b, at, input, names.qkv, width, qkvBias)
  const split = parts.map((part) => {
    const rows = b.add(`${part}.heads`, 'reshape', [part], { shape: [0, tokens, heads, width / heads] })
    return b.add(`${part}.permute`, 'permute', [rows], { dims: [0, 2, 1, 3] })
  })
  let x = attend(b, at, split, names.bias && b.constant(names.bias, [1, heads, tokens, tokens], { value: 0 }))
  x = b.add(`${at}.attention.permute`, 'permute', [x], { dims: [0, 2, 1, 3] })
  return b.linear(names.out, b.add(`${at}.attention.join`, 'reshape', [x], { shape: [0, tokens, width] }), width)
}

/** Attention of [..., tokens, width] by its products; with a bias that is added to the scores. */
export function attend(b: GraphBuilder, at: string, [query, key, value]: string[], bias?: string): string {
  if (bias === undefined) return b.add(`${at}.attention`, 'scaled_dot_product_attention', [query!, key!, value!])
  const shape = b.shapeOf(query!)
  const width = shape.at(-1)!
  const places = shape.map((_, i) => i + 1)
  const dims = [0, ...places.slice(0, -2), places.at(-1)!, places.at(-2)!]
  const turned = b.add(`${at}.key.turned`, 'permute', [key!], { dims })
  const sharpened = b.add(`${at}.query.scaled`, 'mul_scalar', [query!], { value: 1 / Math.sqrt(width) })
  const scores = b.add(`${at}.scores`, 'matmul', [sharpened, turned])
  const biased = b.add(`${at}.scores.biased`, 'add', [scores, bias])
  const weights = b.add(`${at}.softmax`, 'softmax', [biased], { dim: -1 })
  return b.add(`${at}.attention`, 'matmul', [weights, value!])
}

function threeParts(
  b: GraphBuilder,
  at: string,
  input: string,
  qkv: LayerNames['qkv'],
  width: number,
  bias: LayerSettings['qkvBias']
): string[] {
  const has = (part: number): boolean => (Array.isArray(bias) ? bias[part]! : bias)
  if (typeof qkv !== 'string') return qkv.map((name, i) => b.linear(name, input, width, has(i)))
  const all = b.linear(qkv, input, 3 * width, has(0))
  return ['query', 'key', 'value'].map((part, i) =>
    b.add(`${at}.${part}`, 'slice', [all], { dim: 2, start: i * width, end: (i + 1) * width })
  )
}
