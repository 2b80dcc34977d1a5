import type { DType } from '../../../../core/tensor.js'
import { isConstant, isFloat, type NodeValue, type OnnxCall, type Value } from '../call.js'
import type { Constant } from '../constant.js'
import type { OnnxDraft } from '../onnx-draft.js'
import { ONNX_DTYPES } from '../tensor-proto.js'
import { asNode, binary, like, nodeInput, type Operator } from './operator.js'

const RANGES: Partial<Record<DType, [number, number]>> = {
  u8: [0, 255],
  i8: [-128, 127],
  i16: [-32768, 32767],
  i32: [0, 65535]
}

/** A scale or zero point along the axis that it belongs to. */
function alongAxis(call: OnnxCall, value: Constant, x: Value, axis: number): Constant {
  if (value.size === 1) return value.reshaped([])
  if (value.shape.length !== 1 || value.size !== x.shape[axis]) throw call.fail('its scale does not match its axis')
  return value.reshaped(x.shape.map((_, i) => (i === axis ? value.size : 1)))
}

function settings(call: OnnxCall, x: Value) {
  if (call.int('block_size', 0) !== 0) throw call.fail('scales per block are not supported')
  const given = call.int('axis', 1)
  const scale = call.constant(1)
  if (!scale) throw call.fail('its scale is missing')
  const axis = scale.size === 1 ? 0 : call.fromFront(given, x.shape.length)
  const zero = call.constant(2)
  return {
    scale: alongAxis(call, scale, x, axis),
    zero: zero && alongAxis(call, zero, x, axis),
    dtype: zero?.dtype
  }
}

/** Rounded, shifted and limited to the range of a type, as numbers of that type. */
function quantised(
  call: OnnxCall,
  draft: OnnxDraft,
  x: NodeValue,
  scale: Value,
  zero: Value | undefined,
  dtype: DType
) {
  const range = RANGES[dtype]
  if (!range) throw call.fail('its number type is not supported')
  const whole = like(call, draft, binary(call, draft, 'aten::div.Tensor', x, scale), 'aten::round')
  const shifted = zero ? binary(call, draft, 'aten::add.Tensor', whole, zero) : whole
  const limited = like(call, draft, shifted, 'aten::clamp', { min: range[0], max: range[1] })
  return draft.cast(call, limited, dtype)
}

const quantise: Operator = (call, draft) => {
  const x = nodeInput(call, draft)
  call.ignore('saturate', 'precision')
  const { scale, zero, dtype } = settings(call, x)
  const output = ONNX_DTYPES[call.int('output_dtype', 0)]
  const y = quantised(call, draft, x, scale, zero, dtype ?? output ?? 'u8')
  if (!isConstant(call.input(0))) draft.quantised.set(draft.nodeOf(y)!, { x, scale, zero })
  return y
}

const same = (a: Constant | undefined, b: Constant | undefined): boolean =>
  a === b ||
  (a !== undefined && b !== undefined && a.shape.join() === b.shape.join() && a.numbers.join() === b.numbers.join())

/**
 * Numbers for whole numbers. What was quantised from the network's own values just before stays what it was: the network is
 * explained as the float network that it stands for.
 */
const dequantise: Operator = (call, draft) => {
  const input = call.input(0)
  call.ignore('output_dtype')
  const { scale, zero } = settings(call, input)
  const node = draft.nodeOf(input)
  const pair = node && draft.quantised.get(node)
  if (pair && same(pair.scale, scale) && same(pair.zero, zero)) {
    draft.draft.notes.add('values that the file rounds to integers (QuantizeLinear) are kept as they are')
    return { ...pair.x }
  }
  const x = asNode(draft, input)
  const float = isFloat(x.dtype) ? x : draft.cast(call, x, 'f32')
  const shifted = zero ? binary(call, draft, 'aten::sub.Tensor', float, zero) : float
  return binary(call, draft, 'aten::mul.Tensor', shifted, scale)
}

/** Quantised by the range of the values themselves. */
const dynamicQuantise: Operator = (call, draft) => {
  const x = nodeInput(call, draft)
  x.shape.forEach((_, axis) => call.mixes(x, axis))
  const low = draft.aten(call, 'aten::amin', { self: x, dim: [], keepdim: false }, [])
  const high = draft.aten(call, 'aten::amax', { self: x, dim: [], keepdim: false }, [])
  const bottom = like(call, draft, low, 'aten::clamp_max', { max: 0 })
  const top = like(call, draft, high, 'aten::clamp_min', { min: 0 })
  const span = binary(call, draft, 'aten::sub.Tensor', top, bottom)
  const scale = like(call, draft, span, 'aten::div.Scalar', { other: 255 })
  const ratio = binary(call, draft, 'aten::div.Tensor', bottom, scale)
  const start = like(call, draft, ratio, 'aten::neg')
  const zero = like(call, draft, like(call, draft, start, 'aten::round'), 'aten::clamp', { min: 0, max: 255 })
  const y = quantised(call, draft, x, scale, zero, 'u8')
  return [y, scale, draft.cast(call, zero, 'u8')]
}

export const QUANTISE: Record<string, Operator> = {
  QuantizeLinear: quantise,
  DequantizeLinear: dequantise,
  DynamicQuantizeLinear: dynamicQuantise
}
