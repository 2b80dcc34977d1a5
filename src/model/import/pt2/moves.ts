import type { AttributeValue } from '../../../core/graph.js'
import { isFixed, plain } from './handlers.js'
import type { Handler, Plan } from './plan.js'
import { TO_THE_END, type Size } from './program.js'
import type { CallReader } from './reader.js'

const reshape: Handler = (call) => {
  for (const name of ['size', 'shape', 'other', 'start_dim', 'end_dim', 'dim', 'sizes']) call.argument(name)
  const sizes = call.sizes()
  if (call.meta('self')!.sizes.join() === sizes.join()) return call.node('self')
  return reshaped(call.node('self')!, sizes)
}

/** One size may be free: it follows from the others. */
function reshaped(x: string | Plan, sizes: Size[]): Plan {
  const free = sizes.filter((one) => typeof one === 'string').length
  if (free > 1 || sizes.includes(0)) {
    return { op: 'aten::reshape', inputs: [x], attributes: { shape: sizes as AttributeValue } }
  }
  return { op: 'reshape', inputs: [x], attributes: { shape: sizes.map((one) => (typeof one === 'string' ? -1 : one)) } }
}

/** `flatten` stays what it is behind the batch: LRP and finetune know it by its name. */
const flatten: Handler = (call) => {
  const [sizes, from] = [call.sizes(), call.meta('self')!.sizes]
  if (sizes.join() === from.join()) return reshape(call)
  const [start_dim, end_dim] = [call.number('start_dim') ?? 0, call.number('end_dim') ?? -1]
  if (start_dim === 0 && end_dim !== -1)
    return reshaped(call.node('self')!, ['n', ...from.slice(((end_dim + from.length) % from.length) + 1)])
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

const SHAPES = ['view', 'reshape', '_unsafe_view', 'unflatten', 'view_as', 'reshape_as', 'ravel', '_reshape_alias']
const COPIES = ['clone', 'contiguous', 'alias', 'detach', 'lift_fresh', 'lift_fresh_copy', 'positive']

/** Calls that move what they are given, as ops of this package. */
export const MOVES: Record<string, Handler> = {
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
