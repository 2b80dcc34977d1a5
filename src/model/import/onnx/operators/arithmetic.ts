import type { GraphNode } from '../../../../core/graph.js'
import { TORCH_DTYPE, type DType } from '../../../../core/tensor.js'
import { isConstant, isFloat, type NodeValue, type OnnxCall, type Value } from '../call.js'
import { Constant } from '../constant.js'
import { equalShapes, type Dim } from '../dim.js'
import type { OnnxDraft } from '../onnx-draft.js'
import { asLayerNorm } from '../layer-norm.js'
import { ONNX_DTYPES } from '../tensor-proto.js'
import { asNode, binary, broadcastOf, like, nodeInput, uniform, type Operator } from './operator.js'

/** The node and the constant of a sum or product of one of each; undefined where both depend on the image. */
function nodeAndConstant(call: OnnxCall): [NodeValue, Constant] | undefined {
  const [a, b] = [call.input(0), call.input(1)]
  if (isConstant(b) && !isConstant(a)) return [a, b]
  return isConstant(a) && !isConstant(b) ? [b, a] : undefined
}

/** Along which axis a constant has its numbers, counted from the back; undefined where along several. */
function vectorAxis(constant: Constant, size: Dim): number | undefined {
  const axis = constant.shape.findIndex((one) => one === constant.size)
  return axis >= 0 && constant.size === size ? axis - constant.shape.length : undefined
}

/** Whether a constant holds one number per output of a node, in the place where the node's bias would act. */
function fitsOutputs(node: GraphNode, constant: Constant, shape: Dim[]): boolean {
  if (constant.shape.length > shape.length) return false
  if (node.op === 'layer_norm') return (node.attributes.normalized_shape as number[]).length === 1 && atEnd()
  return node.op === 'linear' ? atEnd() : vectorAxis(constant, shape[1]!) === 1 - shape.length
  function atEnd() {
    return vectorAxis(constant, shape.at(-1)!) === -1
  }
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
  const isBare = node?.op === 'layer_norm' && !node.parameters.weight && !node.parameters.bias && draft.uses(x) === 1
  if (!node || !isBare || !fitsOutputs(node, constant, x.shape)) return false
  draft.attach(node, 'weight', constant.reshaped([constant.size]))
  return true
}

/** A product with a number per channel and then a sum with one: what is left of a batch norm, which rules fold away. */
function asBatchNorm(call: OnnxCall, draft: OnnxDraft, x: NodeValue, constant: Constant): Value | undefined {
  const product = draft.nodeOf(x)
  if (product?.op !== 'mul' || product.inputs.length !== 2 || draft.uses(x) > 1) return undefined
  const channels = x.shape[1]
  const isPerChannel = (one: Constant | undefined): one is Constant =>
    one !== undefined && typeof channels === 'number' && vectorAxis(one, channels) === 1 - x.shape.length
  const at = product.inputs.findIndex((name) => draft.constantOf(name))
  const factor = draft.constantOf(product.inputs[at] ?? '')
  if (!isPerChannel(constant) || !isPerChannel(factor)) return undefined
  const all = (value: number): Constant => Constant.of(Array<Dim>(factor.size).fill(value), [factor.size], 'f32')
  const parameters = {
    weight: factor.reshaped([factor.size]),
    bias: constant.reshaped([constant.size]),
    running_mean: all(0),
    running_var: all(1)
  }
  draft.draft.recognised('batch_norm')
  const input: NodeValue = { ...x, node: product.inputs[1 - at]! }
  return draft.add(call, 'batch_norm', [input], x.shape, { eps: 0 }, parameters)
}

