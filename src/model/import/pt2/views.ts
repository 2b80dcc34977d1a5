import { native } from '../../../native/addon.js'
import type { Argument, Call, Literal, Meta, Size } from './program.js'
import { literal, literalOf, tensorsOf, TO_THE_END } from './program.js'
import { plus } from './sizes.js'

/** A call that writes new values into a base where a view of it lies: op and arguments without the base. */
export type Scatter = { op: string; overload: string; args: Map<string, Argument> } | 'whole' | 'refused'

const whole = (): Scatter => 'whole'
const refused = (): Scatter => 'refused'

/** What to write into the base, for result `k` of a view. `base` and `view` are what the program states of them. */
type Inverse = (call: Call, k: number, base: Meta, views: Meta[]) => Scatter

const reshaped: Inverse = (_, __, base) => ({
  op: 'view',
  overload: 'default',
  args: new Map([['size', literal(base.sizes)]])
})

const likewise =
  (names: string[]): Inverse =>
  ({ op, overload, args }) => ({ op, overload, args: new Map([...args].filter(([name]) => names.includes(name))) })

const sliced = (dim: number, start: Size, end: Size, step: Literal = 1): Scatter => ({
  op: 'slice_scatter',
  overload: 'default',
  args: new Map([
    ['dim', literal(dim)],
    ['start', literal(start)],
    ['end', literal(end)],
    ['step', literal(step)]
  ])
})

const selected = (dim: number, index: Size): Scatter => ({
  op: 'select_scatter',
  overload: 'default',
  args: new Map([
    ['dim', literal(dim)],
    ['index', literal(index)]
  ])
})

const dimOf = (call: Call) => (literalOf(call, 'dim') as number | undefined) ?? 0

const slice: Inverse = (call, _, base, [view]) => {
  if (base.sizes.join() === view!.sizes.join()) return 'whole'
  const read = (name: string) => literalOf(call, name) as Size | undefined
  return sliced(dimOf(call), read('start') ?? 0, read('end') ?? TO_THE_END, read('step') ?? 1)
}

/** The parts of a split lie one after the other. */
const part: Inverse = (call, k, base, views) => {
  const dim = (dimOf(call) + base.sizes.length) % base.sizes.length
  const start = plus(...views.slice(0, k).map((one) => one.sizes[dim]!))
  return sliced(dim, start, plus(start, views[k]!.sizes[dim]!))
}

const permuted: Inverse = (call, _, base) => {
  const dims = literalOf(call, 'dims') as number[]
  const inverse = dims.map((_, axis) => dims.findIndex((dim) => (dim + base.sizes.length) % dims.length === axis))
  return { op: 'permute', overload: 'default', args: new Map([['dims', literal(inverse)]]) }
}

const reversed: Inverse = (_, __, base) => {
  const dims = base.sizes.map((_, axis) => base.sizes.length - 1 - axis)
  return { op: 'permute', overload: 'default', args: new Map([['dims', literal(dims)]]) }
}

const lastTwo: Inverse = () => ({
  op: 'transpose',
  overload: 'int',
  args: new Map([
    ['dim0', literal(-2)],
    ['dim1', literal(-1)]
  ])
})

const movedBack: Inverse = (call) => ({
  op: call.op,
  overload: call.overload,
  args: new Map([
    ['source', call.args.get('destination')!],
    ['destination', call.args.get('source')!]
  ])
})

/** Ops whose result shares its numbers with what they read, and how to write through them. */
const VIEWS: Record<string, Inverse> = {
  alias: whole,
  detach: whole,
  lift_fresh: whole,
  positive: whole,
  resolve_conj: whole,
  resolve_neg: whole,
  view: reshaped,
  view_as: reshaped,
  _reshape_alias: reshaped,
  unflatten: reshaped,
  squeeze: reshaped,
  unsqueeze: reshaped,
  slice,
  narrow: (call) => {
    const [start, length] = [literalOf(call, 'start') as Size, literalOf(call, 'length') as Size]
    return sliced(dimOf(call), start, plus(start, length))
  },
  select: (call) => selected(dimOf(call), literalOf(call, 'index') as Size),
  unbind: (call, k) => selected(dimOf(call), k),
  split: part,
  split_with_sizes: part,
  chunk: part,
  tensor_split: part,
  unsafe_chunk: part,
  unsafe_split: part,
  unsafe_split_with_sizes: part,
  permute: permuted,
  transpose: likewise(['dim0', 'dim1']),
  swapaxes: likewise(['axis0', 'axis1']),
  swapdims: likewise(['dim0', 'dim1']),
  t: reversed,
  numpy_T: reversed,
  mT: lastTwo,
  adjoint: lastTwo,
  movedim: movedBack,
  moveaxis: movedBack,
  diagonal: ({ args }) => ({
    op: 'diagonal_scatter',
    overload: 'default',
    args: new Map([...args].filter(([name]) => name !== 'self'))
  })
}

