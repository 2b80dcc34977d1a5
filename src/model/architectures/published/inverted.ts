import type { Preprocessing } from '../../../core/graph.js'
import { GraphBuilder, type Architecture } from '../../builder.js'
import { samePadded } from '../blocks.js'

/** A convolution with its batch norm and what follows. */
export interface Unit {
  conv: string
  norm?: string
  channels: number
  kernel: number
  stride?: number
  dilation?: number
  groups?: number
  activation?: string
  bias?: boolean
}

/** Squeeze and excitation: names of its two layers, width of the first, its activation and its gate. */
export interface Gate {
  names: [string, string]
  narrow: number
  activation: string
  gate: string
}

/** Units in a row, perhaps a gate in front of the last, and a sum with the input where sizes allow. */
export interface InvertedBlock {
  at: string
  units: Unit[]
  gate?: Gate
  adds: boolean
}

export interface InvertedPlan {
  name: string
  imageShape: number[]
  eps: number
  /** TensorFlow's `same` instead of half the window on each side. */
  padsAsTensorFlow: boolean
  stem: Unit[]
  blocks: InvertedBlock[]
  head: Unit[]
  /** Between pooling and classifier. */
  behind?: Unit
  /** In front of the classifier. */
  dropout?: { name: string; p: number }
  classes: number
  classifier: string
  preprocessing?: Preprocessing
}

/** MobileNets and EfficientNets of other libraries: inverted residuals (Sandler et al. 2018) with or without gates. */
export function buildInverted(plan: InvertedPlan): Architecture {
  const b = new GraphBuilder(plan.imageShape)
  const unit = (input: string, one: Unit): string => addUnit(b, input, one, plan)
  let x = plan.stem.reduce(unit, 'input')
  for (const { at, units, gate, adds } of plan.blocks) {
    const input = x
    units.forEach((one, i) => {
      if (gate && i === units.length - 1) x = addGate(b, `${at}.gated`, x, gate)
      x = unit(x, one)
    })
    if (adds) x = b.add(`${at}.add`, 'add', [x, input])
  }
  x = plan.head.reduce(unit, x)
  x = b.add('pool', 'adaptive_avg_pool2d', [x], { output_size: [1, 1] })
  if (plan.behind) x = unit(x, plan.behind)
  x = b.add('flatten', 'flatten', [x], { start_dim: 1, end_dim: -1 })
  if (plan.dropout) x = b.add(plan.dropout.name, 'dropout', [x], { p: plan.dropout.p })
  return b.finish(plan.name, b.linear(plan.classifier, x, plan.classes), plan.preprocessing)
}

function addUnit(b: GraphBuilder, input: string, one: Unit, { eps, padsAsTensorFlow }: InvertedPlan): string {
  const { conv, norm, channels, kernel, stride = 1, dilation = 1, groups = 1, activation, bias = false } = one
  const half = Math.floor((kernel - 1) / 2) * dilation
  const { x, padding } =
    padsAsTensorFlow && kernel > 1
      ? samePadded(b, `${conv}.padding`, input, (kernel - 1) * dilation + 1, stride)
      : { x: input, padding: [half, half] }
  let y = b.convolution(conv, x, channels, kernel, { stride, padding, dilation, groups, bias })
  if (norm !== undefined) y = b.batchNorm(norm, y, eps)
  return activation === undefined ? y : b.add(`${conv}.${activation}`, activation, [y])
}

function addGate(b: GraphBuilder, name: string, input: string, { names, narrow, activation, gate }: Gate): string {
  const pooled = b.add(`${name}.pool`, 'adaptive_avg_pool2d', [input], { output_size: [1, 1] })
  const squeezed = b.add(`${name}.${activation}`, activation, [b.convolution(names[0], pooled, narrow, 1)])
  const weight = b.add(`${name}.${gate}`, gate, [b.convolution(names[1], squeezed, b.shapeOf(input)[0]!, 1)])
  return b.add(name, 'mul', [input, weight])
}