function withConstant(call: OnnxCall, draft: OnnxDraft, op: 'add' | 'mul', x: NodeValue, constant: Constant): Value {
  const neutral = op === 'add' ? 0 : 1
  const shape = broadcastOf(call, x, constant)
  const value = constant.scalar
  if (!isFloat(x.dtype)) return binary(call, draft, `aten::${op}.Tensor`, x, constant)
  if (value === undefined) return draft.add(call, op, [x, constant], shape)
  const isSame = equalShapes(shape, x.shape)
  if (value === neutral && isSame) return x
  if (!isSame) return draft.add(call, op, [x, constant], shape)
  return draft.add(call, `${op}_scalar`, [x], shape, { value })
}

const add: Operator = (call, draft) => {
  legacyBroadcast(call)
  const mixed = nodeAndConstant(call)
  if (!mixed) return summed(call, draft, [call.input(0), call.input(1)])
  const [x, constant] = mixed
  if (takesBias(draft, x, constant)) return x
  return asBatchNorm(call, draft, x, constant) ?? withConstant(call, draft, 'add', x, constant)
}

/** Before opset 7 a call said itself how its second input is repeated. */
function legacyBroadcast(call: OnnxCall): void {
  if (call.opset < 7 && call.flag('broadcast')) throw call.fail('its kind of broadcast is not supported')
}

const sum: Operator = (call, draft) => {
  const inputs = call.all()
  return inputs.length === 1 ? inputs[0]! : summed(call, draft, inputs)
}

function summed(call: OnnxCall, draft: OnnxDraft, inputs: Value[]): Value {
  const { dtype } = inputs[0]!
  if (!isFloat(dtype)) return inputs.reduce((a, b) => binary(call, draft, 'aten::add.Tensor', asNode(draft, a), b))
  return draft.add(call, 'add', inputs, broadcastOf(call, ...inputs))
}

const multiply: Operator = (call, draft) => {
  legacyBroadcast(call)
  const mixed = nodeAndConstant(call)
  if (mixed) return takesWeight(draft, ...mixed) ? mixed[0] : withConstant(call, draft, 'mul', ...mixed)
  const [a, b] = [nodeInput(call, draft), nodeInput(call, draft, 1)]
  if (!isFloat(a.dtype)) return binary(call, draft, 'aten::mul.Tensor', a, b)
  return draft.add(call, 'mul', [a, b], broadcastOf(call, a, b))
}

const divide: Operator = (call, draft) => {
  legacyBroadcast(call)
  const [a, b] = [nodeInput(call, draft), call.input(1)]
  const shape = broadcastOf(call, a, b)
  if (!isFloat(a.dtype)) {
    const args = { self: a, other: b, rounding_mode: 'trunc' }
    return draft.aten(call, 'aten::div.Tensor_mode', args, shape, a.dtype)
  }
  const value = isConstant(b) && equalShapes(shape, a.shape) ? b.scalar : undefined
  if (value !== undefined && value !== 0) return draft.add(call, 'mul_scalar', [a], shape, { value: 1 / value })
  return asLayerNorm(call, draft, draft.add(call, 'div', [a, b], shape))
}

const subtract: Operator = (call, draft) => {
  legacyBroadcast(call)
  const [a, b] = [call.input(0), call.input(1)]
  if (!isFloat(a.dtype)) return binary(call, draft, 'aten::sub.Tensor', asNode(draft, a), b)
  const shape = broadcastOf(call, a, b)
  const value = isConstant(b) && !isConstant(a) && equalShapes(shape, a.shape) ? b.scalar : undefined
  if (value !== undefined) return draft.add(call, 'add_scalar', [a], shape, { value: -value })
  return draft.add(call, 'sub', [a, b], shape)
}

const power: Operator = (call, draft) => {
  const [x, exponent] = [nodeInput(call, draft), call.input(1)]
  const shape = broadcastOf(call, x, exponent)
  const value = isConstant(exponent) && equalShapes(shape, x.shape) ? exponent.scalar : undefined
  if (value === 2 && isFloat(x.dtype)) return draft.add(call, 'mul', [x, x], shape)
  if (value === 1) return x
  if (value !== undefined && isFloat(x.dtype)) {
    return draft.aten(call, 'aten::pow.Tensor_Scalar', { self: x, exponent: value }, shape)
  }
  const made = draft.aten(call, 'aten::pow.Tensor_Tensor', { self: x, exponent }, shape, x.dtype)
  return isFloat(x.dtype) ? made : draft.cast(call, made, x.dtype)
}

