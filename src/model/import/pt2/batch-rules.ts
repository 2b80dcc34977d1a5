import { recordOf } from '../../../native/op-record.js'
import { FURTHER_INPUT } from '../../further-inputs.js'
import type { Call, Meta } from './program.js'
import { literalOf, tensorOf, TO_THE_END } from './program.js'

/** Where a call's tensors have their batch: the axis, or nothing where they have none. */
export interface Batched {
  call: Call
  /** Of an argument by its name; `undefined` where it is absent. */
  meta(name: string): Meta | undefined
  axis(name: string): number | undefined
  /** Of the tensors of a list. */
  list(name: string): { meta: Meta; axis: number | undefined }[]
  results: Meta[]
  /** Size of the batch that the program was exported for. */
  size: number
}

/** Axis of the batch in every result; `undefined` for a call that does not keep images apart. */
export type BatchRule = (b: Batched) => number | undefined

const first = (b: Batched) => (b.call.args.has('self') ? 'self' : 'input')
const rankOf = (b: Batched, name: string) => b.meta(name)?.traced.length ?? 0
const wrap = (dim: number, rank: number) => (dim + rank) % Math.max(rank, 1)

/** Axes that a literal names, counted from the front. */
function axesOf(b: Batched, name: string, rank: number): number[] | undefined {
  const value = literalOf(b.call, name)
  const list = typeof value === 'number' ? [value] : value
  return Array.isArray(list) && list.every((one) => typeof one === 'number')
    ? list.map((one) => wrap(one, rank))
    : undefined
}

/** Every operand is broadcast: the batch is the same axis from the right in all that have one. */
export const pointwise: BatchRule = (b) => {
  const rank = b.results[0]!.traced.length
  const axes = new Set<number>()
  const operands = [...b.call.args].flatMap(([name, one]) => {
    if (one.kind === 'tensors') return b.list(name)
    return one.kind === 'tensor' ? [{ meta: b.meta(name)!, axis: b.axis(name) }] : []
  })
  for (const { meta, axis } of operands) if (axis !== undefined) axes.add(axis + rank - meta.traced.length)
  const [axis] = axes
  if (axes.size !== 1) return undefined
  const fits = operands.every((one) => {
    const size = one.meta.traced[axis! + one.meta.traced.length - rank]
    return one.axis !== undefined ? size === b.results[0]!.traced[axis!] : size === undefined || size === 1
  })
  return fits ? axis : undefined
}

/** Images lie along axis 0 of the first tensor, and of no other. */
const images: BatchRule = (b) => {
  const others = [...b.call.args.keys()].filter((name) => name !== first(b) && b.axis(name) !== undefined)
  return b.axis(first(b)) === 0 && others.length === 0 ? 0 : undefined
}

/** The numbers keep their order: the batch is where as many numbers lie before it. */
const reshaped: BatchRule = (b) => {
  const [from, axis, to] = [b.meta(first(b))!.traced, b.axis(first(b))!, b.results[0]!.traced]
  const product = (list: number[]) => list.reduce((all, one) => all * one, 1)
  const [before, share] = [product(from.slice(0, axis)), product(from.slice(axis)) / b.size]
  const found = to.findIndex((_, i) => {
    const rest = product(to.slice(i + 1))
    return product(to.slice(0, i)) === before && to[i]! % b.size === 0 && share % rest === 0
  })
  return found < 0 ? undefined : found
}

const unsqueezed: BatchRule = (b) => {
  const [dim] = axesOf(b, 'dim', rankOf(b, first(b)) + 1) ?? []
  const axis = b.axis(first(b))!
  return dim === undefined ? undefined : dim <= axis ? axis + 1 : axis
}

/** Axes go away, unless the batch is among them. */
const dropped =
  (names: string[], keeps: (b: Batched) => boolean = () => false): BatchRule =>
  (b) => {
    const [x, axis] = [first(b), b.axis(first(b))!]
    const dims = names.map((name) => axesOf(b, name, rankOf(b, x))).find((one) => one !== undefined)
    if (!dims || dims.length === 0 || dims.includes(axis)) return undefined
    if (keeps(b)) return axis
    const gone = b.meta(x)!.traced.length - b.results[0]!.traced.length
    return gone === 0 ? axis : axis - dims.filter((dim) => dim < axis).length
  }

