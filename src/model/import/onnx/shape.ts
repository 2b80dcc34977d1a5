import { sizeOf } from '../../../core/tensor.js'
import { isConstant, type NodeValue, type OnnxCall, type Value } from './call.js'
import { BATCH, Constant } from './constant.js'
import { broadcastShape } from './fold.js'
import { nodeInput, type Operator } from './linear.js'
import type { OnnxDraft } from './onnx-draft.js'

const shapeOf: Operator = (call) => {
  const { shape } = call.input(0)
  const wrap = (value: number) => (value < 0 ? value + shape.length : value)
  return Constant.of(shape.slice(wrap(call.int('start', 0)), wrap(call.int('end', shape.length))))
}

const constant: Operator = (call) => {
  const value = call.tensor('value')
  if (value) return value
  const [ints, floats] = [call.attribute('value_ints')?.ints, call.attribute('value_floats')?.floats]
  if (call.has('value_int')) return Constant.of([call.int('value_int', 0)], [])
  if (call.has('value_float')) return Constant.of([call.float('value_float', 0)], [], 'f32')
  if (ints) return Constant.of(ints)
  if (floats) return Constant.of(floats, [floats.length], 'f32')
  throw call.fail('its value is of no known kind')
}

const flatten: Operator = (call, draft) => {
  const x = nodeInput(call)
  const axis = call.axis('axis', 1, x.shape.length + 1)
  return draft.reshape(call, x, [sizeOf(x.shape.slice(0, axis)), sizeOf(x.shape.slice(axis))])
}

const reshape: Operator = (call, draft) => {
  const x = nodeInput(call)
  const asked = call.constant(1)?.numbers ?? []
  const keepsZero = call.int('allowzero', 0) === 1
  const shape = asked.map((axis, i) => (axis === 0 && !keepsZero ? (x.shape[i] ?? 0) : axis))
  const total = sizeOf(x.shape)
  const known = sizeOf(shape.filter((axis) => axis !== -1))
  const free = shape.indexOf(-1)
  const symbolic = x.shape.findIndex((axis) => axis % BATCH === 0)
  if (free >= 0) shape[free] = total / known
  // exported for one batch size: the batch is missing where the input has it
  else if (known !== total && symbolic >= 0 && symbolic < shape.length) {
    shape[symbolic] = (shape[symbolic]! * total) / known
  }
  if (sizeOf(shape) !== total || shape.some((axis) => !Number.isInteger(axis))) {
    throw call.fail(`its input does not fit the shape [${asked.join(', ')}]`)
  }
  return draft.reshape(call, x, shape)
}

const transpose: Operator = (call, draft) => {
  const x = nodeInput(call)
  const dims = call.ints('perm') ?? x.shape.map((_, i) => x.shape.length - 1 - i)
  if ([...dims].sort((a, b) => a - b).some((axis, i) => axis !== i)) throw call.fail('its order of axes is none')
  const shape = dims.map((axis) => x.shape[axis]!)
  return draft.add(call, 'permute', [x], shape, { dims })
}

const squeeze: Operator = (call, draft) => {
  const x = nodeInput(call)
  const axes = call.axes(1, x.shape.length)
  return draft.reshape(
    call,
    x,
    x.shape.filter((size, i) => (axes ? !axes.includes(i) : size !== 1))
  )
}

const unsqueeze: Operator = (call, draft) => {
  const x = nodeInput(call)
  const count = (call.ints('axes') ?? call.constant(1)?.numbers ?? []).length
  const rank = x.shape.length + count
  const axes = call.axes(1, rank) ?? []
  const kept = [...x.shape]
  return draft.reshape(
    call,
    x,
    Array.from({ length: rank }, (_, i) => (axes.includes(i) ? 1 : kept.shift()!))
  )
}

function sliced(call: OnnxCall, draft: OnnxDraft, x: NodeValue, dim: number, start: number, end: number, step = 1) {
  const size = x.shape[dim]!
  const clamp = (value: number) => Math.min(Math.max(value < 0 ? value + size : value, 0), size)
  const [from, to] = [clamp(start), clamp(end)]
  if (step < 1) throw call.fail('steps backwards are not offered')
  if (from === 0 && to === size && step === 1) return x
  if (size % BATCH === 0) throw call.fail('it takes a part of the batch')
  const shape = x.shape.with(dim, Math.max(0, Math.ceil((to - from) / step)))
  return draft.add(call, 'slice', [x], shape, { dim, start: from, end: to, step })
}

const slice: Operator = (call, draft) => {
  const input = nodeInput(call)
  const [starts, ends, axes, steps] = [1, 2, 3, 4].map((i) => call.constant(i)?.numbers)
  if (!starts || !ends) throw call.fail('its limits are missing')
  const rank = input.shape.length
  return starts.reduce<NodeValue>((x, start, i) => {
    const dim = ((axes?.[i] ?? i) + rank) % rank
    return sliced(call, draft, x, dim, start, ends[i]!, steps?.[i])
  }, input)
}

const split: Operator = (call, draft) => {
  const x = nodeInput(call)
  const dim = call.axis('axis', 0, x.shape.length)
  const size = x.shape[dim]!
  const count = call.int('num_outputs', call.node.output.length)
  const step = Math.ceil(size / count)
  const equal = Array.from({ length: count }, (_, i) => Math.min(step, size - i * step))
  let start = 0
  return (call.ints('split') ?? call.constant(1)?.numbers ?? equal).map((length) => {
    start += length
    return sliced(call, draft, x, dim, start - length, start)
  })
}

