import type { AttributeValue } from '../../../core/graph.js'
import { FURTHER_INPUT } from '../../further-inputs.js'
import { attention } from './attention.js'
import type { Handler, Made, Plan } from './plan.js'
import { TO_THE_END, type Size } from './program.js'
import type { CallReader } from './reader.js'

const isFixed = (sizes: Size[]): sizes is number[] => sizes.every((one) => typeof one === 'number')
const given = (call: CallReader, names: string[]) =>
  Object.fromEntries(
    names.map((name) => {
      const value = call.literal(name)
      return [name, Array.isArray(value) && value.length === 0 ? undefined : (value as AttributeValue | undefined)]
    })
  )

/** An op of one tensor, `self` or `input`, with literals under their own names. */
const plain =
  (names: string[] = [], op?: string): Handler =>
  (call) => {
    const x = call.node('self') ?? call.node('input')
    return x === undefined ? undefined : { op: op ?? call.op, inputs: [x], attributes: given(call, names) }
  }

/** Literals that must have the value which makes the call the plain op. */
function isDefault(call: CallReader, values: Record<string, AttributeValue>): boolean {
  return Object.entries(values).every(([name, value]) => !call.has(name) || call.literal(name) === value)
}

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

const convolution: Handler = (call) => {
  const transposed = call.literal('transposed') === true
  const axes = call.sizes().length - 2
  const op = call.op !== 'convolution' ? call.op : `conv${transposed ? '_transpose' : ''}${axes}d`
  const [x, weight, bias] = [call.node('input'), call.weight('weight'), call.weight('bias')]
  if (x === undefined || weight === undefined || call.isComputed('bias')) return undefined
  if (call.meta('input')!.sizes.length !== axes + 2) return undefined
  const attributes = given(call, ['stride', 'padding', 'dilation', 'groups'])
  const output = given(call, ['output_padding'])
  return {
    op,
    inputs: [x],
    attributes: op.includes('transpose') ? { ...attributes, ...output } : attributes,
    parameters: { weight, bias }
  }
}

const linear: Handler = (call) => {
  const [x, weight, bias] = [call.node('input'), call.weight('weight'), call.weight('bias')]
  if (x === undefined || weight === undefined || call.isComputed('bias')) return undefined
  return { op: 'linear', inputs: [x], parameters: { weight, bias } }
}

/** Batch, layer and group norm: every weight that is there must be known. */
const normalisation =
  (op: string, names: string[], roles: string[]): Handler =>
  (call) => {
    const x = call.node('input')
    if (x === undefined || roles.some((role) => call.isComputed(role))) return undefined
    const parameters = Object.fromEntries(roles.map((role) => [role, call.weight(role)]))
    return { op, inputs: [x], attributes: given(call, names), parameters }
  }

const batchNorm: Handler = (call) => {
  if (call.literal('training') === true || !call.has('running_mean') || !call.has('running_var')) return undefined
  call.argument('momentum')
  return normalisation('batch_norm', ['eps'], ['weight', 'bias', 'running_mean', 'running_var'])(call)
}

const instanceNorm: Handler = (call) => {
  call.argument('momentum')
  if (call.literal('use_input_stats') === false) {
    return normalisation('batch_norm', ['eps'], ['weight', 'bias', 'running_mean', 'running_var'])(call)
  }
  call.argument('running_mean')
  call.argument('running_var')
  const num_groups = call.meta('input')?.sizes[1]
  const made = normalisation('group_norm', ['eps'], ['weight', 'bias'])(call) as Plan | undefined
  return made && typeof num_groups === 'number'
    ? { ...made, attributes: { ...made.attributes, num_groups } }
    : undefined
}

const nativeGroupNorm: Handler = (call) => {
  for (const name of ['N', 'C', 'HxW']) call.argument(name)
  const num_groups = call.number('group')
  const made = normalisation('group_norm', ['eps'], ['weight', 'bias'])(call) as Plan | undefined
  return made && [{ ...made, attributes: { ...made.attributes, num_groups } }]
}

