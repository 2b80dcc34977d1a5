import { sizeOf, type DType } from '../../../core/tensor.js'
import { isFloat, type OnnxCall } from './call.js'
import { Constant } from './constant.js'
import * as dims from './dim.js'
import { broadcast, Size, type Dim } from './dim.js'
import { ONNX_DTYPES } from './tensor-proto.js'

type Fold = (call: OnnxCall, inputs: Constant[]) => Constant | Constant[]

/** Larger tensors are computed by libtorch. */
const LARGEST = 1024

function checkSize(shape: number[]): number {
  const size = sizeOf(shape)
  if (!(size <= LARGEST)) throw new TooLarge()
  return size
}

/** What is asked for is more than arithmetic on shapes. */
export class TooLarge extends Error {}

function strides(shape: number[]): number[] {
  return shape.map((_, i) => sizeOf(shape.slice(i + 1)))
}

/** Numbers of a new shape, each from the coordinates of its cell. */
function generate(shape: number[], value: (at: number[]) => Dim): Dim[] {
  const steps = strides(shape)
  return Array.from({ length: checkSize(shape) }, (_, i) =>
    value(steps.map((step, axis) => Math.floor(i / step) % shape[axis]!))
  )
}

function pick(constant: Constant, at: number[]): Dim {
  const offset = at.length - constant.shape.length
  const steps = strides(constant.shape)
  const cell = constant.shape.map((axis, i) => (axis === 1 ? 0 : at[i + offset]!))
  return constant.dims[cell.reduce((sum, one, i) => sum + one * steps[i]!, 0)]!
}

function broadcastShape(shapes: number[][]): number[] {
  const shape = shapes.reduce<Dim[] | undefined>((a, b) => a && broadcast(a, b), [])
  if (!shape) throw new RangeError(`its inputs have the shapes ${shapes.map((one) => one.join('x')).join(' and ')}`)
  return shape as number[]
}

const rounded = (value: Dim, dtype: DType): Dim =>
  typeof value === 'number' && dtype === 'f32' ? Math.fround(value) : value

const elementwise =
  (f: (...values: Dim[]) => Dim, type?: DType): Fold =>
  (_, inputs) => {
    const shape = broadcastShape(inputs.map((one) => one.shape))
    const dtype = type ?? inputs.at(-1)!.dtype
    const values = generate(shape, (at) => rounded(f(...inputs.map((one) => pick(one, at))), dtype))
    return Constant.of(values, shape, dtype)
  }

/** Only for numbers that do not depend on the input's size. */
const plain =
  (f: (...values: number[]) => number) =>
  (...values: Dim[]): number => {
    if (values.some((one) => one instanceof Size)) throw open()
    return f(...(values as number[]))
  }

function open(): RangeError {
  return new RangeError('its result depends on the size of the input')
}

function decided(answer: boolean | undefined): number {
  if (answer === undefined) throw open()
  return Number(answer)
}

const divide: Fold = (call, inputs) => {
  const whole = (a: Dim, b: Dim) =>
    typeof a === 'number' && typeof b === 'number' ? Math.trunc(a / b) : dims.floorDivide(a, b)
  return elementwise(isFloat(inputs[0]!.dtype) ? dims.divide : whole)(call, inputs)
}

const modulo: Fold = (call, inputs) => {
  const truncating = call.flag('fmod')
  return elementwise(truncating ? plain((a, b) => a % b) : dims.modulo)(call, inputs)
}

const cast = (constant: Constant, dtype: DType): Constant => {
  if (constant.dtype === dtype) return constant
  if (dtype === 'f16' || dtype === 'bf16') throw new TooLarge()
  const convert = (value: Dim): Dim => {
    if (dtype === 'bool') return decided(invert(dims.isEqual(value, 0)))
    if (isFloat(dtype)) return rounded(value, dtype)
    return typeof value === 'number' ? Math.trunc(value) : dims.floor(value)
  }
  checkSize(constant.shape)
  return Constant.of(constant.dims.map(convert), constant.shape, dtype)
}

const invert = (answer: boolean | undefined) => (answer === undefined ? undefined : !answer)

const reshape: Fold = (call, [data, target]) => {
  const keepsZero = call.flag('allowzero')
  const asked = target!.numbers
  const shape = asked.map((axis, i) => (axis === 0 && !keepsZero ? data!.shape[i]! : axis))
  const known = shape.filter((axis) => axis !== -1).reduce((product, axis) => product * axis, 1)
  const result = shape.map((axis) => (axis === -1 ? data!.size / known : axis))
  if (sizeOf(result) !== data!.size) throw new RangeError(`its input does not match the shape [${asked.join(', ')}]`)
  return data!.reshaped(result)
}

const expand: Fold = (_, [data, target]) => {
  const shape = broadcastShape([data!.shape, target!.numbers])
  if (sizeOf(shape) === data!.size) return data!.reshaped(shape)
  const values = generate(shape, (at) => pick(data!, at))
  return Constant.of(values, shape, data!.dtype)
}

