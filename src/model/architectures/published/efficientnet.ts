import type { Architecture } from '../../builder.js'
import { GraphBuilder } from '../../builder.js'
import { activationOf, type Config } from './read-config.js'

/** EfficientNet of Hugging Face (Tan and Le 2019, as Keras has it). */
export function efficientnet(config: Config, image: [number, number]): Architecture {
  config.only('pooling_type', 'mean')
  const divisor = config.number('depth_divisor', 8)
  const width = config.number('width_coefficient', 2)
  const depth = config.number('depth_coefficient', 3.1)
  const eps = config.number('batch_norm_eps', 0.001)
  const [activation] = activationOf(config, 'hidden_act', 'swish')
  const rounded = (channels: number): number => {
    const wanted = channels * width
    const near = Math.max(divisor, Math.floor((wanted + divisor / 2) / divisor) * divisor)
    return near < 0.9 * wanted ? near + divisor : near
  }
  const b = new GraphBuilder([config.number('num_channels', 3), ...image])
  const unit = (conv: string, norm: string, input: string, channels: number, kernel: number, how = {}): string =>
    b.batchNorm(norm, b.convolution(conv, input, channels, kernel, { ...how, bias: false }), eps)
  const act = (at: string, input: string): string => b.add(`${at}.activation`, activation, [input])
  const padded = (name: string, input: string, padding: number[]): string =>
    padding.some((count) => count > 0) ? b.add(name, 'pad', [input], { padding }) : input

  const stem = 'efficientnet.embeddings'
  let x = padded(`${stem}.padding`, 'input', [0, 1, 0, 1])
  x = act(stem, unit(`${stem}.convolution`, `${stem}.batchnorm`, x, rounded(32), 3, { stride: 2 }))

  const block = (at: string, input: string, s: BlockSettings): string => {
    const inputs = b.shapeOf(input)[0]!
    const hidden = inputs * s.expansion
    let y = input
    if (s.expansion !== 1)
      y = act(`${at}.expansion`, unit(`${at}.expansion.expand_conv`, `${at}.expansion.expand_bn`, y, hidden, 1))
    const conv = `${at}.depthwise_conv`
    const half = Math.floor(s.kernel / 2)
    const before = s.isAdjusted ? half - 1 : half
    if (s.stride === 2) y = padded(`${conv}.depthwise_conv_pad`, y, [before, half, before, half])
    const how = { stride: s.stride, groups: hidden, padding: s.stride === 2 ? 0 : half }
    y = act(conv, unit(`${conv}.depthwise_conv`, `${conv}.depthwise_norm`, y, hidden, s.kernel, how))
    const gate = `${at}.squeeze_excite`
    const narrow = Math.max(1, Math.floor(inputs * config.number('squeeze_expansion_ratio', 0.25)))
    const pooled = b.add(`${gate}.squeeze`, 'adaptive_avg_pool2d', [y], { output_size: [1, 1] })
    const squeezed = act(gate, b.convolution(`${gate}.reduce`, pooled, narrow, 1))
    const weight = b.add(`${gate}.gate`, 'sigmoid', [b.convolution(`${gate}.expand`, squeezed, hidden, 1)])
    y = b.add(`${gate}.product`, 'mul', [y, weight])
    const out = `${at}.projection`
    y = unit(`${out}.project_conv`, `${out}.project_bn`, y, s.channels, 1)
    return s.adds ? b.add(`${at}.add`, 'add', [y, input]) : y
  }

  const [kernels, strides] = [config.numbers('kernel_sizes', KERNELS), config.numbers('strides', STRIDES)]
  const outputs = config.numbers('out_channels', OUTPUTS)
  const repeats = config.numbers('num_block_repeats', REPEATS)
  const expansions = config.numbers('expand_ratios', EXPANSIONS)
  const unadjusted = config.numbers('depthwise_padding', [])
  let count = 0
  outputs.forEach((channels, stage) => {
    for (let i = 0; i < Math.ceil(depth * repeats[stage]!); i++, count++) {
      const stride = i === 0 ? strides[stage]! : 1
      x = block(`efficientnet.encoder.blocks.${count}`, x, {
        expansion: expansions[stage]!,
        kernel: kernels[stage]!,
        stride,
        channels: rounded(channels),
        isAdjusted: !unadjusted.includes(count),
        adds: stride === 1 && i > 0
      })
    }
  })
  const top = 'efficientnet.encoder'
  x = act(top, unit(`${top}.top_conv`, `${top}.top_bn`, x, rounded(1280), 1))
  x = b.add('pool', 'adaptive_avg_pool2d', [x], { output_size: [1, 1] })
  x = b.add('flatten', 'flatten', [x], { start_dim: 1, end_dim: -1 })
  return b.finish('efficientnet', b.linear('classifier', x, config.classes()))
}

interface BlockSettings {
  expansion: number
  kernel: number
  stride: number
  channels: number
  isAdjusted: boolean
  adds: boolean
}

const KERNELS = [3, 3, 5, 3, 5, 5, 3]
const STRIDES = [1, 2, 2, 2, 1, 2, 1]
const OUTPUTS = [16, 24, 40, 80, 112, 192, 320]
const REPEATS = [1, 2, 2, 3, 3, 4, 1]
const EXPANSIONS = [1, 6, 6, 6, 6, 6, 6]
