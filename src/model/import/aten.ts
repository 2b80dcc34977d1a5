import { LrpError } from '../../core/errors.js'
import type { AttributeValue } from '../../core/graph.js'
import type { Draft } from './draft.js'

/** A call of an aten op with its arguments by name, tensors replaced by what they stand for. */
export interface AtenCall {
  /** Without overload and without the underscore of in-place ops. */
  op: string
  name: string
  has: (argument: string) => boolean
  /** Node that an argument is; a weight becomes a constant. */
  input: (argument: string) => string
  inputs: (argument: string) => string[]
  /** Name of the weight that an argument is; undefined where it is absent. @throws LrpError where it is computed */
  weight: (argument: string) => string | undefined
  isWeight: (argument: string) => boolean
  value: (argument: string) => AttributeValue | undefined
  /** The numbers of a weight that an argument is, if it is a small one of float32. */
  numbers: (argument: string) => number[] | undefined
  inputShape: (argument: string) => (number | null)[]
  outputShape: (number | null)[]
  fail: (why: string) => LrpError
}

type Handler = (call: AtenCall, draft: Draft) => string | string[]

const UNARY = ['relu', 'relu6', 'silu', 'sigmoid', 'tanh', 'hardswish', 'hardsigmoid']
const IDENTITY = [
  'clone',
  'contiguous',
  'to',
  'alias',
  'detach',
  'lift_fresh_copy',
  '_to_copy',
  '_assert_tensor_metadata'
]

/** The arguments of these names, as attributes; an empty list means the default. */
function attributes(call: AtenCall, names: string[]): Record<string, AttributeValue | undefined> {
  return Object.fromEntries(
    names.map((name) => {
      const value = call.value(name)
      return [name, Array.isArray(value) && value.length === 0 ? undefined : value]
    })
  )
}

const plain =
  (names: string[] = [], argument = 'self', op?: string): Handler =>
  (call, draft) =>
    draft.add(call.name, op ?? call.op, [call.input(argument)], attributes(call, names))

/** In-place ops and overloads name their first argument differently. */
const inputOrSelf = (call: AtenCall) => (call.has('input') ? 'input' : 'self')

const dropout: Handler = (call, draft) =>
  draft.add(call.name, 'dropout', [call.input(inputOrSelf(call))], attributes(call, ['p']))

const reshape: Handler = (call, draft) => {
  const free = call.outputShape.filter((axis) => axis === null).length
  if (free > 1) throw call.fail('two axes of its shape are not fixed')
  const shape = call.outputShape.map((axis) => axis ?? -1)
  return draft.add(call.name, 'reshape', [call.input('self')], { shape })
}

const convolution =
  (attributeNames: string[]): Handler =>
  (call, draft) => {
    const weight = call.weight('weight')
    if (!weight) throw call.fail('it has no weight')
    let op = call.op
    const attrs = attributes(call, attributeNames)
    if (op === 'convolution') {
      op = `conv${call.value('transposed') === true ? '_transpose' : ''}${call.outputShape.length - 2}d`
      if (call.value('transposed') === true) attrs.output_padding = call.value('output_padding')
    }
    return draft.add(call.name, op, [call.input('input')], attrs, { weight, bias: call.weight('bias') })
  }

const normalisation =
  (names: string[], roles: string[]): Handler =>
  (call, draft) => {
    if (call.value('training') === true) throw call.fail('it was exported in training mode: call model.eval() first')
    const weights = Object.fromEntries(roles.map((role) => [role, call.weight(role)]))
    const op = call.op.includes('batch_norm') ? 'batch_norm' : call.op.replace(/^native_/, '')
    const attrs = attributes(call, names)
    if (op === 'batch_norm') delete attrs.momentum
    return draft.add(call.name, op, [call.input('input')], attrs, weights)
  }

const arithmetic: Handler = (call, draft) => {
  const alpha = call.value('alpha') ?? 1
  const scalar = call.value('other')
  if (alpha !== 1 || (call.op === 'div' && call.value('rounding_mode') !== undefined)) throw call.fail('alpha is not 1')
  if (typeof scalar !== 'number') return draft.add(call.name, call.op, [call.input('self'), call.input('other')])
  const additive = call.op === 'add' || call.op === 'sub'
  const value = call.op === 'sub' ? -scalar : call.op === 'div' ? 1 / scalar : scalar
  return draft.add(call.name, additive ? 'add_scalar' : 'mul_scalar', [call.input('self')], { value })
}

