import { isConstant, type OnnxCall } from '../call.js'
import { Constant } from '../constant.js'
import { product } from '../dim.js'
import type { Argument, OnnxDraft } from '../onnx-draft.js'
import { broadcastOf, like, nodeInput, uniform, type Operator } from './operator.js'

const near = (a: number, b: number) => Math.abs(a - b) < 1e-6

/** One of our own activations. */
const activation =
  (op: string, attributes: (call: OnnxCall) => Record<string, number | string> = () => ({})): Operator =>
  (call, draft) => {
    const x = nodeInput(call, draft)
    return draft.add(call, op, [x], x.shape, attributes(call))
  }

/** An activation of libtorch. */
const pointwise =
  (overload: string, args: (call: OnnxCall) => Record<string, Argument> = () => ({})): Operator =>
  (call, draft) =>
    like(call, draft, nodeInput(call, draft), overload, args(call))

/** max(0, min(1, alpha x + beta)). */
const hardSigmoid: Operator = (call, draft) => {
  const x = nodeInput(call, draft)
  const [alpha, beta] = [call.float('alpha', 0.2), call.float('beta', 0.5)]
  if (near(alpha, 1 / 6) && near(beta, 0.5)) return draft.add(call, 'hardsigmoid', [x], x.shape)
  const scaled = like(call, draft, x, 'aten::mul.Scalar', { other: alpha })
  const shifted = like(call, draft, scaled, 'aten::add.Scalar', { other: beta })
  return like(call, draft, shifted, 'aten::clamp', { min: 0, max: 1 })
}

const clip: Operator = (call, draft) => {
  const x = nodeInput(call, draft)
  const isOld = call.opset < 11
  const limits = isOld
    ? [call.float('min', -Infinity), call.float('max', Infinity)]
    : [1, 2].map((i) => limitOf(call, i))
  if (limits.some((one) => one === undefined)) return clampedBy(call, draft)
  const [low, high] = limits.map((one, i) => (Math.abs(one!) > 3.4e38 ? (i === 0 ? -Infinity : Infinity) : one!)) as [
    number,
    number
  ]
  if (low === 0 && high === Infinity) return draft.add(call, 'relu', [x], x.shape)
  if (low === 0 && high === 6) return draft.add(call, 'relu6', [x], x.shape)
  if (low === -Infinity && high === Infinity) return x
  if (low > high) throw call.fail('its lower limit is above the upper one')
  if (low === -Infinity) return like(call, draft, x, 'aten::clamp_max', { max: high })
  if (high === Infinity) return like(call, draft, x, 'aten::clamp_min', { min: low })
  return draft.add(call, 'hardtanh', [x], x.shape, { min_val: low, max_val: high }, {}, '', x.dtype)
}

/** A limit that is a number; infinite where it is left out, undefined where it is computed from the image. */
function limitOf(call: OnnxCall, index: number): number | undefined {
  const value = call.optional(index)
  if (value && !isConstant(value)) return undefined
  return value ? value.numbers[0] : index === 1 ? -Infinity : Infinity
}

function clampedBy(call: OnnxCall, draft: OnnxDraft) {
  const x = nodeInput(call, draft)
  return like(call, draft, x, 'aten::clamp.Tensor', { min: call.optional(1), max: call.optional(2) })
}

/** Slopes may differ per channel, or per value. */
const slopedRelu: Operator = (call, draft) => {
  const x = nodeInput(call, draft)
  const slope = call.input(1)
  const negative_slope = uniform(slope)
  if (negative_slope !== undefined) return draft.add(call, 'leaky_relu', [x], x.shape, { negative_slope })
  const shape = slope.shape
  const perChannel = isConstant(slope) && slope.size === x.shape[1] && shape.at(-(x.shape.length - 1)) === slope.size
  if (perChannel) return draft.aten(call, 'aten::prelu', { self: x, weight: slope.reshaped([slope.size]) }, x.shape)
  const positive = like(call, draft, x, 'aten::clamp_min', { min: 0 })
  const negative = like(call, draft, x, 'aten::clamp_max', { max: 0 })
  const scaled = draft.aten(call, 'aten::mul.Tensor', { self: negative, other: slope }, broadcastOf(call, x, slope))
  return draft.aten(call, 'aten::add.Tensor', { self: positive, other: scaled }, scaled.shape)
}

/** Before opset 13 all axes from the given one on are one. */
const softmax =
  (op: string): Operator =>
  (call, draft) => {
    const x = nodeInput(call, draft)
    const rank = x.shape.length
    const dim = call.axis('axis', call.opset >= 13 ? -1 : 1, rank)
    const isFlat = call.opset < 13 && dim !== rank - 1
    call.mixes(x, ...x.shape.map((_, i) => i).slice(dim, isFlat ? undefined : dim + 1))
    if (!isFlat) return draft.add(call, op, [x], x.shape, { dim })
    const isWide = x.shape.slice(dim + 1).some((size) => size !== 1)
    if (!isWide) return draft.add(call, op, [x], x.shape, { dim })
    const flat = draft.reshape(call, x, [...x.shape.slice(0, dim), product(x.shape.slice(dim))])
    const made = draft.add(call, op, [flat], flat.shape, { dim })
    return draft.reshape(call, made, x.shape)
  }

