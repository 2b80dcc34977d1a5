import type { DType } from '../../../../core/tensor.js'
import { isFloat, type NodeValue, type OnnxCall } from '../call.js'
import type { Dim } from '../dim.js'
import type { OnnxDraft } from '../onnx-draft.js'
import { like, nodeInput, type Operator } from './operator.js'
import { globalPool } from './pool.js'

interface Reduction {
  x: NodeValue
  axes: number[]
  keepdim: boolean
  shape: Dim[]
}

/** Axes and shape of a reduction; undefined where it changes nothing. */
function reductionOf(call: OnnxCall, draft: OnnxDraft): Reduction | NodeValue {
  const x = nodeInput(call, draft)
  const rank = x.shape.length
  const given = call.axes(1, rank)
  const isNoop = call.flag('noop_with_empty_axes')
  const keepdim = call.flag('keepdims', true)
  if (isNoop && (!given || given.length === 0)) return x
  const axes = given?.length ? [...given].sort((a, b) => a - b) : x.shape.map((_, i) => i)
  call.mixes(x, ...axes)
  const shape = x.shape.map((size, i) => (axes.includes(i) ? 1 : size)).filter((_, i) => keepdim || !axes.includes(i))
  return { x, axes, keepdim, shape }
}

const reduction =
  (make: (call: OnnxCall, draft: OnnxDraft, reduction: Reduction) => NodeValue, elementwise?: string): Operator =>
  (call, draft) => {
    const found = reductionOf(call, draft)
    if (!('node' in found)) return make(call, draft, found)
    return elementwise ? like(call, draft, found, elementwise) : found
  }

const over =
  (overload: string, args: Record<string, number> = {}) =>
  (call: OnnxCall, draft: OnnxDraft, { x, axes, keepdim, shape }: Reduction): NodeValue =>
    draft.aten(call, overload, { self: x, ...args, dim: axes, keepdim }, shape, x.dtype)

const mean = reduction((call, draft, { x, axes, keepdim, shape }) => {
  const rank = x.shape.length
  const isGlobal = rank >= 4 && rank <= 5 && axes.length === rank - 2 && axes[0] === 2
  if (isGlobal) return draft.reshape(call, globalPool(call, draft, 'avg', x), shape)
  return draft.add(call, 'mean', [x], shape, { dim: axes, keepdim })
})

const sum = reduction((call, draft, { x, axes, keepdim, shape }) => {
  if (!isFloat(x.dtype)) {
    const args = { self: x, dim: axes, keepdim }
    return draft.aten(call, 'aten::sum.dim_IntList', args, shape, x.dtype)
  }
  return draft.add(call, 'sum', [x], shape, { dim: axes, keepdim })
})

const prod = reduction((call, draft, { x, axes, keepdim, shape }) => {
  let result = x
  for (const dim of axes) {
    result = draft.aten(
      call,
      'aten::prod.dim_int',
      { self: result, dim, keepdim: true },
      result.shape.with(dim, 1),
      x.dtype
    )
  }
  return keepdim ? result : draft.reshape(call, result, shape)
})

const logOf: Operator = reduction((call, draft, { x, axes, keepdim, shape }) => {
  const total = draft.add(call, 'sum', [x], shape, { dim: axes, keepdim }, {}, '.sum')
  return draft.aten(call, 'aten::log', { self: total }, shape)
}, 'aten::log')

const sumOfSquares = reduction((call, draft, { x, axes, keepdim, shape }) => {
  const squares = like(call, draft, x, 'aten::square')
  return draft.aten(call, 'aten::sum.dim_IntList', { self: squares, dim: axes, keepdim }, shape, x.dtype)
}, 'aten::square')

/** Where the largest or smallest value is along an axis; of equal ones the first, or the last. */
const argument =
  (overload: string): Operator =>
  (call, draft) => {
    const x = nodeInput(call, draft)
    const dim = call.axis('axis', 0, x.shape.length)
    const keepdim = call.flag('keepdims', true)
    const takesLast = call.flag('select_last_index')
    call.mixes(x, dim)
    const shape = keepdim ? x.shape.with(dim, 1) : x.shape.toSpliced(dim, 1)
    if (!takesLast) return draft.aten(call, overload, { self: x, dim, keepdim }, shape, 'i64')
    const size = x.shape[dim]
    if (typeof size !== 'number') throw call.fail('the size of its axis is unknown')
    const reversed = draft.aten(call, 'aten::flip', { self: x, dims: [dim] }, x.shape)
    const found = draft.aten(call, overload, { self: reversed, dim, keepdim }, shape, 'i64')
    return draft.aten(call, 'aten::rsub.Scalar', { self: found, other: size - 1 }, shape, 'i64')
  }

/** The k largest or smallest values along an axis, and where they are. */
const topK: Operator = (call, draft) => {
  const x = nodeInput(call, draft)
  const dim = call.axis('axis', -1, x.shape.length)
  const k = call.opset < 10 ? call.int('k', 1) : (call.numbers(1)?.[0] ?? 1)
  const args = { self: x, k, dim, largest: call.flag('largest', true), sorted: call.flag('sorted', true) }
  call.mixes(x, dim)
  const shape = x.shape.with(dim, k)
  const values = draft.aten(call, 'aten::topk', args, shape, x.dtype)
  return [values, draft.aten(call, 'aten::topk', { ...args, output: 1 }, shape, 'i64')]
}

/** Sums or products up to each place along an axis. */
const cumulative =
  (overload: string, neutral: number): Operator =>
  (call, draft) => {
    const x = nodeInput(call, draft)
    const given = call.constant(1)?.scalar
    if (given === undefined) throw call.fail('its axis is missing')
    const dim = call.fromFront(given, x.shape.length)
    const [exclusive, reverse] = [call.flag('exclusive'), call.flag('reverse')]
    call.mixes(x, dim)
    const size = x.shape[dim]!
    const same = (value: NodeValue, overloaded: string, args: Record<string, number | number[]>) =>
      draft.aten(call, overloaded, { self: value, ...args }, value.shape, x.dtype as DType)
    let y = reverse ? same(x, 'aten::flip', { dims: [dim] }) : x
    if (exclusive) {
      const pad = [...Array<number>(2 * (x.shape.length - 1 - dim)).fill(0), 1, -1]
      y = same(y, 'aten::constant_pad_nd', { pad, value: neutral })
      if (size === 1) y = { ...y, shape: x.shape }
    }
    y = same(y, overload, { dim })
    return reverse ? same(y, 'aten::flip', { dims: [dim] }) : y
  }

export const REDUCE: Record<string, Operator> = {
  ReduceMean: mean,
  ReduceSum: sum,
  ReduceProd: prod,
  ReduceMax: reduction(over('aten::amax')),
  ReduceMin: reduction(over('aten::amin')),
  ReduceL1: reduction(over('aten::linalg_vector_norm', { ord: 1 }), 'aten::abs'),
  ReduceL2: reduction(over('aten::linalg_vector_norm', { ord: 2 }), 'aten::abs'),
  ReduceLogSum: logOf,
  ReduceLogSumExp: reduction(over('aten::logsumexp')),
  ReduceSumSquare: sumOfSquares,
  ArgMax: argument('aten::argmax'),
  ArgMin: argument('aten::argmin'),
  TopK: topK,
  CumSum: cumulative('aten::cumsum', 0),
  CumProd: cumulative('aten::cumprod', 1)
}
