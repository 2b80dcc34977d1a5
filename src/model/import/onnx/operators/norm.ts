import { isConstant, type NodeValue, type OnnxCall, type Value } from '../call.js'
import { Constant } from '../constant.js'
import { product, type Dim } from '../dim.js'
import type { OnnxDraft } from '../onnx-draft.js'
import { binary, fixed, like, nodeInput, type Operator } from './operator.js'

const batchNorm: Operator = (call, draft) => {
  const x = nodeInput(call, draft)
  const isTraining = call.flag('training_mode') || [...call.readOutputs].some((index) => index > 0)
  if (isTraining && isConstant(call.input(0)) && call.readOutputs.size === 1) return standardised(call, draft, x)
  if (isTraining) throw call.fail('it was exported in training mode: export the model in evaluation mode')
  if (call.int('spatial', 1) !== 1) throw call.fail('statistics per position (spatial = 0) are not supported')
  if (call.opset < 7 && !call.flag('is_test')) throw call.fail('it was exported in training mode')
  call.ignore('momentum', 'is_test')
  const [weight, bias, running_mean, running_var] = [1, 2, 3, 4].map((i) => call.constant(i))
  if (!running_mean || !running_var) throw call.fail('its running statistics are missing')
  const parameters = { weight, bias, running_mean, running_var }
  return draft.add(call, 'batch_norm', [x], x.shape, { eps: call.float('epsilon', 1e-5) }, parameters)
}

/** Weights scaled by their own mean and variance: exporters write weight standardisation as a batch norm that trains. */
function standardised(call: OnnxCall, draft: OnnxDraft, x: NodeValue): Value[] {
  call.ignore('momentum')
  const eps = call.float('epsilon', 1e-5)
  const [scale, shift] = [1, 2, 3, 4].map((i) => call.constant(i))
  const dim = x.shape.map((_, axis) => axis).filter((axis) => axis !== 1)
  const shape = x.shape.map((size, axis) => (axis === 1 ? size : 1))
  const mean = draft.aten(call, 'aten::mean.dim', { self: x, dim, keepdim: true }, shape)
  const variance = draft.aten(call, 'aten::var.correction', { self: x, dim, correction: 0, keepdim: true }, shape)
  const shifted = like(call, draft, variance, 'aten::add.Scalar', { other: eps })
  const factor = like(call, draft, shifted, 'aten::rsqrt')
  const centred = binary(call, draft, 'aten::sub.Tensor', x, mean)
  const scaled = binary(call, draft, 'aten::mul.Tensor', centred, factor)
  const along = (value: Constant | undefined) => value?.reshaped(shape as number[])
  const weighted = scale ? binary(call, draft, 'aten::mul.Tensor', scaled, along(scale)!) : scaled
  return [shift ? binary(call, draft, 'aten::add.Tensor', weighted, along(shift)!) : weighted]
}

/** A constant in the shape of the axes that are normalised; undefined where it has to be broadcast. */
function parameterOf(value: Value | undefined, shape: number[]): Constant | undefined {
  const isWhole = value && isConstant(value) && value.size === shape.reduce((a, b) => a * b, 1)
  const fits = isWhole && value.shape.filter((one) => one !== 1).join() === shape.filter((one) => one !== 1).join()
  return fits ? value.reshaped(shape) : undefined
}

/** Mean and inverse standard deviation, where something reads them, are computed apart. */
const layerNorm: Operator = (call, draft) => {
  const x = nodeInput(call, draft)
  const axis = call.axis('axis', -1, x.shape.length)
  const eps = call.float('epsilon', 1e-5)
  if (call.int('stash_type', 1) !== 1) call.ignore('stash_type')
  const axes = x.shape.map((_, i) => i).slice(axis)
  call.mixes(x, ...axes)
  const normalized_shape = fixed(call, x.shape.slice(axis), 'it normalises axes of unknown size')
  const [scale, bias] = [call.optional(1), call.optional(2)]
  const weight = parameterOf(scale, normalized_shape)
  const own = weight && parameterOf(bias, normalized_shape)
  let y = draft.add(call, 'layer_norm', [x], x.shape, { normalized_shape, eps }, { weight, bias: own })
  if (scale && !weight) y = draft.add(call, 'mul', [y, scale], x.shape)
  if (bias && !own) y = draft.add(call, 'add', [y, bias], x.shape)
  if (![1, 2].some((index) => call.readOutputs.has(index))) return [y]
  const shape = x.shape.map((size, i) => (i < axis ? size : 1))
  const mean = draft.aten(call, 'aten::mean.dim', { self: x, dim: axes, keepdim: true }, shape)
  const args = { self: x, dim: axes, correction: 0, keepdim: true }
  const variance = draft.aten(call, 'aten::var.correction', args, shape)
  const shifted = like(call, draft, variance, 'aten::add.Scalar', { other: eps })
  return [y, mean, like(call, draft, shifted, 'aten::rsqrt')]
}

/** x / sqrt(mean(x^2) + epsilon) over the last axes, times a scale. */
const rmsNorm: Operator = (call, draft) => {
  const x = nodeInput(call, draft)
  const axis = call.axis('axis', -1, x.shape.length)
  call.ignore('stash_type')
  call.mixes(x, ...x.shape.map((_, i) => i).slice(axis))
  const normalized_shape = fixed(call, x.shape.slice(axis), 'it normalises axes of unknown size')
  const args = { input: x, normalized_shape, eps: call.float('epsilon', 1e-5) }
  const weight = parameterOf(call.optional(1), normalized_shape)
  if (weight || !call.optional(1)) return draft.aten(call, 'aten::rms_norm', { ...args, weight }, x.shape)
  const y = draft.aten(call, 'aten::rms_norm', args, x.shape)
  return binary(call, draft, 'aten::mul.Tensor', y, call.input(1))
}

