import { given, isFixed, onlyFirst, perAxes, plain } from './handlers.js'
import type { Handler, Plan } from './plan.js'

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

const MAX_POOL = ['kernel_size', 'stride', 'padding', 'dilation', 'ceil_mode']
const AVG_POOL = ['kernel_size', 'stride', 'padding', 'ceil_mode', 'count_include_pad']

/** Convolutions, dense layers, norms, pooling and interpolation. */
export const LAYERS: Record<string, Handler> = {
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
  upsample_bilinear2d: upsample('bilinear')
}