const gather: Fold = (call, [data, indices]) => {
  const axis = call.axis('axis', 0, data!.shape.length)
  const size = data!.shape[axis]!
  const [before, after] = [data!.shape.slice(0, axis), data!.shape.slice(axis + 1)]
  const count = indices!.shape.length
  const shape = [...before, ...indices!.shape, ...after]
  checkSize(data!.shape)
  const values = generate(shape, (at) => {
    const index = plain((one) => one)(pick(indices!, at.slice(axis, axis + count)))
    if (!(index >= -size && index < size)) throw new RangeError(`it has no index ${index}`)
    return pick(data!, [...at.slice(0, axis), (index + size) % size, ...at.slice(axis + count)])
  })
  return Constant.of(values, shape, data!.dtype)
}

const concat: Fold = (call, inputs) => {
  const first = inputs[0]!
  const axis = call.axis('axis', 0, first.shape.length)
  const total = inputs.reduce((sum, one) => sum + one.shape[axis]!, 0)
  const shape = first.shape.with(axis, total)
  const values = generate(shape, (at) => {
    let index = at[axis]!
    const part = inputs.find((one) => {
      if (index < one.shape[axis]!) return true
      index -= one.shape[axis]!
      return false
    })!
    return pick(part, at.with(axis, index))
  })
  return Constant.of(values, shape, first.dtype)
}

const transpose: Fold = (call, [data]) => {
  const rank = data!.shape.length
  const order = call.ints('perm') ?? data!.shape.map((_, i) => rank - 1 - i)
  if (order.join() === '1,0' && rank === 2) return data!.transposed()
  const shape = order.map((axis) => data!.shape[axis]!)
  return Constant.of(
    generate(shape, (at) =>
      pick(
        data!,
        order.reduce<number[]>((cell, axis, i) => cell.with(axis, at[i]!), [...at])
      )
    ),
    shape,
    data!.dtype
  )
}

const slice: Fold = (call, inputs) => {
  const data = inputs[0]!
  const rank = data.shape.length
  const [starts, ends] = [call.ints('starts') ?? inputs[1]!.numbers, call.ints('ends') ?? inputs[2]!.numbers]
  const axes = call.ints('axes') ?? inputs[3]?.numbers ?? starts.map((_, i) => i)
  const steps = inputs[4]?.numbers ?? starts.map(() => 1)
  const cells = data.shape.map((size) => Array.from({ length: checkSize([size]) }, (_, i) => i))
  axes.forEach((axis, i) => {
    const at = call.fromFront(axis, rank)
    cells[at] = sliceCells(data.shape[at]!, starts[i]!, ends[i]!, steps[i]!)
  })
  const shape = cells.map((one) => one.length)
  return Constant.of(
    generate(shape, (at) =>
      pick(
        data,
        at.map((one, axis) => cells[axis]![one]!)
      )
    ),
    shape,
    data.dtype
  )
}

/** The indices that a slice of an axis takes. */
export function sliceCells(size: number, start: number, end: number, step: number): number[] {
  const clamp = (value: number, low: number, high: number) =>
    Math.min(Math.max(value < 0 ? value + size : value, low), high)
  const [from, to] =
    step > 0 ? [clamp(start, 0, size), clamp(end, 0, size)] : [clamp(start, 0, size - 1), clamp(end, -1, size - 1)]
  const count = Math.max(0, Math.ceil((to - from) / step))
  return Array.from({ length: count }, (_, i) => from + i * step)
}

const split: Fold = (call, inputs) => {
  const data = inputs[0]!
  const axis = call.axis('axis', 0, data.shape.length)
  const lengths = splitLengths(call, data.shape[axis]!, call.ints('split') ?? inputs[1]?.numbers)
  let start = 0
  return lengths.map((length) => {
    const from = start
    start += length
    const shape = data.shape.with(axis, length)
    return Constant.of(
      generate(shape, (at) => pick(data, at.with(axis, at[axis]! + from))),
      shape,
      data.dtype
    )
  })
}

/** Lengths of the parts that a `Split` makes. */
export function splitLengths(call: OnnxCall, size: number, given: number[] | undefined): number[] {
  const count = call.int('num_outputs', call.node.output.length)
  if (count !== call.node.output.length) throw call.fail('its number of outputs differs from the number that it states')
  const step = Math.ceil(size / count)
  const lengths = given ?? Array.from({ length: count }, (_, i) => Math.max(0, Math.min(step, size - i * step)))
  if (lengths.reduce((a, b) => a + b, 0) !== size) throw call.fail('its parts do not add up to its input')
  return lengths
}

const squeeze: Fold = (call, [data]) => {
  const axes = call.axes(1, data!.shape.length)
  return data!.reshaped(data!.shape.filter((size, i) => (axes ? !axes.includes(i) : size !== 1)))
}

