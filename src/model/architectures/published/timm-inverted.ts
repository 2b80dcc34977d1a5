import type { Architecture } from '../../builder.js'
import { buildInverted, type Gate, type InvertedBlock, type Unit } from './inverted.js'
import type { Shapes } from './shapes.js'

type ImageShape = [number, number, number]

interface Kind {
  /** Stride of the first block of each stage. */
  strides: number[]
  /** Activation of each stage, of the stem and the head. */
  activation: (stage: number | 'stem' | 'head') => string
  gate: Pick<Gate, 'activation' | 'gate'>
}

/** EfficientNets of timm, TensorFlow's (`tf_`, with its padding) and the lite ones too. */
export function timmEfficientnet(name: string, weights: Shapes, imageShape: ImageShape): Architecture {
  const activation = name.includes('lite') ? 'relu6' : 'silu'
  return build(name, weights, imageShape, {
    strides: [1, 2, 2, 2, 1, 2, 1],
    activation: () => activation,
    gate: { activation, gate: 'sigmoid' }
  })
}

/** MobileNetV3 of timm: ReLU in the first stages, hard swish behind. */
export function timmMobilenet(name: string, weights: Shapes, imageShape: ImageShape): Architecture {
  const isSmall = name.includes('small')
  const withRelu = isSmall ? 2 : 3
  return build(name, weights, imageShape, {
    strides: isSmall ? [2, 2, 2, 1, 2, 1] : [1, 2, 2, 2, 1, 2, 1],
    activation: (stage) => (typeof stage === 'number' && stage < withRelu ? 'relu' : 'hardswish'),
    gate: { activation: 'relu', gate: 'hardsigmoid' }
  })
}

function build(name: string, weights: Shapes, imageShape: ImageShape, kind: Kind): Architecture {
  const isTensorFlow = name.startsWith('tf_')
  const unit = (conv: string, norm: string | undefined, rest: Partial<Unit> = {}): Unit => {
    const [channels, perGroup, kernel] = weights.of(`${conv}.weight`) as [number, number, number]
    const groups = perGroup === 1 && kernel > 1 && channels > 1 ? channels : 1
    return { conv, norm, channels, kernel, groups, ...rest }
  }
  const stages = Array.from({ length: weights.count('blocks') }, (_, stage) => `blocks.${stage}`)
  let inputs = weights.of('conv_stem.weight')[0]!
  const blocks = stages.flatMap((at, stage) =>
    Array.from({ length: weights.count(at) }, (_, i): InvertedBlock => {
      const stride = i === 0 ? kind.strides[stage]! : 1
      const block = blockOf(weights, unit, `${at}.${i}`, stride, kind.activation(stage), kind.gate)
      const outputs = block.units.at(-1)!.channels
      const adds = block.units.length > 1 && stride === 1 && inputs === outputs
      inputs = outputs
      return { ...block, adds }
    })
  )
  const hasHeadNorm = weights.has('bn2.weight')
  const head = unit('conv_head', hasHeadNorm ? 'bn2' : undefined, {
    activation: kind.activation('head'),
    bias: weights.has('conv_head.bias')
  })
  return buildInverted({
    name,
    imageShape,
    eps: isTensorFlow ? 1e-3 : 1e-5,
    padsAsTensorFlow: isTensorFlow,
    stem: [unit('conv_stem', 'bn1', { stride: 2, groups: 1, activation: kind.activation('stem') })],
    blocks,
    head: hasHeadNorm ? [head] : [],
    ...(!hasHeadNorm && { behind: head }),
    classes: weights.of('classifier.weight')[0]!,
    classifier: 'classifier'
  })
}

/** A convolution and its norm, a separable convolution, or an inverted residual, by the weights it has. */
function blockOf(
  weights: Shapes,
  unit: (conv: string, norm: string, rest?: Partial<Unit>) => Unit,
  at: string,
  stride: number,
  activation: string,
  gate: Kind['gate']
): InvertedBlock {
  const gated = weights.has(`${at}.se.conv_reduce.weight`)
    ? {
        gate: {
          ...gate,
          names: [`${at}.se.conv_reduce`, `${at}.se.conv_expand`] as [string, string],
          narrow: weights.of(`${at}.se.conv_reduce.weight`)[0]!
        }
      }
    : {}
  if (weights.has(`${at}.conv.weight`)) {
    return { at, units: [unit(`${at}.conv`, `${at}.bn1`, { stride, activation })], adds: false }
  }
  const depthwise = (norm: string): Unit => unit(`${at}.conv_dw`, norm, { stride, activation })
  const units = weights.has(`${at}.conv_pwl.weight`)
    ? [unit(`${at}.conv_pw`, `${at}.bn1`, { activation }), depthwise(`${at}.bn2`), unit(`${at}.conv_pwl`, `${at}.bn3`)]
    : [depthwise(`${at}.bn1`), unit(`${at}.conv_pw`, `${at}.bn2`)]
  return { at, units, adds: false, ...gated }
}
