import { sizeOf, type DType } from '../../../core/tensor.js'
import { BATCH, Constant } from './constant.js'
import { ONNX_DTYPES } from './file.js'
import type { OnnxCall } from './call.js'

type Fold = (call: OnnxCall, inputs: Constant[]) => Constant | Constant[]

const LARGEST = 1 << 20

function checkSize(shape: number[]): number {
  const size = sizeOf(shape)
  if (!(size <= LARGEST)) throw new RangeError('a constant that it computes is too large')
  return size
}

function strides(shape: number[]): number[] {
  return shape.map((_, i) => sizeOf(shape.slice(i + 1)))
}

/** Numbers of a new shape, each from the coordinates of its cell. */
function generate(shape: number[], value: (at: number[]) => number): number[] {
  const steps = strides(shape)
  return Array.from({ length: checkSize(shape) }, (_, i) =>
    value(steps.map((step, axis) => Math.floor(i / step) % shape[axis]!))
  )
}

export function broadcastShape(a: number[], b: number[]): number[] {
  const rank = Math.max(a.length, b.length)
  const pad = (shape: number[]) => [...Array<number>(rank - shape.length).fill(1), ...shape]
  const [left, right] = [pad(a), pad(b)]
  return left.map((axis, i) => (axis === 1 ? right[i]! : axis))
}

function pick(constant: Constant, at: number[]): number {
  const offset = at.length - constant.shape.length
  const steps = strides(constant.shape)
  const cell = constant.shape.map((axis, i) => (axis === 1 ? 0 : at[i + offset]!))
  return constant.numbers[cell.reduce((sum, one, i) => sum + one * steps[i]!, 0)]!
}

const elementwise =
  (f: (...values: number[]) => number, dtype?: DType): Fold =>
  (_, inputs) => {
    const shape = inputs.map((one) => one.shape).reduce(broadcastShape)
    const numbers = generate(shape, (at) => f(...inputs.map((one) => pick(one, at))))
    return Constant.of(
      numbers,
      shape,
      dtype ?? inputs.at(-1)!.dtype,
      inputs.some((one) => one.perImage)
    )
  }

const isInteger = (dtype: DType) => !/^b?f\d/.test(dtype)

const divide: Fold = (call, inputs) =>
  elementwise((a, b) => (isInteger(inputs[0]!.dtype) ? Math.trunc(a / b) : a / b))(call, inputs)

const cast = (constant: Constant, dtype: DType): Constant => {
  if (constant.dtype === dtype) return constant
  const convert = isInteger(dtype) ? Math.trunc : dtype === 'f32' ? Math.fround : (value: number) => value
  const numbers = dtype === 'bool' ? constant.numbers.map((one) => Number(one !== 0)) : constant.numbers.map(convert)
  return Constant.of(numbers, constant.shape, dtype)
}

const reshape: Fold = (call, [data, target]) => {
  const asked = target!.numbers
  const shape = asked.map((axis, i) => (axis === 0 && call.int('allowzero', 0) === 0 ? data!.shape[i]! : axis))
  const known = shape.filter((axis) => axis !== -1).reduce((product, axis) => product * axis, 1)
  return data!.reshaped(shape.map((axis) => (axis === -1 ? data!.size / known : axis)))
}

const expand: Fold = (_, [data, target]) => {
  const shape = broadcastShape(data!.shape, target!.numbers)
  if (sizeOf(shape) === data!.size) return data!.reshaped(shape)
  return Constant.of(
    generate(shape, (at) => pick(data!, at)),
    shape,
    data!.dtype
  )
}

const gather: Fold = (call, [data, indices]) => {
  const axis = call.axis('axis', 0, data!.shape.length)
  const size = data!.shape[axis]!
  const [before, after] = [data!.shape.slice(0, axis), data!.shape.slice(axis + 1)]
  const shape = [...before, ...indices!.shape, ...after]
  const numbers = generate(shape, (at) => {
    const index = pick(indices!, at.slice(axis, axis + indices!.shape.length))
    return pick(data!, [...at.slice(0, axis), (index + size) % size, ...at.slice(axis + indices!.shape.length)])
  })
  return Constant.of(numbers, shape, data!.dtype)
}

const concat: Fold = (call, inputs) => {
  const first = inputs[0]!
  const axis = call.axis('axis', 0, first.shape.length)
  const total = inputs.reduce((sum, one) => sum + one.shape[axis]!, 0)
  const shape = first.shape.map((size, i) => (i === axis ? total : size))
  const numbers = generate(shape, (at) => {
    let index = at[axis]!
    const part = inputs.find((one) => {
      if (index < one.shape[axis]!) return true
      index -= one.shape[axis]!
      return false
    })!
    return pick(part, at.with(axis, index))
  })
  return Constant.of(numbers, shape, first.dtype)
}

