import { GraphBuilder, type Architecture } from '../../builder.js'
import { activationOf, type Config } from './read-config.js'
import { activated, attend } from './transformer.js'
import { meanToken } from './vit.js'

interface Stage {
  width: number
  heads: number
  /** Keys and values are made of blocks of this number of places. */
  reduction: number
  hidden: number
  grid: [number, number]
}

/** SegFormer's encoder (Xie et al. 2021) with a classifier of the mean place. */
export function segformer(config: Config, image: [number, number]): Architecture {
  const b = new GraphBuilder([config.number('num_channels', 3), ...image])
  const widths = config.numbers('hidden_sizes', [32, 64, 160, 256])
  const [kernels, strides] = [config.numbers('patch_sizes', [7, 3, 3, 3]), config.numbers('strides', [4, 2, 2, 2])]
  const [heads, reductions] = [
    config.numbers('num_attention_heads', [1, 2, 5, 8]),
    config.numbers('sr_ratios', [8, 4, 2, 1])
  ]
  const ratios = config.numbers('mlp_ratios', [4, 4, 4, 4])
  const activation = activationOf(config, 'hidden_act')
  let x = 'input'
  config.numbers('depths', [2, 2, 2, 2]).forEach((depth, i) => {
    const width = widths[i]!
    const at = `segformer.encoder.patch_embeddings.${i}`
    const how = { stride: strides[i]!, padding: Math.floor(kernels[i]! / 2) }
    const patches = b.convolution(`${at}.proj`, x, width, kernels[i]!, how)
    const grid = b.shapeOf(patches).slice(1) as [number, number]
    const stage = { width, heads: heads[i]!, reduction: reductions[i]!, hidden: Math.floor(width * ratios[i]!), grid }
    x = b.layerNorm(`${at}.layer_norm`, asTokens(b, `${at}.tokens`, patches))
    for (let j = 0; j < depth; j++) x = block(b, `segformer.encoder.block.${i}.${j}`, x, stage, activation)
    x = b.layerNorm(`segformer.encoder.layer_norm.${i}`, x)
    if (i < widths.length - 1) x = asImage(b, `segformer.encoder.${i}.image`, x, stage)
  })
  return b.finish('segformer', b.linear('classifier', meanToken(b, 'pooled', x), config.classes()))
}

/** [channels, height, width] as [places, channels]. */
function asTokens(b: GraphBuilder, name: string, image: string): string {
  const [channels, height, width] = b.shapeOf(image) as [number, number, number]
  const flat = b.add(`${name}.flat`, 'reshape', [image], { shape: [0, channels, height * width] })
  return b.add(name, 'permute', [flat], { dims: [0, 2, 1] })
}

function asImage(b: GraphBuilder, name: string, tokens: string, { grid }: Stage): string {
  const channels = b.shapeOf(tokens)[1]!
  const turned = b.add(`${name}.turned`, 'permute', [tokens], { dims: [0, 2, 1] })
  return b.add(name, 'reshape', [turned], { shape: [0, channels, ...grid] })
}

function block(
  b: GraphBuilder,
  at: string,
  input: string,
  stage: Stage,
  activation: [string, Record<string, string>]
): string {
  const attended = attention(b, at, b.layerNorm(`${at}.layer_norm_1`, input), stage)
  const x = b.add(`${at}.add_1`, 'add', [attended, input])
  const hidden = b.linear(`${at}.mlp.dense1`, b.layerNorm(`${at}.layer_norm_2`, x), stage.hidden)
  const image = asImage(b, `${at}.mlp.image`, hidden, stage)
  const mixed = b.convolution(`${at}.mlp.dwconv.dwconv`, image, stage.hidden, 3, { padding: 1, groups: stage.hidden })
  const y = activated(b, at, asTokens(b, `${at}.mlp.tokens`, mixed), activation)
  return b.add(`${at}.add_2`, 'add', [b.linear(`${at}.mlp.dense2`, y, stage.width), x])
}

function attention(b: GraphBuilder, at: string, input: string, stage: Stage): string {
  const { width, heads, reduction } = stage
  const own = `${at}.attention.self`
  let read = input
  if (reduction > 1) {
    const image = asImage(b, `${own}.image`, input, stage)
    const reduced = b.convolution(`${own}.sr`, image, width, reduction, { stride: reduction })
    read = b.layerNorm(`${own}.layer_norm`, asTokens(b, `${own}.reduced`, reduced))
  }
  const split = ['query', 'key', 'value'].map((part, i) => {
    const rows = b.linear(`${own}.${part}`, i === 0 ? input : read, width)
    const shape = [0, b.shapeOf(rows)[0]!, heads, width / heads]
    const parts = b.add(`${own}.${part}.heads`, 'reshape', [rows], { shape })
    return b.add(`${own}.${part}.permute`, 'permute', [parts], { dims: [0, 2, 1, 3] })
  })
  const x = b.add(`${at}.attention.permute`, 'permute', [attend(b, at, split)], { dims: [0, 2, 1, 3] })
  const joined = b.add(`${at}.attention.join`, 'reshape', [x], { shape: [0, b.shapeOf(input)[0]!, width] })
  return b.linear(`${at}.attention.output.dense`, joined, width)
}
