import { isConstant, type NodeValue, type OnnxCall } from '../call.js'
import { Constant } from '../constant.js'
import { ceilDivide, minus, plus, type Dim } from '../dim.js'
import type { OnnxDraft } from '../onnx-draft.js'
import { afterWindow, padded, windowOf, type Window } from './linear.js'
import { fixed, nodeInput, type Operator } from './operator.js'

/** Below every number that a network computes, and still a number that a JSON file holds. */
const LOWEST = -3.4e38

const reachOf = ({ kernel, dilation }: Window, i: number) => (kernel[i]! - 1) * dilation[i]! + 1

/** Sizes of the output: the last window begins inside the input or the padding before it. */
function outputSizes(call: OnnxCall, window: Window, ceiling: boolean): Dim[] {
  return window.spatial.map((size, i) => {
    const [begin, stride] = [window.begin[i]!, window.stride[i]!]
    const padding = begin + window.end[i]!
    const down = afterWindow(size, reachOf(window, i), stride, padding)
    if (!ceiling) return down
    const up = plus(ceilDivide(minus(plus(size, padding), reachOf(window, i)), stride), 1)
    const last = typeof up === 'number' && typeof size === 'number' ? (up - 1) * stride : undefined
    if (last === undefined)
      throw call.fail('its ceil_mode depends on the size of the input: give the size (--input-shape)')
    return last >= (size as number) + begin ? (up as number) - 1 : up
  })
}

/** Padding at the end with which windows, rounded down, give this number of outputs. */
function endFor(window: Window, sizes: Dim[]): number[] {
  return sizes.map((size, i) => {
    const used = (Number(size) - 1) * window.stride[i]! + reachOf(window, i)
    return used - (window.spatial[i] as number) - window.begin[i]!
  })
}

function checked(call: OnnxCall, window: Window, sizes: Dim[]): Dim[] {
  const isOutside = window.begin.some((one, i) => one >= reachOf(window, i) || window.end[i]! >= reachOf(window, i))
  if (isOutside) throw call.fail('some of its windows cover padding only')
  if (sizes.some((one) => typeof one === 'number' && one < 1)) throw call.fail('its input is smaller than its window')
  return sizes
}

function poolWindow(call: OnnxCall, x: NodeValue): Window {
  if (x.shape.length < 3 || x.shape.length > 5) throw call.fail('its input has no spatial axes, or more than three')
  return windowOf(call, x, call.ints('kernel_shape') ?? [])
}

const isWithinHalf = ({ begin, end, kernel }: Window) =>
  begin.join() === end.join() && begin.every((one, i) => one >= 0 && 2 * one <= kernel[i]!)

const maxPool: Operator = (call, draft) => {
  const input = nodeInput(call, draft)
  const window = poolWindow(call, input)
  const ceil_mode = call.flag('ceil_mode')
  const order = call.flag('storage_order')
  if (order && call.readOutputs.has(1)) throw call.fail('indices in column order are not supported')
  const sizes = checked(call, window, outputSizes(call, window, ceil_mode))
  const { kernel: kernel_size, stride, dilation } = window
  const shape = [...input.shape.slice(0, 2), ...sizes]
  const op = `max_pool${sizes.length}d`
  if (isWithinHalf(window)) {
    const attributes = { kernel_size, stride, padding: window.begin, dilation, ceil_mode }
    if (!call.readOutputs.has(1)) return draft.add(call, op, [input], shape, attributes)
    const values = draft.add(call, op, [input], shape, attributes)
    return [values, poolIndices(call, draft, input, shape, attributes)]
  }
  if (call.readOutputs.has(1)) throw call.fail('indices of a padded input are not supported')
  const end = ceil_mode ? endFor(window, sizes) : window.end
  const x = padded(call, draft, input, window.begin, end, LOWEST)
  return draft.add(call, op, [x], shape, { kernel_size, stride, padding: 0, dilation, ceil_mode: false })
}