/** Works along axes that are not the batch, and keeps them. */
const along = (...names: string[]): BatchRule => dropped(names, () => true)
const reduces = dropped(['dim'], (b) => literalOf(b.call, 'keepdim') === true)

const permuted =
  (dims: (b: Batched, rank: number) => number[] | undefined): BatchRule =>
  (b) => {
    const rank = rankOf(b, first(b))
    const order = dims(b, rank)
    const found = order?.indexOf(b.axis(first(b))!)
    return found === undefined || found < 0 ? undefined : found
  }

const swap = (one: string | number, two: string | number): BatchRule =>
  permuted((b, rank) => {
    const read = (name: string | number) => (typeof name === 'number' ? wrap(name, rank) : axesOf(b, name, rank)?.[0])
    const [i, j] = [read(one), read(two)]
    if (i === undefined || j === undefined) return undefined
    const order = Array.from({ length: rank }, (_, axis) => axis)
    ;[order[i], order[j]] = [j, i]
    return order
  })

/** The last axes are normalised or mixed: the batch is not among them. */
const lastAxes =
  (count: (b: Batched) => number): BatchRule =>
  (b) => {
    const axis = b.axis(first(b))
    const others = [...b.call.args.keys()].filter((name) => name !== first(b) && b.axis(name) !== undefined)
    const keeps = axis !== undefined && axis < rankOf(b, first(b)) - count(b) && others.length === 0
    return keeps ? axis : undefined
  }

const matmul =
  (left: string, right: string): BatchRule =>
  (b) => {
    const [m, n, rank] = [rankOf(b, left), rankOf(b, right), b.results[0]!.traced.length]
    const [i, j] = [b.axis(left), b.axis(right)]
    if (m < 2 || n < 2) return undefined
    if (i !== undefined && j === undefined && i === m - 2) return rank - 2
    if (j !== undefined && i === undefined && j === n - 1) return rank - 1
    const [a, c] = [i === undefined ? undefined : i + rank - m, j === undefined ? undefined : j + rank - n]
    const axis = a ?? c
    if (axis === undefined || axis >= rank - 2 || (a !== undefined && c !== undefined && a !== c)) return undefined
    const size = (name: string, ranks: number) => b.meta(name)!.traced[axis + ranks - rank] ?? 1
    const broadcast = (one: number | undefined, name: string, ranks: number) =>
      one !== undefined || size(name, ranks) === 1
    return broadcast(i, left, m) && broadcast(j, right, n) ? axis : undefined
  }

const attention: BatchRule = (b) => {
  const axes = ['query', 'key', 'value'].map((name) => b.axis(name))
  const mask = b.axis('attn_mask')
  const rank = rankOf(b, 'query')
  const same = axes.every((axis) => axis !== undefined && axis === axes[0] && axis < rank - 2)
  const wide = (b.meta('attn_mask')?.traced.length ?? 0) === rank
  const unmasked = !b.meta('attn_mask') || !wide || b.meta('attn_mask')!.traced[axes[0] ?? 0] === 1
  return same && (mask === undefined ? unmasked : wide && mask === axes[0]) ? axes[0] : undefined
}

/** All lie along another axis; what has no batch is expanded to it (`joins` in batch.ts). */
const joined: BatchRule = (b) => {
  const operands = [...b.call.args].flatMap(([name, one]) =>
    one.kind === 'tensors' ? b.list(name) : one.kind === 'tensor' ? [{ meta: b.meta(name)!, axis: b.axis(name) }] : []
  )
  const axes = new Set(operands.map((one) => one.axis).filter((axis) => axis !== undefined))
  const [axis] = axes
  if (axes.size !== 1) return undefined
  const rank = operands[0]!.meta.traced.length + (b.call.op === 'stack' ? 1 : 0)
  const dim = wrap((literalOf(b.call, 'dim') as number | undefined) ?? 0, rank)
  if (b.call.op === 'stack') return dim <= axis! ? axis! + 1 : axis
  return dim === axis ? undefined : axis
}