const transpose: Fold = (call, [data]) => {
  const rank = data!.shape.length
  const order = call.ints('perm') ?? data!.shape.map((_, i) => rank - 1 - i)
  if (order.join() === '1,0') return data!.transposed()
  const shape = order.map((axis) => data!.shape[axis]!)
  return Constant.of(
    generate(shape, (at) =>
      pick(
        data!,
        data!.shape.map((_, axis) => at[order.indexOf(axis)]!)
      )
    ),
    shape,
    data!.dtype
  )
}

const slice: Fold = (_, [data, starts, ends, axes, steps]) => {
  let result = data!
  starts!.numbers.forEach((start, i) => {
    const rank = result.shape.length
    const axis = ((axes?.numbers[i] ?? i) + rank) % rank
    const step = steps?.numbers[i] ?? 1
    const indices = sliceIndices(result.shape[axis]!, start, ends!.numbers[i]!, step)
    const shape = result.shape.with(axis, indices.length)
    const before = result
    result = Constant.of(
      generate(shape, (at) => pick(before, at.with(axis, indices[at[axis]!]!))),
      shape,
      before.dtype
    )
  })
  return result
}

function sliceIndices(size: number, start: number, end: number, step: number): number[] {
  const clamp = (value: number, low: number, high: number) =>
    Math.min(Math.max(value < 0 ? value + size : value, low), high)
  const [from, to] =
    step > 0 ? [clamp(start, 0, size), clamp(end, 0, size)] : [clamp(start, 0, size - 1), clamp(end, -1, size - 1)]
  const count = Math.max(0, Math.ceil((to - from) / step))
  checkSize([count])
  return Array.from({ length: count }, (_, i) => from + i * step)
}

const squeeze: Fold = (call, [data]) => {
  const axes = call.axes(1, data!.shape.length)
  return data!.reshaped(data!.shape.filter((size, i) => (axes ? !axes.includes(i) : size !== 1)))
}

const unsqueeze: Fold = (call, [data]) => {
  const rank = data!.shape.length + (call.ints('axes') ?? call.constant(1)?.numbers ?? []).length
  const axes = call.axes(1, rank) ?? []
  const kept = [...data!.shape]
  return data!.reshaped(Array.from({ length: rank }, (_, i) => (axes.includes(i) ? 1 : kept.shift()!)))
}

const range: Fold = (_, [start, limit, delta]) => {
  const [from, to, step] = [start!.scalar!, limit!.scalar!, delta!.scalar!]
  const perImage = from === 0 && to === BATCH && step === 1
  const count = perImage ? 2 : checkSize([Math.max(0, Math.ceil((to - from) / step))])
  const numbers = Array.from({ length: count }, (_, i) => from + i * step)
  return Constant.of(numbers, [count], start!.dtype, perImage)
}

const constantOfShape: Fold = (call, [target]) => {
  const value = call.tensor('value')
  const shape = target!.numbers
  return Constant.of(Array<number>(checkSize(shape)).fill(value?.scalar ?? 0), shape, value?.dtype ?? 'f32')
}

const castTo: Fold = (call, [data]) => {
  const dtype = ONNX_DTYPES[call.int('to', 1)]
  if (!dtype) throw call.fail('its number type is not known')
  return cast(data!, dtype)
}

const product: Fold = (_, [data]) => Constant.of([data!.numbers.reduce((a, b) => a * b, 1)], [], data!.dtype)

/** What the file computes from constants, shapes above all, is computed while it is read. */
export const FOLD: Record<string, Fold> = {
  Add: elementwise((a, b) => a + b),
  Sub: elementwise((a, b) => a - b),
  Mul: elementwise((a, b) => a * b),
  Div: divide,
  Mod: elementwise((a, b) => ((a % b) + b) % b),
  Pow: elementwise((a, b) => a ** b),
  Min: elementwise((...all) => Math.min(...all)),
  Max: elementwise((...all) => Math.max(...all)),
  Neg: elementwise((a) => -a),
  Sqrt: elementwise(Math.sqrt),
  Floor: elementwise(Math.floor),
  Ceil: elementwise(Math.ceil),
  Equal: elementwise((a, b) => Number(a === b), 'bool'),
  Greater: elementwise((a, b) => Number(a > b), 'bool'),
  Less: elementwise((a, b) => Number(a < b), 'bool'),
  Not: elementwise((a) => Number(a === 0), 'bool'),
  Where: elementwise((condition, a, b) => (condition ? a : b)),
  Cast: castTo,
  CastLike: (_, [data, like]) => cast(data!, like!.dtype),
  Reshape: reshape,
  Expand: expand,
  Gather: gather,
  Concat: concat,
  Transpose: transpose,
  Slice: slice,
  Squeeze: squeeze,
  Unsqueeze: unsqueeze,
  Range: range,
  ConstantOfShape: constantOfShape,
  ReduceProd: product
}