/** Largest or smallest of any number of inputs. */
const extreme =
  (overload: string): Operator =>
  (call, draft) =>
    call.all().reduce((a, b) => binary(call, draft, overload, asNode(draft, a), b))

const mean: Operator = (call, draft) => {
  const inputs = call.all()
  if (inputs.length === 1) return inputs[0]!
  const shape = broadcastOf(call, ...inputs)
  const total = draft.add(call, 'add', inputs, shape, {}, {}, '.sum')
  return draft.add(call, 'mul_scalar', [total], shape, { value: 1 / inputs.length })
}

const modulo: Operator = (call, draft) => {
  const overload = call.flag('fmod') ? 'aten::fmod.Tensor' : 'aten::remainder.Tensor'
  return binary(call, draft, overload, nodeInput(call, draft), call.input(1))
}

const compared =
  (overload: string): Operator =>
  (call, draft) =>
    binary(call, draft, overload, nodeInput(call, draft), call.input(1), 'bool')

const bits =
  (overload: string): Operator =>
  (call, draft) =>
    binary(call, draft, overload, nodeInput(call, draft), call.input(1))

const shift: Operator = (call, draft) => {
  const direction = call.string('direction', '')
  if (!['LEFT', 'RIGHT'].includes(direction)) throw call.fail('its direction is unknown')
  const overload = direction === 'LEFT' ? 'aten::bitwise_left_shift.Tensor' : 'aten::bitwise_right_shift.Tensor'
  return binary(call, draft, overload, nodeInput(call, draft), call.input(1))
}

/** A value that depends on a condition; softplus that exporters replace by its input where that is large. */
const where: Operator = (call, draft) => {
  const [condition, a, b] = [call.input(0), call.input(1), call.input(2)]
  const [greater, otherwise] = [draft.nodeOf(condition), draft.nodeOf(b)]
  const x = !isConstant(a) ? a.node : undefined
  const reads = (name: string | undefined) => x !== undefined && name === x
  const isSoftplus = otherwise?.op === 'softplus' && reads(otherwise.inputs[0])
  const limit = greater?.op === 'aten::gt.Scalar' && reads(greater.inputs[0]) ? greater.attributes.other : undefined
  if (isSoftplus && typeof limit === 'number' && limit >= 20 && !isConstant(b)) return b
  // attention takes 0 where a softmax is not a number; of finite numbers it always is one
  const isGuard = greater?.op === 'aten::isnan' && otherwise?.op === 'softmax' && greater.inputs[0] === otherwise.name
  if (isGuard && uniform(a) === 0 && !isConstant(b)) return b
  const truth = isConstant(condition) || condition.dtype === 'bool' ? condition : draft.cast(call, condition, 'bool')
  return draft.aten(
    call,
    'aten::where.self',
    { condition: truth, self: a, other: b },
    broadcastOf(call, condition, a, b),
    a.dtype
  )
}

const greater: Operator = (call, draft) => {
  const [a, b] = [nodeInput(call, draft), call.input(1)]
  const value = isConstant(b) && equalShapes(broadcastOf(call, a, b), a.shape) ? b.scalar : undefined
  if (value !== undefined) return like(call, draft, a, 'aten::gt.Scalar', { other: value }, 'bool')
  return binary(call, draft, 'aten::gt.Tensor', a, b, 'bool')
}

const unary =
  (overload: string, dtype?: DType): Operator =>
  (call, draft) => {
    const x = nodeInput(call, draft)
    return like(call, draft, x, overload, {}, dtype ?? x.dtype)
  }