/** A value is put in along a dim that is not the batch. */
const scattered: BatchRule = (b) => {
  const [axis, source] = [b.axis('self'), b.axis('src')]
  const rank = rankOf(b, 'self')
  const dim = wrap((literalOf(b.call, 'dim') as number | undefined) ?? 0, rank)
  const inner = b.call.op === 'select_scatter' && axis !== undefined && dim < axis ? axis - 1 : axis
  return axis !== undefined && dim !== axis && source === inner ? axis : undefined
}

const padded: BatchRule = (b) => {
  const [pad, axis] = [literalOf(b.call, 'pad'), b.axis('self')!]
  const last = rankOf(b, 'self') - 1
  if (!Array.isArray(pad)) return undefined
  const untouched = [0, 1].every((side) => (pad[2 * (last - axis) + side] ?? 0) === 0)
  return untouched ? axis : undefined
}

const sliced: BatchRule = (b) => {
  const [from, to, axis] = [b.meta('self')!.traced, b.results[0]!.traced, b.axis('self')!]
  const dim = wrap((literalOf(b.call, 'dim') as number | undefined) ?? 0, from.length)
  if (dim !== axis) return axis
  // all of it, as `x[:]` is: an end that is written as a number is another image's
  const whole =
    (literalOf(b.call, 'start') ?? 0) === 0 && ((literalOf(b.call, 'end') as number) ?? TO_THE_END) === TO_THE_END
  return whole && from[axis] === to[axis] && (literalOf(b.call, 'step') ?? 1) === 1 ? axis : undefined
}

const expanded: BatchRule = (b) => {
  const [from, to] = [b.meta('self')!.traced, b.results[0]!.traced]
  const axis = b.axis('self')! + to.length - from.length
  return to[axis] === from[b.axis('self')!] ? axis : undefined
}

const repeated: BatchRule = (b) => {
  const repeats = (literalOf(b.call, 'repeats') ?? literalOf(b.call, 'dims')) as number[] | undefined
  const [rank, added] = [rankOf(b, 'self'), Math.max(0, (repeats?.length ?? 0) - rankOf(b, 'self'))]
  const axis = b.axis('self')! + added
  return repeats && repeats[axis - (rank + added - repeats.length)] === 1 ? axis : undefined
}

/** The batch is one letter, in every operand that has a batch, and in the result. */
const einsum: BatchRule = (b) => {
  const [left, right] = String(literalOf(b.call, 'equation')).replaceAll(' ', '').split('->')
  const terms = left!.split(',')
  const letters = new Set(b.list('tensors').flatMap((one, i) => (one.axis === undefined ? [] : [terms[i]![one.axis]])))
  const [letter] = letters
  const elsewhere = b.list('tensors').some((one, i) => one.axis === undefined && terms[i]!.includes(letter ?? '.'))
  const once = terms.every((term) => term.split(letter!).length <= 2)
  if (letters.size !== 1 || left!.includes('.') || elsewhere || !once || right === undefined) return undefined
  const axis = right.indexOf(letter!)
  return axis < 0 ? undefined : axis
}

/** `x[:, :, index]`: the indices have no batch and lie side by side behind it. */
const indexed: BatchRule = (b) => {
  const argument = b.call.args.get('indices')
  const axis = b.axis('self')
  if (axis === undefined || argument?.kind !== 'tensors' || b.list('indices').some((one) => one.axis !== undefined)) {
    return undefined
  }
  const places = argument.names.flatMap((name, i) => (name === undefined ? [] : [i]))
  const sideBySide = places.every((place, i) => place === places[0]! + i)
  return sideBySide && places[0]! > axis ? axis : undefined
}

/** Tables of what cannot tell images apart are read by indices that can. */
const looked: BatchRule = (b) => (b.axis('weight') === undefined ? b.axis('indices') : undefined)

const rules = (names: string, rule: BatchRule): Record<string, BatchRule> =>
  Object.fromEntries(names.split(' ').map((name) => [name, rule]))