const instanceNorm: Operator = (call, draft) => {
  const x = nodeInput(call, draft)
  const [weight, bias] = [call.constant(1), call.constant(2)]
  const eps = call.float('epsilon', 1e-5)
  return draft.add(call, 'group_norm', [x], x.shape, { num_groups: channelsOf(call, x), eps }, { weight, bias })
}

function channelsOf(call: OnnxCall, x: NodeValue): number {
  return fixed(call, [x.shape[1]!], 'its number of channels is unknown')[0]!
}

/** Up to opset 20 there is one factor per group, from 21 one per channel. */
const groupNorm: Operator = (call, draft) => {
  const x = nodeInput(call, draft)
  const channels = channelsOf(call, x)
  const num_groups = call.int('num_groups', 1)
  const eps = call.float('epsilon', 1e-5)
  call.ignore('stash_type')
  const perChannel = (value: Constant | undefined): Constant | undefined => {
    if (!value || value.size === channels) return value
    if (value.size !== num_groups) throw call.fail('it must have one factor per group or per channel')
    return Constant.of(
      value.dims.flatMap((one) => Array<Dim>(channels / num_groups).fill(one)),
      [channels],
      'f32'
    )
  }
  const parameters = { weight: perChannel(call.constant(1)), bias: perChannel(call.constant(2)) }
  return draft.add(call, 'group_norm', [x], x.shape, { num_groups, eps }, parameters)
}

/** x divided by a power of the sum of squares of the channels around. */
const localResponseNorm: Operator = (call, draft) => {
  const x = nodeInput(call, draft)
  const size = call.int('size', 1)
  const [alpha, beta, bias] = [call.float('alpha', 1e-4), call.float('beta', 0.75), call.float('bias', 1)]
  const channels = channelsOf(call, x)
  const rest = product(x.shape.slice(2))
  const flat = draft.reshape(call, x, [x.shape[0]!, channels, rest])
  const squares = draft.aten(call, 'aten::square', { self: flat }, flat.shape)
  const before = Math.floor((size - 1) / 2)
  const pad = [0, 0, before, size - 1 - before]
  const paddedShape = [x.shape[0]!, channels + size - 1, rest]
  const around = draft.aten(call, 'aten::constant_pad_nd', { self: squares, pad }, paddedShape)
  const windows = [...flat.shape, size]
  const window = draft.aten(call, 'aten::unfold', { self: around, dimension: 1, size, step: 1 }, windows)
  const mean = draft.aten(call, 'aten::mean.dim', { self: window, dim: [-1] }, flat.shape)
  const scaled = draft.aten(call, 'aten::mul.Scalar', { self: mean, other: alpha }, flat.shape)
  const shifted = draft.aten(call, 'aten::add.Scalar', { self: scaled, other: bias }, flat.shape)
  const power = draft.aten(call, 'aten::pow.Tensor_Scalar', { self: shifted, exponent: beta }, flat.shape)
  return draft.add(call, 'div', [x, draft.reshape(call, power, x.shape)], x.shape)
}

/** Mean 0 and variance 1 over some axes. */
const meanVarianceNorm: Operator = (call, draft) => {
  const x = nodeInput(call, draft)
  const dim = (call.ints('axes') ?? [0, 2, 3]).map((axis) => call.fromFront(axis, x.shape.length))
  call.mixes(x, ...dim)
  const shape = x.shape.map((size, i) => (dim.includes(i) ? 1 : size))
  const mean = draft.aten(call, 'aten::mean.dim', { self: x, dim, keepdim: true }, shape)
  const centred = binary(call, draft, 'aten::sub.Tensor', x, mean)
  const square = like(call, draft, centred, 'aten::square')
  const variance = draft.aten(call, 'aten::mean.dim', { self: square, dim, keepdim: true }, shape)
  const root = like(call, draft, variance, 'aten::sqrt')
  const shifted = draft.aten(call, 'aten::add.Scalar', { self: root, other: 1e-9 }, shape)
  return binary(call, draft, 'aten::div.Tensor', centred, shifted)
}

/** x divided by its 1- or 2-norm along an axis; 0 where the norm is 0. */
const lpNorm: Operator = (call, draft) => {
  const x = nodeInput(call, draft)
  const axis = call.axis('axis', -1, x.shape.length)
  const p = call.int('p', 2)
  call.mixes(x, axis)
  const shape = x.shape.with(axis, 1)
  const args = { self: x, ord: p, dim: [axis], keepdim: true }
  const norm = draft.aten(call, 'aten::linalg_vector_norm', args, shape)
  const least = draft.aten(call, 'aten::clamp_min', { self: norm, min: 1e-38 }, shape)
  return binary(call, draft, 'aten::div.Tensor', x, least)
}

export const NORM: Record<string, Operator> = {
  BatchNormalization: batchNorm,
  LayerNormalization: layerNorm,
  RMSNormalization: rmsNorm,
  InstanceNormalization: instanceNorm,
  GroupNormalization: groupNorm,
  LRN: localResponseNorm,
  MeanVarianceNormalization: meanVarianceNorm,
  LpNormalization: lpNorm
}