const isInfinite: Operator = (call, draft) => {
  const x = nodeInput(call, draft)
  const [negative, positive] = [call.flag('detect_negative', true), call.flag('detect_positive', true)]
  if (!negative && !positive) {
    const never = like(call, draft, x, 'aten::zeros_like', { dtype: 'bool' }, 'bool')
    return never
  }
  const overload = negative && positive ? 'aten::isinf' : negative ? 'aten::isneginf' : 'aten::isposinf'
  return like(call, draft, x, overload, {}, 'bool')
}

/** Floats of any width are one type here: the network computes in one. */
function converted(call: OnnxCall, draft: OnnxDraft, to: DType): Value {
  const x = call.input(0)
  const isInput = !isConstant(x) && x.node === 'input'
  if (!isConstant(x) && isFloat(to) && (isFloat(x.dtype) || isInput)) return { ...x, dtype: to }
  if (x.dtype === to && !isInput) return x
  const node = asNode(draft, x)
  return like(call, draft, node, 'aten::to.dtype', { dtype: TORCH_DTYPE[to] }, to)
}

const cast: Operator = (call, draft) => {
  call.ignore('saturate', 'round_mode')
  const to = ONNX_DTYPES[call.int('to', 1)]
  if (!to) throw call.fail('its number type is not supported')
  return converted(call, draft, to)
}

const castLike: Operator = (call, draft) => {
  call.ignore('saturate', 'round_mode')
  return converted(call, draft, call.input(1).dtype)
}

export const ARITHMETIC: Record<string, Operator> = {
  Add: add,
  Sum: sum,
  Mul: multiply,
  Div: divide,
  Sub: subtract,
  Pow: power,
  Max: extreme('aten::maximum'),
  Min: extreme('aten::minimum'),
  Mean: mean,
  Mod: modulo,
  Equal: compared('aten::eq.Tensor'),
  Greater: greater,
  GreaterOrEqual: compared('aten::ge.Tensor'),
  Less: compared('aten::lt.Tensor'),
  LessOrEqual: compared('aten::le.Tensor'),
  And: compared('aten::logical_and'),
  Or: compared('aten::logical_or'),
  Xor: compared('aten::logical_xor'),
  Not: unary('aten::logical_not', 'bool'),
  BitwiseAnd: bits('aten::bitwise_and.Tensor'),
  BitwiseOr: bits('aten::bitwise_or.Tensor'),
  BitwiseXor: bits('aten::bitwise_xor.Tensor'),
  BitwiseNot: unary('aten::bitwise_not'),
  BitShift: shift,
  Where: where,
  Neg: (call, draft) => {
    const x = nodeInput(call, draft)
    if (!isFloat(x.dtype)) return like(call, draft, x, 'aten::neg')
    return draft.add(call, 'mul_scalar', [x], x.shape, { value: -1 })
  },
  Abs: unary('aten::abs'),
  Acos: unary('aten::acos'),
  Acosh: unary('aten::acosh'),
  Asin: unary('aten::asin'),
  Asinh: unary('aten::asinh'),
  Atan: unary('aten::atan'),
  Atanh: unary('aten::atanh'),
  Ceil: unary('aten::ceil'),
  Cos: unary('aten::cos'),
  Cosh: unary('aten::cosh'),
  Erf: unary('aten::erf'),
  Exp: unary('aten::exp'),
  Floor: unary('aten::floor'),
  IsInf: isInfinite,
  IsNaN: unary('aten::isnan', 'bool'),
  Log: unary('aten::log'),
  Reciprocal: unary('aten::reciprocal'),
  Round: unary('aten::round'),
  Sign: unary('aten::sign'),
  Sin: unary('aten::sin'),
  Sinh: unary('aten::sinh'),
  Sqrt: unary('aten::sqrt'),
  Tan: unary('aten::tan'),
  Identity: (call) => call.input(0),
  Cast: cast,
  CastLike: castLike
}