/** Views that repeat numbers, or that this importer does not write through. */
for (const op of [
  'expand',
  'expand_as',
  'broadcast_to',
  'unfold',
  'as_strided',
  'hsplit',
  'vsplit',
  'dsplit',
  'real',
  'imag',
  'view_as_real',
  'view_as_complex',
  '_conj',
  '_neg_view',
  'matrix_H'
]) {
  VIEWS[op] = refused
}

/** Ops that give what they read itself where they have nothing to do, and a copy of it else. */
const SOMETIMES: Record<string, (call: Call, base: Meta, result: Meta) => boolean> = {
  contiguous: (_, base, result) => base.strides.join() === result.strides.join(),
  to: sameType,
  type_as: sameType,
  dropout: inEvaluation,
  feature_dropout: inEvaluation,
  alpha_dropout: inEvaluation,
  feature_alpha_dropout: inEvaluation,
  reshape: (_, base, result) => isView(base, result.traced),
  reshape_as: (_, base, result) => isView(base, result.traced),
  flatten: (_, base, result) => isView(base, result.traced),
  ravel: (_, base, result) => isView(base, result.traced)
}

function sameType(call: Call, base: Meta, result: Meta): boolean {
  const moved = base.strides.join() !== result.strides.join()
  return base.dtype === result.dtype && literalOf(call, 'copy') !== true && !moved
}

function inEvaluation(call: Call): boolean {
  return literalOf(call, 'train') === false || literalOf(call, 'p') === 0
}

/** Whether a reshape of these strides needs no copy: PyTorch's own rule (`computeStride`). */
export function isView({ traced: from, strides }: Meta, to: readonly number[]): boolean {
  if (from.includes(0)) return true
  let axis = to.length - 1
  let [stride, size, taken] = [strides.at(-1), 1, 1]
  for (let i = from.length - 1; i >= 0; i--) {
    size *= from[i]!
    const reachesOn = i > 0 && (from[i - 1] === 1 || strides[i - 1] === size * stride!)
    if (reachesOn) continue
    while (axis >= 0 && (taken < size || to[axis] === 1)) taken *= to[axis--]!
    if (taken !== size) return false
    ;[stride, size, taken] = [strides[i - 1], 1, 1]
  }
  return axis === -1
}

/** They give what they read itself in some cases, or views of it, and their schemas do not say so. */
const UNDECLARED = new Set([
  ...['_unsafe_view', 'meshgrid', 'broadcast_tensors', 'atleast_1d', 'atleast_2d', 'atleast_3d', 'conj_physical'],
  ...['sum_to_size', 'chain_matmul', 'cartesian_prod', 'dequantize', 'lift', 'pin_memory', 'channel_shuffle'],
  ...['align_tensors', 'data', 'flatten_dense_tensors']
])

/** Whether a call's results may share numbers with what it reads in a way that this file does not know: by PyTorch's schema. */
export function sharesUnknown(call: Call): boolean {
  // an einsum of one tensor is a permutation or a diagonal
  if (UNDECLARED.has(call.op) || (call.op === 'einsum' && tensorsOf(call).length === 1)) return true
  if (Object.hasOwn(VIEWS, call.op) || Object.hasOwn(SOMETIMES, call.op)) return false
  return (
    native()
      .atenSchema(call.op, call.overload)
      ?.some(({ alias }) => alias === 'view') ?? false
  )
}

/** A damaged file may leave out what an inverse is made from. */
function lacksArguments({ op, overload, args }: Call): boolean {
  const schema = native().atenSchema(op, overload)
  return schema?.some((one) => one.default === undefined && !args.has(one.name)) ?? false
}

/** How to write through a result of this call into what it reads; nothing where the result is a tensor of its own. */
export function viewOf(call: Call, base: Meta, results: Meta[]): ((k: number) => Scatter) | undefined {
  const inverse = Object.hasOwn(VIEWS, call.op) ? VIEWS[call.op] : undefined
  if ((call.op === 'view' && call.overload === 'dtype') || (inverse && lacksArguments(call))) return () => 'refused'
  if (inverse) return (k) => inverse(call, k, base, results)
  if (!Object.hasOwn(SOMETIMES, call.op) || !SOMETIMES[call.op]!(call, base, results[0]!)) return undefined
  return (k) => (base.sizes.join() === results[k]!.sizes.join() ? 'whole' : reshaped(call, k, base, results))
}
