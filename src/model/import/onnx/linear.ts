import { windowed } from '../../shapes.js'
import { isConstant, type NodeValue, type OnnxCall, type Value } from './call.js'
import type { Constant } from './constant.js'
import { broadcastShape } from './fold.js'
import type { OnnxDraft } from './onnx-draft.js'

/** Makes nodes of ours of an operator; several where it has several outputs. */
export type Operator = (call: OnnxCall, draft: OnnxDraft) => Value | Value[]

/** An input that depends on the image. */
export function nodeInput(call: OnnxCall, index = 0): NodeValue {
  const value = call.input(index)
  if (isConstant(value)) throw call.fail(`its input ${index} does not depend on the image`)
  return value
}

/** Padding before and after each spatial axis, from `pads` or `auto_pad`. */
export function paddingOf(call: OnnxCall, spatial: number[], kernel: number[], stride: number[], dilation: number[]) {
  const axes = spatial.length
  const automatic = call.string('auto_pad', 'NOTSET')
  if (automatic === 'SAME_UPPER' || automatic === 'SAME_LOWER') {
    const total = spatial.map((size, i) =>
      Math.max(0, (Math.ceil(size / stride[i]!) - 1) * stride[i]! + (kernel[i]! - 1) * dilation[i]! + 1 - size)
    )
    const small = total.map((one) => Math.floor(one / 2))
    const large = total.map((one, i) => one - small[i]!)
    return automatic === 'SAME_UPPER' ? { begin: small, end: large } : { begin: large, end: small }
  }
  const pads = automatic === 'VALID' ? undefined : call.ints('pads')
  if (pads && pads.length !== 2 * axes) throw call.fail('its pads do not fit its axes')
  return { begin: pads?.slice(0, axes) ?? spatial.map(() => 0), end: pads?.slice(axes) ?? spatial.map(() => 0) }
}

/** The value with padding that differs before and after taken out of the window: what is left is the same on both sides. */
export function evened(
  call: OnnxCall,
  draft: OnnxDraft,
  x: NodeValue,
  { begin, end }: { begin: number[]; end: number[] },
  fill = 0
): { x: NodeValue; padding: number[] } {
  if (begin.join() === end.join()) return { x, padding: begin }
  const padding = begin.flatMap((one, i) => [one, end[i]!])
  const lastFirst = Array.from({ length: begin.length }, (_, i) => begin.length - 1 - i)
  const shape = x.shape.map((size, i) => (i < 2 ? size : size + padding[2 * (i - 2)]! + padding[2 * (i - 2) + 1]!))
  const attributes = { padding: lastFirst.flatMap((i) => [begin[i]!, end[i]!]), value: fill }
  return { x: draft.add(call, 'pad', [x], shape, attributes, {}, '.pad'), padding: begin.map(() => 0) }
}

/** A bias, left out where it is nothing but zeros. */
function biasOf(call: OnnxCall, index: number): Constant | undefined {
  const bias = call.constant(index)
  return bias && !bias.name?.endsWith('bias') && bias.numbers.every((one) => one === 0) ? undefined : bias
}

function window(call: OnnxCall, x: NodeValue, weight: Constant) {
  const spatial = x.shape.slice(2)
  if (spatial.length < 1 || spatial.length > 3 || weight.shape.length !== x.shape.length) {
    throw call.fail(`its input has the shape ${x.shape.join('x')} and its weight ${weight.shape.join('x')}`)
  }
  const kernel = call.ints('kernel_shape') ?? weight.shape.slice(2)
  const stride = call.ints('strides') ?? spatial.map(() => 1)
  const dilation = call.ints('dilations') ?? spatial.map(() => 1)
  return { spatial, kernel, stride, dilation, groups: call.int('group', 1) }
}

const convolution: Operator = (call, draft) => {
  const weight = call.constant(1)
  if (!weight) throw call.fail('it has no weight')
  const input = nodeInput(call)
  const { spatial, kernel, stride, dilation, groups } = window(call, input, weight)
  const { x, padding } = evened(call, draft, input, paddingOf(call, spatial, kernel, stride, dilation))
  const attributes = { kernel_size: kernel, stride, padding, dilation }
  const shape = [x.shape[0]!, weight.shape[0]!, ...windowed('conv', x.shape.slice(2), attributes)]
  const op = `conv${spatial.length}d`
  return draft.add(call, op, [x], shape, { stride, padding, dilation, groups }, { weight, bias: biasOf(call, 2) })
}

const transposedConvolution: Operator = (call, draft) => {
  const weight = call.constant(1)
  if (!weight) throw call.fail('it has no weight')
  const x = nodeInput(call)
  const { spatial, kernel, stride, dilation, groups } = window(call, x, weight)
  const { begin: padding, end } = paddingOf(call, spatial, kernel, stride, dilation)
  if (padding.join() !== end.join() || call.has('output_shape') || call.string('auto_pad', 'NOTSET') !== 'NOTSET') {
    throw call.fail('only padding that is stated, and the same on both sides, is offered')
  }
  const output_padding = call.ints('output_padding') ?? spatial.map(() => 0)
  const sizes = spatial.map(
    (size, i) => (size - 1) * stride[i]! - 2 * padding[i]! + dilation[i]! * (kernel[i]! - 1) + output_padding[i]! + 1
  )
  const shape = [x.shape[0]!, weight.shape[1]! * groups, ...sizes]
  const attributes = { stride, padding, output_padding, dilation, groups }
  return draft.add(call, `conv_transpose${spatial.length}d`, [x], shape, attributes, { weight, bias: biasOf(call, 2) })
}

const gemm: Operator = (call, draft) => {
  const x = nodeInput(call)
  const factors = [call.float('alpha', 1), call.float('beta', 1)]
  const matrix = call.constant(1)
  if (!matrix || call.int('transA', 0) !== 0 || factors.some((one) => one !== 1) || x.shape.length !== 2) {
    throw call.fail('only x times a constant matrix plus a constant bias is offered')
  }
  const weight = call.int('transB', 0) === 1 ? matrix : matrix.transposed()
  const outputs = weight.shape[0]!
  const bias = biasOf(call, 2)
  if (bias && bias.size !== outputs) throw call.fail('its bias is not one number per output')
  const shape = [x.shape[0]!, outputs]
  return draft.add(call, 'linear', [x], shape, {}, { weight, bias: bias?.reshaped([outputs]) })
}

const matmul: Operator = (call, draft) => {
  const [a, b] = [call.input(0), call.input(1)]
  const matrix = isConstant(b) && b.shape.length === 2 ? b.transposed() : undefined
  if (matrix && !isConstant(a)) {
    return draft.add(call, 'linear', [a], [...a.shape.slice(0, -1), matrix.shape[0]!], {}, { weight: matrix })
  }
  if (a.shape.length < 2 || b.shape.length < 2) throw call.fail('vectors are not offered')
  const shape = [...broadcastShape(a.shape.slice(0, -2), b.shape.slice(0, -2)), a.shape.at(-2)!, b.shape.at(-1)!]
  return draft.add(call, 'matmul', [a, b], shape)
}

export const LINEAR: Record<string, Operator> = {
  Conv: convolution,
  ConvTranspose: transposedConvolution,
  Gemm: gemm,
  MatMul: matmul
}