const unsqueeze: Fold = (call, [data, given]) => {
  const rank = data!.shape.length + (call.ints('axes') ?? given?.numbers ?? []).length
  const axes = call.axes(1, rank) ?? []
  const kept = [...data!.shape]
  return data!.reshaped(Array.from({ length: rank }, (_, i) => (axes.includes(i) ? 1 : kept.shift()!)))
}

const range: Fold = (_, [start, limit, delta]) => {
  const [from, to, step] = [start!.scalar!, limit!.scalar!, delta!.scalar!]
  const count = checkSize([Math.max(0, Math.ceil((to - from) / step))])
  return Constant.of(
    Array.from({ length: count }, (_, i) => from + i * step),
    [count],
    start!.dtype
  )
}

const constantOfShape: Fold = (call, [target]) => {
  const value = call.tensor('value')
  const shape = target!.numbers
  const numbers = Array<number>(checkSize(shape)).fill(value?.scalar ?? 0)
  return Constant.of(numbers, shape, value?.dtype ?? 'f32')
}

const castTo: Fold = (call, [data]) => {
  const dtype = ONNX_DTYPES[call.int('to', 1)]
  if (!dtype) throw new TooLarge()
  call.ignore('saturate', 'round_mode')
  return cast(data!, dtype)
}

const castLike: Fold = (call, [data, like]) => {
  call.ignore('saturate', 'round_mode')
  return cast(data!, like!.dtype)
}

const reduce =
  (f: (a: Dim, b: Dim) => Dim): Fold =>
  (call, [data]) => {
    const rank = data!.shape.length
    const axes = call.axes(1, rank)
    const keeps = call.flag('keepdims', true)
    if ((axes && axes.length !== rank) || data!.size === 0 || call.flag('noop_with_empty_axes')) throw new TooLarge()
    checkSize(data!.shape)
    return Constant.of([data!.dims.reduce(f)], keeps ? data!.shape.map(() => 1) : [], data!.dtype)
  }

const nonZero: Fold = (_, [data]) => {
  checkSize(data!.shape)
  const steps = strides(data!.shape)
  const found = data!.numbers.flatMap((one, i) => (one === 0 ? [] : [i]))
  const cells = data!.shape.map((axis, k) => found.map((i) => Math.floor(i / steps[k]!) % axis))
  return Constant.of(cells.flat(), [cells.length, found.length])
}

const shapeOf: Fold = (call, [data]) => {
  const rank = data!.shape.length
  const wrap = (value: number) => (value < 0 ? value + rank : value)
  return Constant.of(data!.shape.slice(wrap(call.int('start', 0)), wrap(call.int('end', rank))))
}

const logic = (f: (a: boolean, b: boolean) => boolean): Fold =>
  elementwise(
    plain((a, b) => Number(f(a !== 0, b !== 0))),
    'bool'
  )

/**
 * What the file computes from shapes is computed while it is read; some of the numbers may depend on the input's size.
 * Larger tensors, weights above all, are left to libtorch.
 */
export const FOLD: Record<string, Fold> = {
  Add: elementwise(dims.plus),
  Sub: elementwise(dims.minus),
  Mul: elementwise(dims.scale),
  Div: divide,
  Mod: modulo,
  Min: elementwise((...all) => all.reduce(dims.smaller)),
  Max: elementwise((...all) => all.reduce(dims.larger)),
  Neg: elementwise(dims.negative),
  Abs: elementwise(plain(Math.abs)),
  Sqrt: elementwise(plain(Math.sqrt)),
  Floor: elementwise(dims.floor),
  Ceil: elementwise(dims.ceil),
  Equal: elementwise((a, b) => decided(dims.isEqual(a, b)), 'bool'),
  Greater: elementwise((a, b) => decided(dims.isLess(b, a)), 'bool'),
  Less: elementwise((a, b) => decided(dims.isLess(a, b)), 'bool'),
  GreaterOrEqual: elementwise((a, b) => decided(invert(dims.isLess(a, b))), 'bool'),
  LessOrEqual: elementwise((a, b) => decided(invert(dims.isLess(b, a))), 'bool'),
  Not: elementwise(
    plain((a) => Number(a === 0)),
    'bool'
  ),
  And: logic((a, b) => a && b),
  Or: logic((a, b) => a || b),
  Xor: logic((a, b) => a !== b),
  Where: elementwise((condition, a, b) => (plain((one) => one)(condition!) ? a! : b!)),
  Cast: castTo,
  CastLike: castLike,
  Reshape: reshape,
  Expand: expand,
  Gather: gather,
  Concat: concat,
  Transpose: transpose,
  Slice: slice,
  Split: split,
  Squeeze: squeeze,
  Unsqueeze: unsqueeze,
  Range: range,
  ConstantOfShape: constantOfShape,
  ReduceProd: reduce(dims.times),
  ReduceSum: reduce(dims.plus),
  ReduceMax: reduce(dims.larger),
  ReduceMin: reduce(dims.smaller),
  NonZero: nonZero,
  Shape: shapeOf,
  Size: (_, [data]) => Constant.of([data!.size], [])
}
