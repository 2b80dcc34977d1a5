import { BatchMixed, isConstant, type NodeValue, type OnnxCall, type Value } from '../call.js'
import { Constant } from '../constant.js'
import {
  ceilDivide,
  dependsOnBatch,
  divideExactly,
  equal,
  isLess,
  minus,
  plus,
  product,
  Size,
  smaller,
  total,
  type Dim
} from '../dim.js'
import { sliceCells, splitLengths } from '../fold.js'
import type { OnnxDraft } from '../onnx-draft.js'
import { asNode, fixed, like, nodeInput, shapeText, type Operator } from './operator.js'

/** A range of an axis, forwards. */
export function ranged(
  call: OnnxCall,
  draft: OnnxDraft,
  x: NodeValue,
  dim: number,
  start: Dim,
  end: Dim,
  step = 1
): NodeValue {
  const size = x.shape[dim]!
  if (equal(start, 0) && equal(end, size) && step === 1) return x
  call.mixes(x, dim)
  const length = step === 1 ? minus(end, start) : ceilDivide(minus(end, start), step)
  const shape = x.shape.with(dim, length)
  if (typeof length === 'number' && length < 1) throw call.fail('its result is empty')
  if (typeof start === 'number' && (typeof end === 'number' || equal(end, size))) {
    const until = typeof end === 'number' ? { end } : {}
    return draft.add(call, 'slice', [x], shape, { dim, start, ...until, step }, {}, '', x.dtype)
  }
  return draft.aten(call, 'aten::slice.Tensor', { self: x, dim, start, end, step }, shape, x.dtype)
}

/** A limit of a slice, within the axis; a number that counts from the end of an axis of unknown size becomes a size. */
function limit(call: OnnxCall, value: Dim, size: Dim): Dim {
  if (typeof value === 'number' && typeof size === 'number') {
    return Math.min(Math.max(value < 0 ? value + size : value, 0), size)
  }
  const isBelow = isLess(value, 0)
  if (isBelow === undefined) throw call.fail('its limits depend on the size of the input')
  if (typeof value === 'number' && value >= 1 << 30) return size
  if (typeof value === 'number' && value < -(2 ** 30)) return 0
  const counted = isBelow ? plus(value, size) : value
  return smaller(counted, size)
}

const slice: Operator = (call, draft) => {
  const input = nodeInput(call, draft)
  const rank = input.shape.length
  const starts = call.opset < 10 ? call.ints('starts') : call.constant(1)?.dims
  const ends = call.opset < 10 ? call.ints('ends') : call.constant(2)?.dims
  if (!starts || !ends || starts.length !== ends.length) throw call.fail('its limits are missing')
  const axes = call.opset < 10 ? call.ints('axes') : call.numbers(3)
  const steps = call.opset < 10 ? undefined : call.numbers(4)
  let x = input
  starts.forEach((start, i) => {
    const dim = call.fromFront(axes?.[i] ?? i, rank)
    const [size, step] = [x.shape[dim]!, steps?.[i] ?? 1]
    if (step === 0) throw call.fail('its step is 0')
    if (step > 0) {
      x = ranged(call, draft, x, dim, limit(call, start, size), limit(call, ends[i]!, size), step)
      return
    }
    call.mixes(x, dim)
    if (typeof size !== 'number' || typeof start !== 'number' || typeof ends[i] !== 'number') {
      throw call.fail('a backward slice of an axis of unknown size is not supported')
    }
    x = chosen(call, draft, x, dim, sliceCells(size, start, ends[i], step))
  })
  return x
}

/** Cells of an axis by their numbers: a range of them where they are one. */
export function chosen(call: OnnxCall, draft: OnnxDraft, x: NodeValue, dim: number, cells: number[]): NodeValue {
  if (cells.length === 0) throw call.fail('its result is empty')
  const isRange = cells.every((cell, i) => cell === cells[0]! + i)
  if (isRange) return ranged(call, draft, x, dim, cells[0]!, cells[0]! + cells.length)
  const shape = x.shape.with(dim, cells.length)
  const isReversed = cells.length === x.shape[dim] && cells.every((cell, i) => cell === cells.length - 1 - i)
  if (isReversed) return draft.aten(call, 'aten::flip', { self: x, dims: [dim] }, shape, x.dtype)
  return draft.aten(call, 'aten::index_select', { self: x, dim, index: Constant.of(cells) }, shape, x.dtype)
}

const split: Operator = (call, draft) => {
  const x = nodeInput(call, draft)
  const dim = call.axis('axis', 0, x.shape.length)
  const size = x.shape[dim]!
  const given: Dim[] | undefined = call.ints('split') ?? call.constant(1)?.dims
  let lengths: Dim[]
  const count = call.int('num_outputs', call.node.output.length)
  if (count !== call.node.output.length) throw call.fail('its number of outputs differs from the number that it states')
  if (given?.some((one) => typeof one !== 'number') || typeof size !== 'number') {
    lengths = given ?? call.node.output.map(() => divideExactly(size, call.node.output.length))
    if (!equal(total(lengths), size)) throw call.fail('its parts do not add up to its input')
  } else lengths = splitLengths(call, size, given as number[] | undefined)
  let start: Dim = 0
  return lengths.map((length, i) => {
    const from = start
    start = plus(start, length)
    if (!call.readOutputs.has(i)) return undefined
    if (length === 0) return Constant.of([], fixed(call, x.shape.with(dim, 0), 'a part of it is empty'), x.dtype)
    return ranged(call, draft, x, dim, from, start)
  })
}

