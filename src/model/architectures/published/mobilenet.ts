import type { Architecture } from '../../builder.js'
import { buildInverted, type InvertedBlock, type Unit } from './inverted.js'
import { activationOf, type Config } from './read-config.js'

const CHANNELS = [16, 24, 24, 32, 32, 32, 64, 64, 64, 64, 96, 96, 96, 160, 160, 160, 320]
const STRIDES = [2, 1, 2, 1, 1, 2, 1, 1, 1, 1, 1, 1, 2, 1, 1, 1]

/** MobileNetV2 of Hugging Face. */
export function mobilenetV2(config: Config, image: [number, number]): Architecture {
  const [divisor, least] = [config.number('depth_divisible_by', 8), config.number('min_depth', 8)]
  const multiplier = config.number('depth_multiplier', 1)
  const divisible = (value: number): number => {
    const near = Math.max(least, Math.floor((value + divisor / 2) / divisor) * divisor)
    return near < 0.9 * value ? near + divisor : near
  }
  const scaled = (value: number): number => divisible(Math.round(value * multiplier))
  const [activation] = activationOf(config, 'hidden_act', 'relu6')
  const unit = (at: string, channels: number, kernel = 1, rest: Partial<Unit> = {}): Unit => ({
    conv: `${at}.convolution`,
    norm: `${at}.normalization`,
    channels,
    kernel,
    activation,
    ...rest
  })
  const channels = CHANNELS.map(scaled)
  const [base, stem] = [scaled(32), 'mobilenet_v2.conv_stem']
  const outputStride = config.number('output_stride', 32)
  const expansion = config.number('expand_ratio', 6)
  let [reached, dilation] = [2, 1]
  const blocks = STRIDES.map((wanted, i): InvertedBlock => {
    const at = `mobilenet_v2.layer.${i}`
    const isDilated = reached === outputStride
    const [stride, own] = isDilated ? [1, dilation] : [wanted, 1]
    if (isDilated) dilation *= wanted
    else reached *= stride
    const [inputs, outputs] = [channels[i]!, channels[i + 1]!]
    const hidden = divisible(Math.round(inputs * expansion))
    const units = [
      unit(`${at}.expand_1x1`, hidden),
      unit(`${at}.conv_3x3`, hidden, 3, { stride, dilation: own, groups: hidden }),
      unit(`${at}.reduce_1x1`, outputs, 1, { activation: undefined })
    ]
    return { at, units, adds: stride === 1 && inputs === outputs }
  })
  const isFine = config.flag('finegrained_output', true) && multiplier < 1
  return buildInverted({
    name: 'mobilenet_v2',
    imageShape: [config.number('num_channels', 3), ...image],
    eps: config.number('layer_norm_eps', 0.001),
    padsAsTensorFlow: config.flag('tf_padding', true),
    stem: [
      unit(`${stem}.first_conv`, base, 3, { stride: 2 }),
      ...(config.flag('first_layer_is_expansion', true) ? [] : [unit(`${stem}.expand_1x1`, base)]),
      unit(`${stem}.conv_3x3`, base, 3, { groups: base }),
      unit(`${stem}.reduce_1x1`, channels[0]!, 1, { activation: undefined })
    ],
    blocks,
    head: [unit('mobilenet_v2.conv_1x1', isFine ? 1280 : scaled(1280))],
    classes: config.classes(),
    classifier: 'classifier'
  })
}