/** What a constant minus x is: its negative plus the constant. */
const reversedSubtraction: Handler = (call, draft) => {
  const value = call.value('other')
  if (typeof value !== 'number' || (call.value('alpha') ?? 1) !== 1) throw call.fail('only a number minus x is offered')
  const negative = draft.add(`${call.name}.negative`, 'mul_scalar', [call.input('self')], { value: -1 })
  return draft.add(call.name, 'add_scalar', [negative], { value })
}

const instanceNorm: Handler = (call, draft) => {
  if (call.value('use_input_stats') === false) throw call.fail('its running statistics are used: they are not offered')
  const num_groups = call.inputShape('input')[1]!
  const weights = { weight: call.weight('weight'), bias: call.weight('bias') }
  return draft.add(call.name, 'group_norm', [call.input('input')], { num_groups, eps: call.value('eps') }, weights)
}

const prelu: Handler = (call, draft) => {
  const slopes = call.numbers('weight')
  if (!slopes || slopes.some((one) => one !== slopes[0])) throw call.fail('its slopes differ between channels')
  return draft.add(call.name, 'leaky_relu', [call.input('self')], { negative_slope: slopes[0]! })
}

const upsample =
  (mode: string): Handler =>
  (call, draft) => {
    const size = call.outputShape.slice(2)
    if (size.includes(null)) throw call.fail('its size is not fixed')
    const align = mode === 'bilinear' ? { align_corners: call.value('align_corners') === true } : {}
    return draft.add(call.name, 'interpolate', [call.input(inputOrSelf(call))], {
      size: size as number[],
      mode,
      ...align
    })
  }

const linear: Handler = (call, draft) => {
  const weight = call.weight('weight')
  if (!weight) throw call.fail('it has no weight')
  return draft.add(call.name, 'linear', [call.input('input')], {}, { weight, bias: call.weight('bias') })
}

const transpose: Handler = (call, draft) => {
  const rank = call.outputShape.length
  const dims = Array.from({ length: rank }, (_, i) => i)
  const swap = call.op === 't' ? [0, rank - 1] : [call.value('dim0'), call.value('dim1')]
  const [a, b] = swap.map((dim) => ((dim as number) + rank) % rank) as [number, number]
  ;[dims[a], dims[b]] = [b, a]
  return draft.add(call.name, 'permute', [call.input('self')], { dims })
}

const expand: Handler = (call, draft) => {
  const [from, to] = [call.inputShape('self'), call.outputShape]
  const batchOnly = from.length === to.length && from.slice(1).join() === to.slice(1).join() && to[0] === null
  if (call.isWeight('self') && batchOnly) return draft.add(call.name, 'expand_batch', [call.input('self'), 'input'])
  if (from.join() === to.join()) return call.input('self')
  throw call.fail('only a weight may be expanded, and along the batch')
}

const split: Handler = (call, draft) => {
  const dim = (call.value('dim') as number | undefined) ?? 0
  const shape = call.inputShape('self')
  const size = shape[(dim + shape.length) % shape.length]
  if (typeof size !== 'number') throw call.fail('it splits the batch')
  const given = call.value(call.op === 'chunk' ? 'chunks' : call.op === 'split' ? 'split_size' : 'split_sizes')
  const step = call.op === 'chunk' ? Math.ceil(size / (given as number)) : (given as number)
  const sizes = Array.isArray(given)
    ? (given as number[])
    : Array.from({ length: Math.ceil(size / step) }, (_, i) => Math.min(step, size - i * step))
  let start = 0
  return sizes.map((length) => {
    start += length
    return draft.add(call.name, 'slice', [call.input('self')], { dim, start: start - length, end: start })
  })
}

const slice: Handler = (call, draft) => {
  const attrs = attributes(call, ['dim', 'start', 'end', 'step'])
  if (call.inputShape('self').join() === call.outputShape.join() && (attrs.step ?? 1) === 1) return call.input('self')
  if (typeof attrs.end === 'number' && attrs.end > 2 ** 40) delete attrs.end
  return draft.add(call.name, 'slice', [call.input('self')], { ...attrs, dim: attrs.dim ?? 0 })
}

const attention: Handler = (call, draft) => {
  const plainCall = call.value('is_causal') !== true && call.weight('attn_mask') === undefined
  if (!plainCall || (call.value('dropout_p') ?? 0) !== 0) throw call.fail('masks and dropout are not offered')
  return draft.add(call.name, call.op, ['query', 'key', 'value'].map(call.input), attributes(call, ['scale']))
}

const stack: Handler = (call, draft) => {
  const dim = (call.value('dim') as number | undefined) ?? 0
  const parts = call.inputs('tensors').map((one) => draft.add(`${call.name}.unsqueeze`, 'unsqueeze', [one], { dim }))
  return draft.add(call.name, 'cat', parts, { dim })
}

