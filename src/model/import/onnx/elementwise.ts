import type { GraphNode } from '../../../core/graph.js'
import { isConstant, type NodeValue, type OnnxCall, type Value } from './call.js'
import type { Constant } from './constant.js'
import { broadcastShape } from './fold.js'
import { nodeInput, type Operator } from './linear.js'
import type { OnnxDraft } from './onnx-draft.js'
import { recognise } from './patterns.js'

const near = (a: number, b: number) => Math.abs(a - b) < 1e-6

const activation =
  (op: string, attributes: (call: OnnxCall) => Record<string, number> = () => ({})): Operator =>
  (call, draft) => {
    const x = nodeInput(call)
    return draft.add(call, op, [x], x.shape, attributes(call))
  }

const hardSigmoid: Operator = (call, draft) => {
  const x = nodeInput(call)
  if (!near(call.float('alpha', 0.2), 1 / 6) || !near(call.float('beta', 0.5), 0.5)) {
    throw call.fail('only alpha 1/6 and beta 1/2 are offered')
  }
  return draft.add(call, 'hardsigmoid', [x], x.shape)
}

const clip: Operator = (call, draft) => {
  const x = nodeInput(call)
  const [low, high] = [call.constant(1)?.scalar ?? -Infinity, call.constant(2)?.scalar ?? Infinity]
  const isRelu = low === 0 && high > 1e30
  if (isRelu) return draft.add(call, 'relu', [x], x.shape)
  if (low === 0 && high === 6) return draft.add(call, 'relu6', [x], x.shape)
  if (!Number.isFinite(low) || !Number.isFinite(high)) throw call.fail('one of its limits is missing')
  return draft.add(call, 'hardtanh', [x], x.shape, { min_val: low, max_val: high })
}

const slopedRelu: Operator = (call, draft) => {
  const x = nodeInput(call)
  const slopes = call.constant(1)?.numbers ?? []
  const negative_slope = slopes[0]
  if (negative_slope === undefined || slopes.some((one) => one !== negative_slope)) {
    throw call.fail('its slopes differ between channels')
  }
  return draft.add(call, 'leaky_relu', [x], x.shape, { negative_slope })
}

const softmax =
  (op: string): Operator =>
  (call, draft) => {
    const x = nodeInput(call)
    const rank = x.shape.length
    const dim = call.axis('axis', call.opset >= 13 ? -1 : 1, rank)
    if (call.opset < 13 && dim !== rank - 1) throw call.fail('over several axes at once it is not offered')
    return draft.add(call, op, [x], x.shape, { dim })
  }

/** The node and the constant of a sum or product of one of each; undefined where both depend on the image. */
function nodeAndConstant(call: OnnxCall): [NodeValue, Constant] | undefined {
  const [a, b] = [call.input(0), call.input(1)]
  if (isConstant(b) && !isConstant(a)) return [a, b]
  return isConstant(a) && !isConstant(b) ? [b, a] : undefined
}

/** Along which axis a constant has its numbers, counted from the back; undefined where along several. */
function vectorAxis(constant: Constant, size: number): number | undefined {
  const axis = constant.shape.findIndex((one) => one === constant.size)
  return axis >= 0 && constant.size === size ? axis - constant.shape.length : undefined
}

/** Whether a constant holds one number per output of a node, in the place where the node's bias would act. */
function fitsOutputs(node: GraphNode, constant: Constant, shape: number[]): boolean {
  const axis = node.op === 'linear' || node.op === 'layer_norm' ? -1 : 1 - shape.length
  return vectorAxis(constant, shape.at(axis)!) === axis
}

/** A sum with a constant right behind a linear op without bias is that op's bias. */
function takesBias(draft: OnnxDraft, x: NodeValue, constant: Constant): boolean {
  const node = draft.nodeOf(x)
  if (!node || draft.uses(x) > 1 || node.parameters.bias) return false
  const isLinear = /^(linear|conv\dd|conv_transpose\dd)$/.test(node.op)
  const isNorm = node.op === 'layer_norm' && node.parameters.weight !== undefined
  if (!(isLinear || isNorm) || !fitsOutputs(node, constant, x.shape)) return false
  draft.attach(node, 'bias', constant.reshaped([constant.size]))
  return true
}

/** A product with a constant right behind a layer norm without weight is that norm's weight. */
function takesWeight(draft: OnnxDraft, x: NodeValue, constant: Constant): boolean {
  const node = draft.nodeOf(x)
  const isBare = node?.op === 'layer_norm' && !node.parameters.weight && draft.uses(x) === 1
  if (!node || !isBare || !fitsOutputs(node, constant, x.shape)) return false
  draft.attach(node, 'weight', constant.reshaped([constant.size]))
  return true
}