const gather: Operator = (call, draft) => {
  const x = nodeInput(call)
  const dim = call.axis('axis', 0, x.shape.length)
  const indices = call.constant(1)!
  const size = x.shape[dim]!
  if (indices.perImage) return regrouped(call, draft, x, indices)
  const wanted = indices.numbers.map((index) => (index < 0 ? index + size : index))
  if (wanted.some((index) => !(index >= 0 && index < size))) throw call.fail('an index lies outside its axis')
  if (indices.shape.length === 0) {
    if (size % BATCH === 0) throw call.fail('it takes a part of the batch')
    return draft.add(call, 'select', [x], x.shape.toSpliced(dim, 1), { dim, index: wanted[0]! })
  }
  const isRange = indices.shape.length === 1 && wanted.every((index, i) => index === wanted[0]! + i)
  if (!isRange) throw call.fail('only one index or a range of them is offered')
  return sliced(call, draft, x, dim, wanted[0]!, wanted[0]! + wanted.length)
}

/** All numbers of all images in their own order, picked one by one: a reshape, as exporters write strided views. */
function regrouped(call: OnnxCall, draft: OnnxDraft, x: NodeValue, indices: Constant): Value {
  const perImage = indices.size / 2
  const inOrder = indices.shape[0] === 2 && indices.numbers.every((index, i) => index === i)
  if (!inOrder || x.shape.length !== 1 || x.shape[0] !== BATCH * perImage) {
    throw call.fail('it picks numbers of several images')
  }
  return draft.reshape(call, x, [BATCH, ...indices.shape.slice(1)])
}

const concat: Operator = (call, draft) => {
  const inputs = call.inputs.map((_, i) => call.input(i))
  const rank = inputs[0]!.shape.length
  const dim = call.axis('axis', 0, rank)
  const total = inputs.reduce((sum, one) => sum + one.shape[dim]!, 0)
  const shape = inputs.find((one) => !isConstant(one))!.shape.with(dim, total)
  return draft.add(call, 'cat', inputs, shape, { dim })
}

const pad: Operator = (call, draft) => {
  const x = nodeInput(call)
  const rank = x.shape.length
  const mode = { constant: 'constant', reflect: 'reflect', edge: 'replicate' }[call.string('mode', 'constant')]
  const amounts = call.constant(1)?.numbers ?? []
  const axes = call.constant(3)?.numbers.map((axis) => (axis + rank) % rank) ?? x.shape.map((_, i) => i)
  if (!mode || amounts.length !== 2 * axes.length) throw call.fail('its way of padding is not offered')
  const both = x.shape.map((_, axis) => {
    const at = axes.indexOf(axis)
    return at < 0 ? [0, 0] : [amounts[at]!, amounts[at + axes.length]!]
  })
  const padding = both.reverse().flat()
  while (padding.length > 0 && padding.at(-1) === 0 && padding.at(-2) === 0) padding.length -= 2
  if (padding.length === 0) return x
  if (padding.length === 2 * rank) throw call.fail('it pads the batch')
  const shape = x.shape.map(
    (size, i) => size + (padding[2 * (rank - 1 - i)] ?? 0) + (padding[2 * (rank - 1 - i) + 1] ?? 0)
  )
  return draft.add(call, 'pad', [x], shape, { padding, mode, value: call.constant(2)?.scalar ?? 0 })
}

/** Only what does not change the value, and weights repeated along the batch (class tokens). */
const expand: Operator = (call, draft) => {
  const x = call.input(0)
  const target = broadcastShape(x.shape, call.constant(1)?.numbers ?? [])
  if (target.join() === x.shape.join()) return x
  const alongBatch = target.length === x.shape.length && target.slice(1).join() === x.shape.slice(1).join()
  if (!isConstant(x) || !alongBatch || target[0] !== BATCH) {
    throw call.fail('only a weight may be expanded, and along the batch')
  }
  return draft.add(call, 'expand_batch', [x, { node: 'input', shape: [] }], target)
}

const resize: Operator = (call, draft) => {
  const x = nodeInput(call)
  const [scales, sizes] =
    call.op === 'Upsample'
      ? [call.constant(1)?.numbers, undefined]
      : [call.constant(2)?.numbers, call.constant(3)?.numbers]
  const spatial = x.shape.slice(2)
  const size = spatial.map((one, i) => sizes?.[i + 2] ?? Math.floor(one * (scales?.[i + 2] ?? 1)))
  const method = call.string('mode', 'nearest')
  const place = call.string('coordinate_transformation_mode', 'half_pixel')
  const keepsRest = (sizes ?? scales ?? []).slice(0, 2).every((one, i) => one === (sizes ? x.shape[i] : 1))
  const isNearest = method === 'nearest' && place === 'asymmetric' && call.string('nearest_mode', 'floor') === 'floor'
  const isLinear = method === 'linear' && spatial.length === 2 && /half_pixel$|^align_corners$/.test(place)
  if (!(isNearest || isLinear) || !keepsRest) throw call.fail(`its mode (${method}, ${place}) is not offered`)
  const align = isLinear ? { align_corners: place === 'align_corners' } : {}
  const attributes = { size, mode: isNearest ? 'nearest' : 'bilinear', ...align }
  return draft.add(call, 'interpolate', [x], [...x.shape.slice(0, 2), ...size], attributes)
}

/** Operators that the file may also apply to constants; those that fold.ts computes are only reached with images. */
export const SHAPE: Record<string, (call: OnnxCall, draft: OnnxDraft) => Value | Value[]> = {
  Shape: shapeOf,
  Constant: constant,
  Flatten: flatten,
  Reshape: reshape,
  Transpose: transpose,
  Squeeze: squeeze,
  Unsqueeze: unsqueeze,
  Slice: slice,
  Split: split,
  Gather: gather,
  Concat: concat,
  Pad: pad,
  Expand: expand,
  Resize: resize,
  Upsample: resize
}