/** Where in the whole tensor the largest values are; libtorch counts within one channel of one image. */
function poolIndices(
  call: OnnxCall,
  draft: OnnxDraft,
  x: NodeValue,
  shape: Dim[],
  attributes: { kernel_size: number[]; stride: number[]; padding: number[]; dilation: number[]; ceil_mode: boolean }
): NodeValue {
  const axes = shape.length - 2
  const counts = fixed(call, x.shape, 'its indices count over all images')
  const overload = `aten::max_pool${axes}d_with_indices`
  const local = draft.aten(call, overload, { self: x, ...attributes, output: 1 }, shape, 'i64')
  const inPlane = counts.slice(2).reduce((a, b) => a * b, 1)
  const planes = counts[0]! * counts[1]!
  const starts = Constant.of(
    Array.from({ length: planes }, (_, i) => i * inPlane),
    [counts[0]!, counts[1]!, ...Array<number>(axes).fill(1)]
  )
  return draft.aten(call, 'aten::add.Tensor', { self: local, other: starts }, shape, 'i64')
}

/** Number of values of the input that each window covers, along one axis. */
function covered(window: Window, size: number, i: number): number[] {
  const input = window.spatial[i] as number
  return Array.from({ length: size }, (_, step) => {
    const start = step * window.stride[i]! - window.begin[i]!
    const cells = Array.from({ length: window.kernel[i]! }, (_, k) => start + k * window.dilation[i]!)
    return cells.filter((cell) => cell >= 0 && cell < input).length
  })
}

/** Number of cells that each window covers with padding counted: what lies past the padding is not a cell. */
function coveredWithPadding(window: Window, size: number, i: number): number[] {
  const limit = (window.spatial[i] as number) + window.end[i]!
  return Array.from({ length: size }, (_, step) => {
    const start = step * window.stride[i]! - window.begin[i]!
    const cells = Array.from({ length: window.kernel[i]! }, (_, k) => start + k * window.dilation[i]!)
    return cells.filter((cell) => cell < limit).length
  })
}

const averagePool: Operator = (call, draft) => {
  const input = nodeInput(call, draft)
  const window = poolWindow(call, input)
  const ceil_mode = call.flag('ceil_mode')
  const count_include_pad = call.flag('count_include_pad')
  const sizes = checked(call, window, outputSizes(call, window, ceil_mode))
  const { kernel: kernel_size, stride, dilation } = window
  const shape = [...input.shape.slice(0, 2), ...sizes]
  const op = `avg_pool${sizes.length}d`
  const isDense = dilation.every((one) => one === 1)
  const isPadded = [...window.begin, ...window.end].some((one) => one !== 0)
  if (isDense && isWithinHalf(window)) {
    return draft.add(call, op, [input], shape, {
      kernel_size,
      stride,
      padding: window.begin,
      ceil_mode,
      count_include_pad
    })
  }
  if (isDense && count_include_pad && !ceil_mode) {
    const x = padded(call, draft, input, window.begin, window.end)
    return draft.add(call, op, [x], shape, { kernel_size, stride, padding: 0, ceil_mode, count_include_pad })
  }
  fixed(call, input.shape.slice(2), 'its average excludes the padding')
  const end = endFor(window, sizes)
  const x = padded(call, draft, input, window.begin, end)
  const sums = windowSums(call, draft, x, shape, window)
  const counts = sizes.map((size, i) => (count_include_pad ? coveredWithPadding : covered)(window, Number(size), i))
  if (!isPadded && !ceil_mode) {
    const cells = kernel_size.reduce((a, b) => a * b, 1)
    return draft.add(call, 'mul_scalar', [sums], shape, { value: 1 / cells })
  }
  const grid = counts.reduce<number[]>((cells, axis) => cells.flatMap((cell) => axis.map((one) => cell * one)), [1])
  const factors = Constant.of(
    grid.map((one) => 1 / Math.max(1, one)),
    [1, 1, ...sizes.map(Number)],
    'f32'
  )
  return draft.add(call, 'mul', [sums, factors], shape)
}

/** Sums over windows; with gaps between their cells a convolution per channel does it. */
function windowSums(call: OnnxCall, draft: OnnxDraft, x: NodeValue, shape: Dim[], window: Window): NodeValue {
  const { kernel: kernel_size, stride, dilation } = window
  const axes = kernel_size.length
  if (dilation.every((one) => one === 1)) {
    const attributes = { kernel_size, stride, padding: 0, ceil_mode: false }
    return draft.add(call, `sum_pool${axes}d`, [x], shape, attributes, {}, '.sum')
  }
  const channels = x.shape[1]
  if (typeof channels !== 'number') throw call.fail('its number of channels is unknown')
  const cells = kernel_size.reduce((a, b) => a * b, 1)
  const weight = Constant.of(Array<number>(channels * cells).fill(1), [channels, 1, ...kernel_size], 'f32')
  const attributes = { stride, padding: 0, dilation, groups: channels }
  return draft.add(call, `conv${axes}d`, [x], shape, attributes, { weight }, '.sum')
}