/** How ops carry the batch, except for those whose record says that they are pointwise. */
const BATCH_RULES: Record<string, BatchRule> = {
  [FURTHER_INPUT]: () => 0,
  ...rules(
    'softsign to _to_copy type_as clone contiguous alias detach lift_fresh lift_fresh_copy ' +
      'dropout feature_dropout alpha_dropout zeros_like ones_like full_like',
    pointwise
  ),
  ...rules(
    [1, 2, 3]
      .flatMap((n) =>
        `conv max_pool avg_pool adaptive_avg_pool adaptive_max_pool conv_transpose _adaptive_avg_pool`
          .split(' ')
          .map((op) => `${op}${n}d`)
      )
      .join(' '),
    images
  ),
  ...rules(
    'convolution max_pool2d_with_indices max_pool3d_with_indices upsample_nearest1d upsample_nearest2d upsample_nearest3d ' +
      'upsample_linear1d upsample_bilinear2d upsample_bicubic2d upsample_trilinear3d _upsample_nearest_exact2d group_norm ' +
      '_upsample_bilinear2d_aa _upsample_bicubic2d_aa im2col col2im _native_batch_norm_legit_no_training',
    images
  ),
  ...rules('pixel_shuffle pixel_unshuffle channel_shuffle', images),
  batch_norm: (b) => (literalOf(b.call, 'training') === true ? undefined : images(b)),
  instance_norm: images,
  prelu: images,
  ...rules('view reshape _unsafe_view flatten unflatten view_as reshape_as ravel _reshape_alias', reshaped),
  unsqueeze: unsqueezed,
  squeeze: dropped(['dim']),
  permute: permuted((b, rank) => axesOf(b, 'dims', rank)),
  transpose: swap('dim0', 'dim1'),
  swapaxes: swap('axis0', 'axis1'),
  swapdims: swap('dim0', 'dim1'),
  t: swap(0, 1),
  mT: swap(-2, -1),
  ...rules(
    'mean sum var std amax amin max min argmax argmin linalg_vector_norm logsumexp prod all any median',
    reduces
  ),
  ...rules('softmax _softmax log_softmax _log_softmax cumsum sort topk', along('dim')),
  roll: along('dims'),
  flip: along('dims'),
  layer_norm: lastAxes((b) => (literalOf(b.call, 'normalized_shape') as number[]).length),
  native_layer_norm: lastAxes((b) => (literalOf(b.call, 'normalized_shape') as number[]).length),
  rms_norm: lastAxes((b) => (literalOf(b.call, 'normalized_shape') as number[]).length),
  linear: lastAxes(() => 1),
  matmul: matmul('self', 'other'),
  mm: matmul('self', 'mat2'),
  bmm: matmul('self', 'mat2'),
  addmm: (b) =>
    b.axis('self') === undefined && b.meta('self')!.traced.length === 1 ? matmul('mat1', 'mat2')(b) : undefined,
  scaled_dot_product_attention: attention,
  cat: joined,
  stack: joined,
  slice_scatter: scattered,
  select_scatter: scattered,
  select: (b) => (tensorOf(b.call, 'self') === undefined ? undefined : dropped(['dim'])(b)),
  slice: sliced,
  ...rules('split split_with_sizes chunk tensor_split', (b) => {
    const dim = wrap((literalOf(b.call, 'dim') as number | undefined) ?? 0, rankOf(b, 'self'))
    return dim === b.axis('self') ? undefined : b.axis('self')
  }),
  unbind: (b) => {
    const dim = wrap((literalOf(b.call, 'dim') as number | undefined) ?? 0, rankOf(b, 'self'))
    const axis = b.axis('self')!
    return dim === axis ? undefined : dim < axis ? axis - 1 : axis
  },
  unfold: (b) => {
    const dim = wrap(literalOf(b.call, 'dimension') as number, rankOf(b, 'self'))
    return dim === b.axis('self') ? undefined : b.axis('self')
  },
  pad: padded,
  constant_pad_nd: padded,
  ...rules('expand expand_as broadcast_to', expanded),
  repeat: repeated,
  tile: repeated,
  einsum,
  index: indexed,
  embedding: looked
}

/** How a call carries the batch; undefined for a call that cannot be followed. */
export function batchRuleOf({ op, overload }: Call): BatchRule | undefined {
  if (Object.hasOwn(BATCH_RULES, op)) return BATCH_RULES[op]
  try {
    const { reach } = recordOf({ op: overload === 'default' ? `aten::${op}` : `aten::${op}.${overload}` })
    return reach === 'place' ? pointwise : undefined
  } catch {
    return undefined // no graph can make the call: the error comes where it is translated
  }
}
