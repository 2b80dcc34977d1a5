import { BatchMixed, type NodeValue, type OnnxCall } from '../call.js'
import { Constant } from '../constant.js'
import { dependsOnBatch, divideExactly, equal, product, Size, times, type Dim } from '../dim.js'
import type { OnnxDraft } from '../onnx-draft.js'
import { nodeInput, shapeText, type Operator } from './operator.js'

const shapeOf: Operator = (call) => {
  const { shape } = call.input(0)
  const rank = shape.length
  const wrap = (value: number) => Math.min(Math.max(value < 0 ? value + rank : value, 0), rank)
  return Constant.of(shape.slice(wrap(call.int('start', 0)), wrap(call.int('end', rank))))
}

const flatten: Operator = (call, draft) => {
  const x = nodeInput(call, draft)
  const rank = x.shape.length
  const given = call.int('axis', 1)
  if (given < -rank || given > rank) throw call.fail(`it has no axis ${given}`)
  const axis = given < 0 ? given + rank : given
  return draft.reshape(call, x, [product(x.shape.slice(0, axis)), product(x.shape.slice(axis))])
}

const reshape: Operator = (call, draft) => {
  const x = nodeInput(call, draft)
  const asked = call.opset < 5 ? call.ints('shape') : call.constant(1)?.dims
  if (!asked) throw call.fail('its shape is missing')
  const keepsZero = call.flag('allowzero')
  const isPlain = asked.every((one) => typeof one === 'number')
  const batch = call.followed
  const from =
    isPlain && batch !== undefined ? x.shape.map((one) => (one instanceof Size ? one.of([batch]) : one)) : x.shape
  const misfit = () =>
    call.fail(`its input of shape ${shapeText(x.shape)} does not match the shape ${shapeText(asked)}`)
  if (asked.some((axis, i) => axis === 0 && !keepsZero && i >= from.length)) throw misfit()
  const wanted = asked.map((axis, i) => (axis === 0 && !keepsZero ? from[i]! : axis))
  const known = product(wanted.filter((axis) => axis !== -1))
  if (wanted.filter((axis) => axis === -1).length > 1) throw misfit()
  const shape = wanted.map((axis) => (axis === -1 ? divideExactly(product(from), known) : axis))
  if (!equal(product(shape), product(from)) || shape.some((axis) => typeof axis === 'number' && !(axis >= 0)))
    throw misfit()
  if (from === x.shape) return draft.reshape(call, x, shape)
  return draft.reshape(call, x, followBatch(x.shape, from as number[], shape as number[], batch!))
}

/**
 * The shape of a reshape in a file for a fixed number of images, with the batch in it again: in each group of axes that hold
 * the same numbers before and after, the batch must be the outermost one before and becomes that after.
 */
function followBatch(before: Dim[], from: number[], to: number[], batch: number): Dim[] {
  const result: Dim[] = [...to]
  for (let i = 0, j = 0; i < from.length;) {
    const [firstFrom, firstTo] = [i, j]
    let [a, b] = [from[i++]!, j < to.length ? to[j++]! : 1]
    while (a !== b) {
      if (a < b && i < from.length) a *= from[i++]!
      else if (b < a && j < to.length) b *= to[j++]!
      else throw new BatchMixed()
    }
    const open = before.slice(firstFrom, i).findIndex(dependsOnBatch)
    if (open < 0) continue
    if (open > 0 || before.slice(firstFrom + 1, i).some(dependsOnBatch) || firstTo >= to.length) throw new BatchMixed()
    const share = divideExactly(times(to[firstTo]!, before[firstFrom]!), from[firstFrom]!)
    if (to[firstTo]! % batch !== 0 && !(share instanceof Size)) throw new BatchMixed()
    result[firstTo] = share
  }
  if (!equal(product(result), product(before))) throw new BatchMixed()
  return result
}