/** The p-norm over windows: the sum of powers, and its root. */
const lpPool: Operator = (call, draft) => {
  const input = nodeInput(call, draft)
  const window = poolWindow(call, input)
  const p = call.int('p', 2)
  const sizes = checked(call, window, outputSizes(call, window, call.flag('ceil_mode')))
  const shape = [...input.shape.slice(0, 2), ...sizes]
  const end = call.flag('ceil_mode') ? endFor(window, sizes) : window.end
  const x = padded(call, draft, input, window.begin, end)
  const powers = powerOf(call, draft, x, p)
  const sums = windowSums(call, draft, powers, shape, window)
  return draft.aten(call, 'aten::pow.Tensor_Scalar', { self: sums, exponent: 1 / p }, shape)
}

function powerOf(call: OnnxCall, draft: OnnxDraft, x: NodeValue, p: number): NodeValue {
  const size = draft.aten(call, 'aten::abs', { self: x }, x.shape)
  return draft.aten(call, 'aten::pow.Tensor_Scalar', { self: size, exponent: p }, x.shape)
}

export function globalPool(call: OnnxCall, draft: OnnxDraft, kind: 'avg' | 'max', x: NodeValue): NodeValue {
  const ones = x.shape.slice(2).map(() => 1)
  const shape = [...x.shape.slice(0, 2), ...ones]
  if (ones.length === 0) throw call.fail('its input has no spatial axes')
  const op = `adaptive_${kind}_pool${ones.length}d`
  if (ones.length > 3) throw call.fail('its input has more than three spatial axes')
  return draft.add(call, op, [x], shape, { output_size: ones })
}

const globalLpPool: Operator = (call, draft) => {
  const x = nodeInput(call, draft)
  const dim = x.shape.map((_, i) => i).slice(2)
  const shape = [...x.shape.slice(0, 2), ...dim.map(() => 1)]
  return draft.aten(call, 'aten::linalg_vector_norm', { self: x, ord: call.int('p', 2), dim, keepdim: true }, shape)
}

/** Values put back where a max pool took them from; the indices count over the whole tensor. */
const maxUnpool: Operator = (call, draft) => {
  const x = nodeInput(call, draft)
  const kernel = call.ints('kernel_shape') ?? []
  const { stride, begin, end } = windowOf(call, x, kernel)
  const indices = call.input(1)
  const asked = call.numbers(2)
  const spatial = fixed(call, x.shape, 'its indices count over all images')
  const smallest = kernel.map((one, i) => (spatial[i + 2]! - 1) * stride[i]! + one - begin[i]! - end[i]!)
  const sizes = asked?.slice(2) ?? smallest
  const [images, channels] = spatial as [number, number]
  const numbers = images * channels * sizes.reduce((a, b) => a * b, 1)
  // indices count cells of the smallest result, also where a larger one is asked for
  if (isConstant(indices) && asked && sizes.join() !== smallest.join())
    throw call.fail('a larger output is not supported')
  const zeros = draft.aten(call, 'aten::zeros', { size: [numbers], dtype: 'float32' }, [numbers])
  const flat = (value: NodeValue): NodeValue => draft.reshape(call, value, [spatial.reduce((a, b) => a * b, 1)])
  const index = flat(nodeInput(call, draft, 1))
  const made = draft.aten(call, 'aten::scatter.src', { self: zeros, dim: 0, index, src: flat(x) }, [numbers])
  return draft.reshape(call, made, [images, channels, ...sizes])
}

export const POOL: Record<string, Operator> = {
  MaxPool: maxPool,
  AveragePool: averagePool,
  LpPool: lpPool,
  MaxUnpool: maxUnpool,
  GlobalAveragePool: (call, draft) => globalPool(call, draft, 'avg', nodeInput(call, draft)),
  GlobalMaxPool: (call, draft) => globalPool(call, draft, 'max', nodeInput(call, draft)),
  GlobalLpPool: globalLpPool
}