const CONV = ['stride', 'padding', 'dilation', 'groups']
const axes = [1, 2, 3]

/** What each aten op is in a graph of ours. */
export const ATEN: Record<string, Handler> = {
  ...Object.fromEntries(UNARY.map((op) => [op, plain()])),
  ...Object.fromEntries(IDENTITY.map((op) => [op, ((call) => call.input('self')) satisfies Handler])),
  ...Object.fromEntries(axes.map((n) => [`conv${n}d`, convolution(CONV)])),
  ...Object.fromEntries(axes.map((n) => [`conv_transpose${n}d`, convolution([...CONV, 'output_padding'])])),
  ...Object.fromEntries(
    axes.map((n) => [`max_pool${n}d`, plain(['kernel_size', 'stride', 'padding', 'dilation', 'ceil_mode'])])
  ),
  ...Object.fromEntries(
    axes.map((n) => [`avg_pool${n}d`, plain(['kernel_size', 'stride', 'padding', 'ceil_mode', 'count_include_pad'])])
  ),
  ...Object.fromEntries(
    axes.flatMap((n) => [`adaptive_avg_pool${n}d`, `adaptive_max_pool${n}d`].map((op) => [op, plain(['output_size'])]))
  ),
  convolution: convolution(CONV),
  linear,
  batch_norm: normalisation(['eps'], ['weight', 'bias', 'running_mean', 'running_var']),
  _native_batch_norm_legit_no_training: normalisation(['eps'], ['weight', 'bias', 'running_mean', 'running_var']),
  layer_norm: normalisation(['normalized_shape', 'eps'], ['weight', 'bias']),
  native_layer_norm: normalisation(['normalized_shape', 'eps'], ['weight', 'bias']),
  group_norm: normalisation(['num_groups', 'eps'], ['weight', 'bias']),
  hardtanh: (call, draft) => {
    const range = attributes(call, ['min_val', 'max_val'])
    const relu6 = range.min_val === 0 && range.max_val === 6
    return draft.add(call.name, relu6 ? 'relu6' : 'hardtanh', [call.input('self')], relu6 ? {} : range)
  },
  leaky_relu: plain(['negative_slope']),
  elu: plain(['alpha']),
  gelu: plain(['approximate']),
  softplus: plain(['beta']),
  softmax: plain(['dim']),
  _softmax: plain(['dim'], 'self', 'softmax'),
  log_softmax: plain(['dim']),
  _log_softmax: plain(['dim'], 'self', 'log_softmax'),
  dropout,
  feature_dropout: dropout,
  prelu,
  instance_norm: instanceNorm,
  upsample_nearest2d: upsample('nearest'),
  upsample_bilinear2d: upsample('bilinear'),
  rsub: reversedSubtraction,
  neg: (call, draft) => draft.add(call.name, 'mul_scalar', [call.input('self')], { value: -1 }),
  add: arithmetic,
  sub: arithmetic,
  mul: arithmetic,
  div: arithmetic,
  cat: (call, draft) => draft.add(call.name, 'cat', call.inputs('tensors'), { dim: call.value('dim') ?? 0 }),
  stack,
  matmul: (call, draft) => draft.add(call.name, 'matmul', [call.input('self'), call.input('other')]),
  mm: (call, draft) => draft.add(call.name, 'matmul', [call.input('self'), call.input('mat2')]),
  bmm: (call, draft) => draft.add(call.name, 'matmul', [call.input('self'), call.input('mat2')]),
  flatten: (call, draft) => {
    const { start_dim = 0, end_dim = -1 } = attributes(call, ['start_dim', 'end_dim'])
    return draft.add(call.name, 'flatten', [call.input('self')], { start_dim, end_dim })
  },
  view: reshape,
  reshape,
  _unsafe_view: reshape,
  unflatten: reshape,
  permute: plain(['dims']),
  transpose,
  t: transpose,
  squeeze: plain(['dim']),
  unsqueeze: plain(['dim']),
  select: plain(['dim', 'index']),
  slice,
  split,
  split_with_sizes: split,
  chunk: split,
  expand,
  pad: (call, draft) =>
    draft.add(call.name, 'pad', [call.input('self')], {
      padding: call.value('pad'),
      mode: call.value('mode'),
      value: call.value('value')
    }),
  constant_pad_nd: (call, draft) =>
    draft.add(call.name, 'pad', [call.input('self')], { padding: call.value('pad'), value: call.value('value') }),
  mean: plain(['dim', 'keepdim']),
  sum: plain(['dim', 'keepdim']),
  scaled_dot_product_attention: attention
}