const gather: Operator = (call, draft) => {
  const x = nodeInput(call, draft)
  const dim = call.axis('axis', 0, x.shape.length)
  const indices = call.input(1)
  const size = x.shape[dim]!
  const shape = [...x.shape.slice(0, dim), ...indices.shape, ...x.shape.slice(dim + 1)]
  if (isConstant(indices) && !indices.isOpen) {
    const limitOfAxis = typeof size === 'number' ? size : Infinity
    const given = indices.numbers
    if (given.some((index) => index >= limitOfAxis || index < -limitOfAxis))
      throw call.fail('an index is outside its axis')
    if (indices.shape.length === 0 && (typeof size === 'number' || given[0]! >= 0)) {
      call.mixes(x, dim)
      const index = given[0]! < 0 ? given[0]! + (size as number) : given[0]!
      return draft.add(call, 'select', [x], x.shape.toSpliced(dim, 1), { dim, index }, {}, '', x.dtype)
    }
    if (typeof size === 'number') {
      const cells = given.map((index) => (index < 0 ? index + size : index))
      return draft.reshape(call, chosen(call, draft, x, dim, cells), shape)
    }
  }
  call.mixes(x, dim)
  const index = indexed(call, draft, indices, size)
  const flat = draft.reshape(call, index, [product(indices.shape)])
  const rows = draft.aten(
    call,
    'aten::index_select',
    { self: x, dim, index: flat },
    x.shape.with(dim, product(indices.shape)),
    x.dtype
  )
  return draft.reshape(call, rows, shape)
}

/** Indices as whole numbers from the front. */
export function indexed(call: OnnxCall, draft: OnnxDraft, indices: Value, size: Dim): NodeValue {
  if (isConstant(indices) && !indices.isOpen && typeof size === 'number' && indices.size <= 1 << 20) {
    const { numbers } = indices
    if (numbers.every((one) => one >= 0)) return asNode(draft, indices)
    const positive = numbers.map((one) => (one < 0 ? one + size : one))
    return asNode(draft, Constant.of(positive, indices.shape))
  }
  const node = asNode(draft, indices)
  const whole = node.dtype === 'i64' ? node : draft.cast(call, node, 'i64')
  const lower = like(call, draft, whole, 'aten::lt.Scalar', { other: 0 }, 'bool')
  const lifted = like(call, draft, whole, 'aten::add.Scalar', { other: size })
  return draft.aten(call, 'aten::where.self', { condition: lower, self: lifted, other: whole }, whole.shape, 'i64')
}

/** Sizes that follow from the image's may be the same in other words; PyTorch checks them when the network runs. */
function mayBeEqual(a: Dim, b: Dim): boolean {
  return equal(a, b) || ([a, b].some((one) => one instanceof Size) && ![a, b].some(dependsOnBatch))
}

const concat: Operator = (call, draft) => {
  const given = call.all()
  const isEmpty = ({ shape }: Value) => shape.includes(0)
  let inputs = given.every(isEmpty) ? given.slice(0, 1) : given.filter((one) => !isEmpty(one))
  const rank = inputs[0]!.shape.length
  const dim = call.axis('axis', 0, rank)
  if (inputs.length === 1) return inputs[0]!
  const others = inputs.find((one) => !isConstant(one))?.shape
  if (call.followed === 1 && dim > 0 && others && dependsOnBatch(others[0]!)) {
    inputs = inputs.map((one) => (isConstant(one) && one.shape[0] === 1 ? repeated(call, draft, one, others[0]!) : one))
  }
  const first = inputs[0]!
  const fits = inputs.every(
    ({ shape }) => shape.length === rank && shape.every((one, i) => i === dim || mayBeEqual(one, first.shape[i]!))
  )
  if (!fits) {
    if (call.followed !== undefined) throw new BatchMixed()
    throw call.fail(
      `its inputs have shapes that do not match: ${inputs.map((one) => shapeText(one.shape)).join(' and ')}`
    )
  }
  inputs.forEach((one) => call.mixes(one, dim))
  const shape = (first.shape as Dim[]).with(dim, total(inputs.map((one) => one.shape[dim]!)))
  return draft.add(call, 'cat', inputs, shape, { dim }, {}, '', first.dtype)
}

/** A constant for one image, once for every image. */
export function repeated(call: OnnxCall, draft: OnnxDraft, constant: Constant, batch: Dim): NodeValue {
  const shape = [batch, ...constant.shape.slice(1)]
  const input: NodeValue = { node: 'input', shape: [], dtype: 'f32' }
  return draft.add(call, 'expand_batch', [constant, input], shape, {}, {}, '.token', constant.dtype)
}

/** Operators that take parts of values, and put parts together. */
export const PART: Record<string, Operator> = {
  Slice: slice,
  Split: split,
  Gather: gather,
  Concat: concat
}