function withConstant(call: OnnxCall, draft: OnnxDraft, op: 'add' | 'mul', x: NodeValue, constant: Constant): Value {
  const neutral = op === 'add' ? 0 : 1
  const shape = broadcastShape(x.shape, constant.shape)
  const value = constant.scalar
  if (value === undefined) return draft.add(call, op, [x, constant], shape)
  if (value === neutral && shape.join() === x.shape.join()) return x
  return draft.add(call, `${op}_scalar`, [x], shape, { value })
}

const add: Operator = (call, draft) => {
  const mixed = nodeAndConstant(call)
  if (!mixed) return sum(call, draft)
  const [x, constant] = mixed
  return takesBias(draft, x, constant) ? x : withConstant(call, draft, 'add', x, constant)
}

const sum: Operator = (call, draft) => {
  const inputs = call.inputs.map((_, i) => call.input(i))
  const shape = inputs.map((one) => one.shape).reduce(broadcastShape)
  return inputs.length === 1 ? inputs[0]! : draft.add(call, 'add', inputs, shape)
}

const multiply: Operator = (call, draft) => {
  const mixed = nodeAndConstant(call)
  const made = mixed
    ? takesWeight(draft, ...mixed)
      ? mixed[0]
      : withConstant(call, draft, 'mul', ...mixed)
    : draft.add(
        call,
        'mul',
        [nodeInput(call), nodeInput(call, 1)],
        broadcastShape(call.input(0).shape, call.input(1).shape)
      )
  return recognise(call, draft, made)
}

const divide: Operator = (call, draft) => {
  const [a, b] = [nodeInput(call), call.input(1)]
  const scalar = isConstant(b) ? b.scalar : undefined
  if (scalar !== undefined)
    return recognise(call, draft, draft.add(call, 'mul_scalar', [a], a.shape, { value: 1 / scalar }))
  return recognise(call, draft, draft.add(call, 'div', [a, b], broadcastShape(a.shape, b.shape)))
}

const subtract: Operator = (call, draft) => {
  const [a, b] = [call.input(0), call.input(1)]
  const scalar = isConstant(b) ? b.scalar : undefined
  if (scalar !== undefined) return draft.add(call, 'add_scalar', [a], a.shape, { value: -scalar })
  return draft.add(call, 'sub', [a, b], broadcastShape(a.shape, b.shape))
}

const power: Operator = (call, draft) => {
  const x = nodeInput(call)
  if (call.constant(1)?.scalar !== 2) throw call.fail('only squares are offered')
  return draft.add(call, 'mul', [x, x], x.shape)
}

const gelu: Operator = (call, draft) => {
  const x = nodeInput(call)
  return draft.add(call, 'gelu', [x], x.shape, { approximate: call.string('approximate', 'none') })
}

/** Softplus, which exporters replace by its input where that is large. */
const where: Operator = (call, draft) => {
  const [condition, otherwise] = [draft.nodeOf(call.input(0)), draft.nodeOf(call.input(2))]
  const x = draft.input(call.input(1))
  const isSoftplus = otherwise?.op === 'softplus' && otherwise.inputs[0] === x
  if (condition?.op !== 'greater' || condition.inputs[0] !== x || !isSoftplus) {
    throw call.fail('choosing between values is not offered')
  }
  return call.input(2)
}

const passOn: Operator = (call) => call.input(0)

export const ELEMENTWISE: Record<string, Operator> = {
  Relu: activation('relu'),
  LeakyRelu: activation('leaky_relu', (call) => ({ negative_slope: call.float('alpha', 0.01) })),
  PRelu: slopedRelu,
  Elu: activation('elu', (call) => ({ alpha: call.float('alpha', 1) })),
  Sigmoid: activation('sigmoid'),
  Tanh: activation('tanh'),
  Softplus: activation('softplus'),
  HardSwish: activation('hardswish'),
  HardSigmoid: hardSigmoid,
  Gelu: gelu,
  Erf: activation('erf'),
  Sqrt: activation('sqrt'),
  Greater: activation('greater'),
  Where: where,
  Neg: activation('mul_scalar', () => ({ value: -1 })),
  Clip: clip,
  Softmax: softmax('softmax'),
  LogSoftmax: softmax('log_softmax'),
  Add: add,
  Sum: sum,
  Mul: multiply,
  Div: divide,
  Sub: subtract,
  Pow: power,
  Identity: passOn,
  Dropout: passOn,
  Cast: passOn,
  CastLike: passOn
}