const onlyFirst =
  (handler: Handler): Handler =>
  (call) => {
    const made = handler(call)
    return made === undefined || Array.isArray(made) ? made : [made]
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

/** By its size where the factor is the ratio of the sizes: else the two sample at other places. */
const upsample =
  (mode: 'nearest' | 'bilinear'): Handler =>
  (call) => {
    const x = call.node('input') ?? call.node('self')
    const size = call.sizes().slice(2)
    const from = (call.meta('input') ?? call.meta('self'))?.sizes.slice(2)
    call.argument('output_size')
    const factors = call.numbers('scale_factors') ?? []
    if (call.has('scales_h') || call.has('scales_w')) return undefined
    if (x === undefined || !from || !isFixed(size) || !isFixed(from)) return undefined
    if (factors.some((factor, i) => factor * from[i]! !== size[i])) return undefined
    const align = mode === 'bilinear' ? { align_corners: call.literal('align_corners') === true } : {}
    return { op: 'interpolate', inputs: [x], attributes: { size, mode, ...align } }
  }

const adaptive: Handler = (call) => {
  const sizes = call.numbers('output_size')
  return sizes && plain(['output_size'], call.op.replace(/^_/, ''))(call)
}

const reshape: Handler = (call) => {
  for (const name of ['size', 'shape', 'other', 'start_dim', 'end_dim', 'dim', 'sizes']) call.argument(name)
  const sizes = call.sizes()
  if (call.meta('self')!.sizes.join() === sizes.join()) return call.node('self')
  return reshaped(call.node('self')!, sizes)
}

/** One size may be free: it follows from the others. */
export function reshaped(x: string | Plan, sizes: Size[]): Plan {
  const free = sizes.filter((one) => typeof one === 'string').length
  if (free > 1 || sizes.includes(0)) {
    return { op: 'aten::reshape', inputs: [x], attributes: { shape: sizes as AttributeValue } }
  }
  return { op: 'reshape', inputs: [x], attributes: { shape: sizes.map((one) => (typeof one === 'string' ? -1 : one)) } }
}

/** `flatten` stays what it is where it starts at one: LRP and finetune know it by its name. */
const flatten: Handler = (call) => {
  const [sizes, from] = [call.sizes(), call.meta('self')!.sizes]
  if (sizes.join() === from.join()) return reshape(call)
  const [start_dim, end_dim] = [call.number('start_dim') ?? 0, call.number('end_dim') ?? -1]
  return { op: 'flatten', inputs: [call.node('self')!], attributes: { start_dim, end_dim } }
}

const permuted = (call: CallReader, dims: number[]): Plan => ({
  op: 'permute',
  inputs: [call.node('self')!],
  attributes: { dims }
})

const permute: Handler = (call) => {
  const dims = call.numbers('dims')
  return dims && permuted(call, dims)
}

const swapped =
  (first: number | string, second: number | string): Handler =>
  (call) => {
    const rank = call.sizes().length
    if (rank < 2) return undefined
    const dims = Array.from({ length: rank }, (_, i) => i)
    const axis = (one: number | string) => ((typeof one === 'number' ? one : call.number(one)!) + rank) % rank
    const [a, b] = [axis(first), axis(second)]
    ;[dims[a], dims[b]] = [dims[b]!, dims[a]!]
    return permuted(call, dims)
  }

const moved: Handler = (call) => {
  const rank = call.sizes().length
  const [from, to] = ['source', 'destination'].map((name) => call.numbers(name)?.map((one) => (one + rank) % rank))
  if (!from || !to) return undefined
  const rest = Array.from({ length: rank }, (_, i) => i).filter((axis) => !from.includes(axis))
  const dims = Array.from({ length: rank }, (_, axis) => {
    const i = to.indexOf(axis)
    return i >= 0 ? from[i]! : rest.shift()!
  })
  return permuted(call, dims)
}

const split: Handler = (call) => {
  for (const name of ['chunks', 'split_size', 'split_sizes', 'sections', 'indices']) call.argument(name)
  const x = call.node('self')!
  const rank = call.meta('self')!.sizes.length
  const dim = ((call.number('dim') ?? 0) + rank) % rank
  const sizes = call.call.results.map((_, k) => call.result(k).sizes[dim]!)
  if (!isFixed(sizes)) return undefined
  let end = 0
  return sizes.map((size): Plan => ({ op: 'slice', inputs: [x], attributes: { dim, start: end, end: (end += size) } }))
}

const unbind: Handler = (call) => {
  const [x, dim] = [call.node('self')!, call.number('dim') ?? 0]
  return call.call.results.map((_, index): Plan => ({ op: 'select', inputs: [x], attributes: { dim, index } }))
}

const slice: Handler = (call) => {
  const [start, end, step] = [call.literal('start') ?? 0, call.literal('end'), call.number('step') ?? 1]
  const dim = call.number('dim') ?? 0
  if (call.meta('self')!.sizes.join() === call.sizes().join() && step === 1) return call.node('self')
  if (typeof start !== 'number' || typeof end === 'string') return undefined
  const attributes = { dim, start, end: (end as number) >= TO_THE_END ? undefined : (end as number | undefined), step }
  return { op: 'slice', inputs: [call.node('self')!], attributes }
}

const select: Handler = (call) => (call.number('index') === undefined ? undefined : plain(['dim', 'index'])(call))

const squeeze: Handler = (call) => {
  const dim = call.number('dim')
  const [from, to] = [call.meta('self')!.sizes.length, call.sizes().length]
  if (from === to) return call.node('self')
  return dim === undefined ? reshape(call) : plain(['dim'])(call)
}

const expand: Handler = (call) => {
  const [from, to] = [call.meta('self')!.sizes, call.sizes()]
  for (const name of ['size', 'other']) call.argument(name)
  if (from.join() === to.join()) return call.node('self')
  const overBatch =
    from.length === to.length && from[0] === 1 && to[0] === 'i0' && from.slice(1).join() === to.slice(1).join()
  if (call.weight('self') !== undefined && overBatch)
    return { op: 'expand_batch', inputs: [call.node('self')!, 'input'] }
  return { op: 'aten::expand', inputs: [call.node('self')!], attributes: { size: to as AttributeValue } }
}

const pad: Handler = (call) => {
  const padding = call.numbers('pad')
  const mode = call.literal('mode') ?? 'constant'
  if (!padding) return undefined
  if (padding.every((one) => one === 0)) {
    call.argument('value')
    return call.node('self')
  }
  const value = call.number('value')
  if (mode === 'circular' || (value !== undefined && !Number.isFinite(value))) return undefined
  const attributes = mode === 'constant' ? { value } : {}
  return { op: 'pad', inputs: [call.node('self')!], attributes: { padding, mode: mode as string, ...attributes } }
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

const concatenation: Handler = (call) => {
  const inputs = call.nodes('tensors')
  const dim = call.number('dim') ?? 0
  return inputs.length === 1 ? inputs[0] : { op: 'cat', inputs, attributes: { dim } }
}

const stack: Handler = (call) => {
  const rank = call.sizes().length
  const dim = ((call.number('dim') ?? 0) + rank) % rank
  const inputs = call.nodes('tensors').map((one): Plan => ({ op: 'unsqueeze', inputs: [one], attributes: { dim } }))
  return inputs.length === 1 ? inputs[0] : { op: 'cat', inputs, attributes: { dim } }
}

const same: Handler = (call) => call.node('self') ?? call.node('input')
const perAxes = (name: (axes: number) => string, handler: Handler): Record<string, Handler> =>
  Object.fromEntries([1, 2, 3].map((axes) => [name(axes), handler]))
const SHAPES = ['view', 'reshape', '_unsafe_view', 'unflatten', 'view_as', 'reshape_as', 'ravel', '_reshape_alias']
const COPIES = ['clone', 'contiguous', 'alias', 'detach', 'lift_fresh', 'lift_fresh_copy', 'positive']
const MAX_POOL = ['kernel_size', 'stride', 'padding', 'dilation', 'ceil_mode']
const AVG_POOL = ['kernel_size', 'stride', 'padding', 'ceil_mode', 'count_include_pad']

/** Calls that are one of the ops which have rules of their own. A handler that returns nothing leaves the call as it is. */
/** Rows of an input next to the one that images come by. */
const furtherInput: Handler = (call) => ({
  op: FURTHER_INPUT,
  inputs: [call.node('batch')!],
  attributes: given(call, ['shape', 'explained', 'required']),
  parameters: { value: call.weight('self') }
})

export const SPECIAL: Record<string, Handler> = {
  [FURTHER_INPUT]: furtherInput,
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
  ...perAxes((axes) => `conv${axes}d`, convolution),
  ...perAxes((axes) => `conv_transpose${axes}d`, convolution),
  convolution,
  linear,
  batch_norm: batchNorm,
  _native_batch_norm_legit_no_training: onlyFirst(batchNorm),
  layer_norm: normalisation('layer_norm', ['normalized_shape', 'eps'], ['weight', 'bias']),
  native_layer_norm: onlyFirst(normalisation('layer_norm', ['normalized_shape', 'eps'], ['weight', 'bias'])),
  group_norm: normalisation('group_norm', ['num_groups', 'eps'], ['weight', 'bias']),
  native_group_norm: nativeGroupNorm,
  instance_norm: instanceNorm,
  ...perAxes((axes) => `max_pool${axes}d`, plain(MAX_POOL)),
  ...perAxes(
    (axes) => `max_pool${axes}d_with_indices`,
    (call) => onlyFirst(plain(MAX_POOL, call.op.replace('_with_indices', '')))(call)
  ),
  ...perAxes((axes) => `avg_pool${axes}d`, plain(AVG_POOL)),
  ...perAxes((axes) => `adaptive_avg_pool${axes}d`, adaptive),
  ...perAxes((axes) => `_adaptive_avg_pool${axes}d`, adaptive),
  ...perAxes((axes) => `adaptive_max_pool${axes}d`, onlyFirst(adaptive)),
  upsample_nearest2d: upsample('nearest'),
  upsample_bilinear2d: upsample('bilinear'),
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
  cat: concatenation,
  stack,
  flatten,
  ...Object.fromEntries(SHAPES.map((op) => [op, reshape])),
  permute,
  transpose: swapped('dim0', 'dim1'),
  swapaxes: swapped('axis0', 'axis1'),
  swapdims: swapped('dim0', 'dim1'),
  t: swapped(0, 1),
  mT: swapped(-2, -1),
  movedim: moved,
  moveaxis: moved,
  squeeze,
  unsqueeze: plain(['dim']),
  select,
  slice,
  split,
  split_with_sizes: split,
  chunk: split,
  tensor_split: split,
  unbind,
  expand,
  expand_as: expand,
  broadcast_to: expand,
  pad,
  constant_pad_nd: pad,
  mean: reduced,
  sum: reduced,
  ...Object.fromEntries(COPIES.map((op) => [op, same]))
}

/** They need no floats: they move what they are given, or read a mask of true and false. */
export const OF_ANY_TYPE = new Set([
  'scaled_dot_product_attention',
  ...SHAPES,
  ...COPIES,
  ...[
    'flatten',
    'permute',
    'transpose',
    'swapaxes',
    'swapdims',
    't',
    'mT',
    'movedim',
    'moveaxis',
    'squeeze',
    'unsqueeze'
  ],
  ...['select', 'slice', 'split', 'split_with_sizes', 'chunk', 'tensor_split', 'unbind', 'cat', 'stack'],
  ...['expand', 'expand_as', 'broadcast_to']
])