const transpose: Operator = (call, draft) => {
  const x = nodeInput(call, draft)
  const dims = call.ints('perm') ?? x.shape.map((_, i) => x.shape.length - 1 - i)
  const isOrder = dims.length === x.shape.length && [...dims].sort((a, b) => a - b).every((axis, i) => axis === i)
  if (!isOrder) throw call.fail(`(${dims.join(', ')}) is not a valid order of its axes`)
  if (dims.every((axis, i) => axis === i)) return x
  const shape = dims.map((axis) => x.shape[axis]!)
  return draft.add(call, 'permute', [x], shape, { dims }, {}, '', x.dtype)
}

const squeeze: Operator = (call, draft) => {
  const x = nodeInput(call, draft)
  const axes = call.axes(1, x.shape.length)
  const wrong = axes?.find((axis) => x.shape[axis] !== 1)
  if (wrong !== undefined && dependsOnBatch(x.shape[wrong]!) && call.followed === 1) throw new BatchMixed()
  if (wrong !== undefined) throw call.fail(`its axis ${wrong} is not of size 1`)
  if (!axes && x.shape.some(dependsOnBatch)) {
    if (call.followed === 1) throw new BatchMixed()
    if (call.followed === undefined)
      throw call.fail('it removes every axis of size 1, including the batch: name the axes to remove')
  }
  return draft.reshape(
    call,
    x,
    x.shape.filter((size, i) => (axes ? !axes.includes(i) : size !== 1))
  )
}

const unsqueeze: Operator = (call, draft) => {
  const x = nodeInput(call, draft)
  const count = (call.ints('axes') ?? call.numbers(1) ?? []).length
  const rank = x.shape.length + count
  const axes = call.axes(1, rank) ?? []
  const kept = [...x.shape]
  return draft.reshape(
    call,
    x,
    Array.from({ length: rank }, (_, i) => (axes.includes(i) ? 1 : kept.shift()!))
  )
}

function permuted(call: OnnxCall, draft: OnnxDraft, x: NodeValue, dims: number[]): NodeValue {
  const shape = dims.map((axis) => x.shape[axis]!)
  return draft.add(call, 'permute', [x], shape, { dims }, {}, '', x.dtype)
}

/** Blocks of channels become blocks of pixels. */
const depthToSpace: Operator = (call, draft) => {
  const x = nodeInput(call, draft)
  const block = call.int('blocksize', 1)
  const mode = call.string('mode', 'DCR')
  const [images, channels, height, width] = x.shape as [Dim, Dim, Dim, Dim]
  const kept = divideExactly(channels, block * block)
  const blocks = mode === 'CRD' ? [images, kept, block, block] : [images, block, block, kept]
  const apart = draft.reshape(call, x, [...blocks, height, width])
  const dims = mode === 'CRD' ? [0, 1, 4, 2, 5, 3] : [0, 3, 4, 1, 5, 2]
  return draft.reshape(call, permuted(call, draft, apart, dims), [
    images,
    kept,
    times(height, block),
    times(width, block)
  ])
}

const spaceToDepth: Operator = (call, draft) => {
  const x = nodeInput(call, draft)
  const block = call.int('blocksize', 1)
  const mode = call.string('mode', 'DCR')
  const [images, channels, height, width] = x.shape as [Dim, Dim, Dim, Dim]
  const [rows, columns] = [divideExactly(height, block), divideExactly(width, block)]
  const apart = draft.reshape(call, x, [images, channels, rows, block, columns, block])
  const dims = mode === 'CRD' ? [0, 1, 3, 5, 2, 4] : [0, 3, 5, 1, 2, 4]
  return draft.reshape(call, permuted(call, draft, apart, dims), [
    images,
    times(channels, block * block),
    rows,
    columns
  ])
}

const sizeOf: Operator = (call) => Constant.of([product(call.input(0).shape)], [])

/** Operators that give a value another shape, or tell its shape. */
export const SHAPE: Record<string, Operator> = {
  Shape: shapeOf,
  Size: sizeOf,
  Flatten: flatten,
  Reshape: reshape,
  Transpose: transpose,
  Squeeze: squeeze,
  Unsqueeze: unsqueeze,
  DepthToSpace: depthToSpace,
  SpaceToDepth: spaceToDepth
}
