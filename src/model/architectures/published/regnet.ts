import { GraphBuilder, type Architecture } from '../../builder.js'

export interface RegnetPlan {
  name: string
  imageShape: [number, number, number]
  stem: number
  sizes: number[]
  depths: number[]
  /** Channels of one group of the middle convolution. */
  groupWidth: number
  /** Squeeze and excitation, whose narrow layer has a quarter of the block's input channels. */
  isGated: boolean
  firstStride: number
  classes: number
  names: {
    /** Weights of a convolution and its norm below a name. */
    unit: [conv: string, norm: string]
    stem: string
    block: (stage: number, i: number) => RegnetBlock
    classifier: string
  }
}

interface RegnetBlock {
  at: string
  units: [string, string, string]
  gate: [string, string]
  shortcut: string
}

/** RegNetX and RegNetY (Radosavovic et al. 2020). */
export function buildRegnet(plan: RegnetPlan): Architecture {
  const { names, groupWidth } = plan
  const b = new GraphBuilder(plan.imageShape)
  const unit = (at: string, input: string, channels: number, kernel: number, stride = 1, groups = 1): string => {
    const how = { stride, padding: Math.floor(kernel / 2), groups, bias: false }
    return b.batchNorm(`${at}.${names.unit[1]}`, b.convolution(`${at}.${names.unit[0]}`, input, channels, kernel, how))
  }
  const relu = (name: string, input: string): string => b.add(name, 'relu', [input])
  let x = relu(`${names.stem}.relu`, unit(names.stem, 'input', plan.stem, 3, 2))
  plan.sizes.forEach((channels, stage) => {
    for (let i = 0; i < plan.depths[stage]!; i++) {
      const { at, units, gate, shortcut } = names.block(stage, i)
      const stride = i > 0 ? 1 : stage === 0 ? plan.firstStride : 2
      const input = x
      const inputs = b.shapeOf(input)[0]!
      x = relu(`${at}.relu_1`, unit(units[0], x, channels, 1))
      x = relu(`${at}.relu_2`, unit(units[1], x, channels, 3, stride, Math.max(1, Math.floor(channels / groupWidth))))
      if (plan.isGated) x = gated(b, `${at}.gate`, x, Math.round(inputs / 4), gate)
      x = unit(units[2], x, channels, 1)
      const side = inputs === channels && stride === 1 ? input : unit(shortcut, input, channels, 1, stride)
      x = relu(`${at}.relu`, b.add(`${at}.add`, 'add', [x, side]))
    }
  })
  x = b.add('pool', 'adaptive_avg_pool2d', [x], { output_size: [1, 1] })
  x = b.add('flatten', 'flatten', [x], { start_dim: 1, end_dim: -1 })
  return b.finish(plan.name, b.linear(names.classifier, x, plan.classes))
}

function gated(b: GraphBuilder, at: string, input: string, narrow: number, [first, second]: [string, string]): string {
  const pooled = b.add(`${at}.pool`, 'adaptive_avg_pool2d', [input], { output_size: [1, 1] })
  const squeezed = b.add(`${at}.relu`, 'relu', [b.convolution(first, pooled, narrow, 1)])
  const gate = b.add(`${at}.sigmoid`, 'sigmoid', [b.convolution(second, squeezed, b.shapeOf(input)[0]!, 1)])
  return b.add(at, 'mul', [input, gate])
}
