import type { GraphBuilder } from '../../builder.js'

/** Names of one layer's weights, and whether query, key and value come from one matrix. */
export interface LayerNames {
  norm1: string
  norm2: string
  /** One matrix for all three, or one for each. */
  qkv: string | [string, string, string]
  out: string
  mlp: [string, string]
  /** Weights that the two branches are multiplied by, per channel. */
  scales?: [string, string]
}

export interface LayerSettings {
  width: number
  heads: number
  hidden: number
  tokens: number
  eps: number
  qkvBias: boolean
  activation: [string, Record<string, string>]
}

/** Patches as tokens: a convolution whose places lie one after the other, [tokens, width]. */
export function patchTokens(b: GraphBuilder, name: string, width: number, patch: [number, number]): [string, number] {
  const patches = b.convolution(name, 'input', width, patch, { stride: patch })
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
  positions: { name: string; tokens: number; width: number }
): string {
  const { name, tokens, width } = positions
  const front = learnt.map((token) =>
    b.add(`${token}.expand`, 'expand_batch', [b.constant(token, [1, 1, width], { value: 0 }), 'input'])
  )
  const all = front.length === 0 ? input : b.add('tokens', 'cat', [...front, input], { dim: 1 })
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
  const hidden = b.linear(names.mlp[0], b.layerNorm(names.norm2, x, s.eps), s.hidden)
  const [op, attributes] = s.activation
  const y = b.linear(names.mlp[1], b.add(`${at}.activation`, op, [hidden], attributes), s.width)
  return b.add(`${at}.add_2`, 'add', [scaled(b, y, names.scales?.[1], s.width), x])
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
  let x = b.add(`${at}.attention`, 'scaled_dot_product_attention', split)
  x = b.add(`${at}.attention.permute`, 'permute', [x], { dims: [0, 2, 1, 3] })
  return b.linear(names.out, b.add(`${at}.attention.join`, 'reshape', [x], { shape: [0, tokens, width] }), width)
}

function threeParts(
  b: GraphBuilder,
  at: string,
  input: string,
  qkv: LayerNames['qkv'],
  width: number,
  bias: boolean
): string[] {
  if (typeof qkv !== 'string') return qkv.map((name) => b.linear(name, input, width, bias))
  const all = b.linear(qkv, input, 3 * width, bias)
  return ['query', 'key', 'value'].map((part, i) =>
    b.add(`${at}.${part}`, 'slice', [all], { dim: 2, start: i * width, end: (i + 1) * width })
  )
}