const selu: Operator = (call, draft) => {
  const alpha = call.float('alpha', 1.67326319217681884765625)
  const gamma = call.float('gamma', 1.05070102214813232421875)
  return like(call, draft, nodeInput(call, draft), 'aten::elu', { alpha, scale: gamma, input_scale: 1 })
}

/** x / (1 + |x|). */
const softsign: Operator = (call, draft) => {
  const x = nodeInput(call, draft)
  const size = like(call, draft, x, 'aten::abs')
  const below = like(call, draft, size, 'aten::add.Scalar', { other: 1 })
  return draft.aten(call, 'aten::div.Tensor', { self: x, other: below }, x.shape)
}

/** x + bias below -lambd, x - bias above lambd, 0 between. */
const shrink: Operator = (call, draft) => {
  const x = nodeInput(call, draft)
  const [bias, lambd] = [call.float('bias', 0), call.float('lambd', 0.5)]
  if (bias === 0) return like(call, draft, x, 'aten::hardshrink', { lambd })
  if (bias === lambd) return like(call, draft, x, 'aten::softshrink', { lambd })
  const kept = like(call, draft, x, 'aten::hardshrink', { lambd })
  const sign = like(call, draft, kept, 'aten::sign')
  const shift = like(call, draft, sign, 'aten::mul.Scalar', { other: bias })
  return draft.aten(call, 'aten::sub.Tensor', { self: kept, other: shift }, x.shape)
}

/** 1 where the largest value along an axis is, 0 elsewhere. */
const hardmax: Operator = (call, draft) => {
  const input = nodeInput(call, draft)
  const rank = input.shape.length
  const axis = call.axis('axis', call.opset >= 13 ? -1 : 1, rank)
  const isFlat = call.opset < 13 && axis !== rank - 1
  const x = isFlat
    ? draft.reshape(call, input, [...input.shape.slice(0, axis), product(input.shape.slice(axis))])
    : input
  call.mixes(input, axis)
  const index = draft.aten(call, 'aten::argmax', { self: x, dim: axis, keepdim: true }, x.shape.with(axis, 1), 'i64')
  const zeros = like(call, draft, x, 'aten::zeros_like')
  const made = like(call, draft, zeros, 'aten::scatter.value', { dim: axis, index, value: 1 })
  return draft.reshape(call, made, input.shape)
}

/** x sigmoid(alpha x). */
const swish: Operator = (call, draft) => {
  const x = nodeInput(call, draft)
  const alpha = call.float('alpha', 1)
  if (alpha === 1) return draft.add(call, 'silu', [x], x.shape)
  const scaled = draft.add(call, 'mul_scalar', [x], x.shape, { value: alpha }, {}, '.scaled')
  const gate = draft.add(call, 'sigmoid', [scaled], x.shape, {}, {}, '.gate')
  return draft.add(call, 'mul', [x, gate], x.shape)
}

const gelu: Operator = activation('gelu', (call) => ({ approximate: call.string('approximate', 'none') }))

/** What only acts in training is left out; its mask lets everything through. */
const dropout: Operator = (call, draft) => {
  const x = call.input(0)
  call.ignore('ratio', 'seed', 'is_test')
  const training = call.opset < 12 ? undefined : call.optional(2)
  if (call.opset >= 12) call.optional(1)
  if (training && uniform(training) !== 0)
    throw call.fail('it is in training mode: export the model in evaluation mode')
  if (!call.readOutputs.has(1)) return [x]
  const node = nodeInput(call, draft)
  return [x, like(call, draft, node, 'aten::ones_like', { dtype: 'bool' }, 'bool')]
}

export const ACTIVATION: Record<string, Operator> = {
  Relu: activation('relu'),
  LeakyRelu: activation('leaky_relu', (call) => ({ negative_slope: call.float('alpha', 0.01) })),
  PRelu: slopedRelu,
  Elu: activation('elu', (call) => ({ alpha: call.float('alpha', 1) })),
  Celu: pointwise('aten::celu', (call) => ({ alpha: call.float('alpha', 1) })),
  Selu: selu,
  Sigmoid: activation('sigmoid'),
  Tanh: activation('tanh'),
  Softplus: activation('softplus'),
  Softsign: softsign,
  HardSwish: activation('hardswish'),
  HardSigmoid: hardSigmoid,
  Gelu: gelu,
  Mish: pointwise('aten::mish'),
  Swish: swish,
  ThresholdedRelu: pointwise('aten::threshold', (call) => ({ threshold: call.float('alpha', 1), value: 0 })),
  Shrink: shrink,
  Hardmax: hardmax,
  Clip: clip,
  Softmax: softmax('softmax'),
  LogSoftmax: softmax('log_softmax'),
  Dropout: dropout,
  Constant: constant
}

function constant(call: OnnxCall): Constant {
  const kinds = call.node.attribute.map((one) => one.name)
  if (kinds.length !== 1) throw call.fail('it has no value, or several')
  const value = call.tensor('value')
  const [ints, floats] = [call.ints('value_ints'), call.floats('value_floats')]
  if (value) return value
  if (ints) return Constant.of(ints)
  if (floats) return Constant.of(floats, [floats.length], 'f32')
  if (call.has('value_int')) return Constant.of([call.int('value_int', 0)], [])
  if (call.has('value_float')) return Constant.of([call.float('value_float', 0)], [], 'f32')
  throw call.fail(`its ${kinds[0]} is of a kind that is not supported`)
}
