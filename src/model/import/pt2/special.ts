import { FURTHER_INPUT } from '../../further-inputs.js'
import { attention } from './attention.js'
import { given, isDefault, plain } from './handlers.js'
import { LAYERS } from './layers.js'
import { MOVES } from './moves.js'
import type { Handler, Made, Plan } from './plan.js'
import type { CallReader } from './reader.js'

const elu: Handler = (call) => (isDefault(call, { scale: 1, input_scale: 1 }) ? plain(['alpha'])(call) : undefined)

const softplus: Handler = (call) => (isDefault(call, { threshold: 20 }) ? plain(['beta'])(call) : undefined)

const softmax =
  (op: string): Handler =>
  (call) => {
    if (call.literal('half_to_float') === true || call.result().sizes.length === 0) return undefined
    call.argument('dtype') // of floats: all are computed in the model's precision
    return plain(['dim'], op)(call)
  }

const dropout: Handler = (call) => {
  if (call.literal('train') === true) throw call.refused('it was exported in training mode: call model.eval() first')
  return plain(['p'], 'dropout')(call)
}

const clamp = (low: number | undefined, high: number | undefined, call: CallReader): Made => {
  const [x] = [call.node('self')]
  if (x === undefined) return undefined
  if (low === 0 && high === undefined) return { op: 'relu', inputs: [x] }
  if (low === undefined || high === undefined) return undefined
  if (low === 0 && high === 6) return { op: 'relu6', inputs: [x] }
  return low < high ? { op: 'hardtanh', inputs: [x], attributes: { min_val: low, max_val: high } } : undefined
}

/** A bound that is a tensor of one number; one that is infinite bounds nothing. */
function bound(call: CallReader, name: string): { value?: number } | undefined {
  if (!call.has(name)) return {}
  const value = call.number(name) ?? call.constantNumber(name)
  return value === undefined ? undefined : Number.isFinite(value) ? { value } : {}
}

const clampAny: Handler = (call) => {
  const [low, high] = [bound(call, 'min'), bound(call, 'max')]
  if (!low || !high) return undefined
  return low.value === undefined && high.value === undefined ? call.node('self') : clamp(low.value, high.value, call)
}

const sum: Handler = (call) => {
  const operands = [call.node('self'), call.node('other')].filter((one) => one !== undefined)
  const alpha = call.has('alpha') ? call.number('alpha') : 1
  const value = call.number('other')
  if (alpha === undefined || operands.length === 0) return undefined
  if (operands.length === 2) return alpha === 1 ? { op: call.op, inputs: operands } : undefined
  if (value === undefined) return undefined
  return {
    op: 'add_scalar',
    inputs: operands,
    attributes: { value: call.op === 'sub' ? -alpha * value : alpha * value }
  }
}

const product: Handler = (call) => {
  const operands = [call.node('self'), call.node('other')].filter((one) => one !== undefined)
  const value = call.number('other')
  if (call.has('rounding_mode')) return undefined
  if (operands.length === 2) return { op: call.op, inputs: operands }
  if (operands.length === 0 || value === undefined || (call.op === 'div' && value === 0)) return undefined
  return { op: 'mul_scalar', inputs: operands, attributes: { value: call.op === 'div' ? 1 / value : value } }
}

/** What a constant minus x is: its negative plus the constant. */
const reversedSubtraction: Handler = (call) => {
  const [x, value] = [call.node('self'), call.number('other')]
  if (x === undefined || value === undefined || !isDefault(call, { alpha: 1 })) return undefined
  const negative: Plan = { op: 'mul_scalar', inputs: [x], attributes: { value: -1 } }
  return { op: 'add_scalar', inputs: [negative], attributes: { value } }
}

const negative: Handler = (call) => ({ op: 'mul_scalar', inputs: [call.node('self')!], attributes: { value: -1 } })

/** One slope for all channels is that of a leaky ReLU. */
const prelu: Handler = (call) => {
  const [x, weight, slope] = [call.node('self')!, call.weight('weight'), call.constantNumber('weight')]
  if (slope !== undefined) return { op: 'leaky_relu', inputs: [x], attributes: { negative_slope: slope } }
  return weight === undefined ? undefined : { op: 'aten::prelu', inputs: [x], parameters: { weight } }
}

const reduced: Handler = (call) => {
  const dims = call.numbers('dim')
  call.argument('dtype') // of floats: all are computed in the model's precision
  return dims && dims.length > 0 ? plain(['dim', 'keepdim'])(call) : undefined
}

const product2 =
  (first: string, second: string): Handler =>
  (call) => {
    const ranks = [call.meta(first), call.meta(second)].map((one) => one?.sizes.length ?? 0)
    if (ranks.some((rank) => rank < 2)) return undefined
    return { op: 'matmul', inputs: [call.node(first)!, call.node(second)!] }
  }

/** Rows of an input next to the one that images come by. */
const furtherInput: Handler = (call) => ({
  op: FURTHER_INPUT,
  inputs: [call.node('batch')!],
  attributes: given(call, ['shape', 'explained', 'required']),
  parameters: { value: call.weight('self') }
})

/** Calls that are one of the ops which have rules of their own. A handler that returns nothing leaves the call as it is. */
export const SPECIAL: Record<string, Handler> = {
  [FURTHER_INPUT]: furtherInput,
  ...LAYERS,
  ...MOVES,
  ...Object.fromEntries(
    ['relu', 'relu6', 'silu', 'sigmoid', 'tanh', 'hardswish', 'hardsigmoid'].map((op) => [op, plain()])
  ),
  leaky_relu: plain(['negative_slope']),
  gelu: plain(['approximate']),
  elu,
  softplus,
  prelu,
  hardtanh: (call) => clamp(call.number('min_val') ?? -1, call.number('max_val') ?? 1, call),
  clamp: clampAny,
  clamp_min: (call) => clamp(call.number('min'), undefined, call),
  softmax: softmax('softmax'),
  _softmax: softmax('softmax'),
  log_softmax: softmax('log_softmax'),
  _log_softmax: softmax('log_softmax'),
  dropout,
  feature_dropout: dropout,
  add: sum,
  sub: sum,
  mul: product,
  div: product,
  rsub: reversedSubtraction,
  neg: negative,
  matmul: product2('self', 'other'),
  mm: product2('self', 'mat2'),
  bmm: product2('self', 'mat2'),
  scaled_dot_product_attention: attention,
  mean: reduced,
  sum: reduced
}
