import { GraphBuilder, type Architecture } from '../../builder.js'

export interface ConvnextPlan {
  name: string
  imageShape: [number, number, number]
  patch: number
  /** Channels and blocks of each stage. */
  sizes: number[]
  depths: number[]
  classes: number
  activation: [string, Record<string, string>]
  /** Of the norm in front of the classifier. */
  headEps: number
  names: {
    stem: [conv: string, norm: string]
    /** Between stages: norm and convolution. */
    downsample: (stage: number) => [norm: string, conv: string]
    block: (stage: number, i: number) => ConvnextBlock
    head: [norm: string, linear: string]
  }
}

export interface ConvnextBlock {
  at: string
  depthwise: string
  norm: string
  mlp: [string, string]
  scale?: string
  /** Global response normalisation behind the activation (version 2): its weight and bias. */
  response?: [weight: string, bias: string]
}

const EPS = 1e-6

/** Liu et al. 2022. */
export function buildConvnext(plan: ConvnextPlan): Architecture {
  const { names, sizes } = plan
  const b = new GraphBuilder(plan.imageShape)
  let x = b.convolution(names.stem[0], 'input', sizes[0]!, plan.patch, { stride: plan.patch })
  x = channelNorm(b, names.stem[1], x)
  sizes.forEach((channels, stage) => {
    if (stage > 0) {
      const [norm, conv] = names.downsample(stage)
      x = b.convolution(conv, channelNorm(b, norm, x), channels, 2, { stride: 2 })
    }
    for (let i = 0; i < plan.depths[stage]!; i++) x = block(b, names.block(stage, i), x, channels, plan.activation)
  })
  x = b.add('pool', 'adaptive_avg_pool2d', [x], { output_size: [1, 1] })
  x = b.add('flatten', 'flatten', [x], { start_dim: 1, end_dim: -1 })
  x = b.layerNorm(names.head[0], x, plan.headEps)
  return b.finish(plan.name, b.linear(names.head[1], x, plan.classes))
}

/** Layer norm over the channels of every pixel. */
function channelNorm(b: GraphBuilder, name: string, input: string): string {
  const last = b.add(`${name}.permute`, 'permute', [input], { dims: [0, 2, 3, 1] })
  return b.add(`${name}.back`, 'permute', [b.layerNorm(name, last, EPS)], { dims: [0, 3, 1, 2] })
}

function block(
  b: GraphBuilder,
  { at, depthwise, norm, mlp, scale, response }: ConvnextBlock,
  input: string,
  channels: number,
  [op, attributes]: ConvnextPlan['activation']
): string {
  let x = b.convolution(depthwise, input, channels, 7, { padding: 3, groups: channels })
  x = b.layerNorm(norm, b.add(`${at}.permute`, 'permute', [x], { dims: [0, 2, 3, 1] }), EPS)
  x = b.add(`${at}.activation`, op, [b.linear(mlp[0], x, 4 * channels)], attributes)
  if (response) x = responseNorm(b, at, x, response)
  x = b.linear(mlp[1], x, channels)
  if (scale !== undefined)
    x = b.add(`${at}.scaled`, 'mul', [x, b.constant(scale, [1, 1, 1, channels], { value: 1e-6 })])
  return b.add(`${at}.add`, 'add', [b.add(`${at}.back`, 'permute', [x], { dims: [0, 3, 1, 2] }), input])
}

const RESPONSE_EPS = 1e-6

/** Each channel times its norm over the image, relative to the mean of all channels' norms (Woo et al. 2023). */
function responseNorm(b: GraphBuilder, at: string, input: string, [weight, bias]: [string, string]): string {
  const channels = b.shapeOf(input).at(-1)!
  const weights = (name: string): string => b.constant(name, [1, 1, 1, channels], { value: 0 })
  const how = { ord: 2, dim: [1, 2], keepdim: true }
  const norms = b.add(`${at}.grn.norm`, 'aten::linalg_vector_norm', [input], how)
  const mean = b.add(`${at}.grn.mean`, 'mean', [norms], { dim: [-1], keepdim: true })
  const divisor = b.add(`${at}.grn.divisor`, 'add_scalar', [mean], { value: RESPONSE_EPS })
  const share = b.add(`${at}.grn.share`, 'div', [norms, divisor])
  const weighted = b.add(`${at}.grn.weighted`, 'mul', [
    b.add(`${at}.grn.scaled`, 'mul', [input, share]),
    weights(weight)
  ])
  return b.add(`${at}.grn`, 'add', [b.add(`${at}.grn.shifted`, 'add', [weighted, weights(bias)]), input])
}
