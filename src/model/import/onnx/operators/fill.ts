import { TORCH_DTYPE } from '../../../../core/tensor.js'
import { BatchMixed, isConstant } from '../call.js'
import { broadcast, ceilDivide, dependsOnBatch, equalShapes, minus, Size, times } from '../dim.js'
import { ONNX_DTYPES } from '../tensor-proto.js'
import { like, nodeInput, shapeText, type Operator } from './operator.js'
import { repeated } from './part.js'

const expand: Operator = (call, draft) => {
  const x = call.input(0)
  const given = call.constant(1)?.dims ?? []
  const target = broadcast(x.shape, given)
  if (!target && call.followed !== undefined) throw new BatchMixed()
  if (!target) throw call.fail(`its input of shape ${shapeText(x.shape)} does not match the shape ${shapeText(given)}`)
  if (equalShapes(target, x.shape)) return x
  const isForBatch = isConstant(x) && x.shape.length === target.length && x.shape[0] === 1
  if (isForBatch && dependsOnBatch(target[0]!) && (target[0] as Size).text === 'i0') {
    if (equalShapes(target.slice(1), x.shape.slice(1))) return repeated(call, draft, x, target[0]!)
  }
  return draft.aten(call, 'aten::expand', { self: x, size: target }, target, x.dtype)
}

const tile: Operator = (call, draft) => {
  const x = nodeInput(call, draft)
  const dims = call.constant(1)?.dims
  if (dims?.length !== x.shape.length) throw call.fail('its repeats do not match its input')
  if (dims.every((one) => one === 1)) return x
  dims.forEach((one, axis) => one === 1 || call.mixes(x, axis))
  return draft.aten(
    call,
    'aten::repeat',
    { self: x, repeats: dims },
    x.shape.map((size, i) => times(size, dims[i]!)),
    x.dtype
  )
}

/** Numbers from a start to a limit that depends on the input's size. */
const range: Operator = (call, draft) => {
  const [from, to, by] = [0, 1, 2].map((i) => call.constant(i)?.dims[0])
  if (from === undefined || to === undefined || typeof by !== 'number') throw call.fail('its limits are unknown')
  const length = by === 1 ? minus(to, from) : ceilDivide(minus(to, from), by)
  const { dtype } = call.input(0)
  return draft.aten(
    call,
    'aten::arange.start_step',
    { start: from, end: to, step: by, dtype: TORCH_DTYPE[dtype] },
    [length],
    dtype
  )
}

const constantOfShape: Operator = (call, draft) => {
  const size = call.constant(0)?.dims ?? []
  const value = call.tensor('value')
  const dtype = value?.dtype ?? 'f32'
  const fill = value?.scalar ?? 0
  return draft.aten(
    call,
    'aten::full',
    { size, fill_value: dtype === 'bool' ? fill !== 0 : fill, dtype: TORCH_DTYPE[dtype] },
    size,
    dtype
  )
}

const triangle: Operator = (call, draft) => {
  const x = nodeInput(call, draft)
  const diagonal = call.constant(1)?.scalar ?? 0
  return like(call, draft, x, call.flag('upper', true) ? 'aten::triu' : 'aten::tril', { diagonal })
}

const eyeLike: Operator = (call, draft) => {
  const x = call.input(0)
  if (x.shape.length !== 2) throw call.fail('its input is not a matrix')
  const k = call.int('k', 0)
  const asked = call.int('dtype', 0)
  const dtype = asked === 0 ? x.dtype : ONNX_DTYPES[asked]
  if (!dtype) throw call.fail('its number type is not supported')
  const ones = draft.aten(call, 'aten::ones', { size: x.shape, dtype: 'float32' }, x.shape)
  const upper = like(call, draft, ones, 'aten::triu', { diagonal: k })
  return draft.cast(call, like(call, draft, upper, 'aten::tril', { diagonal: k }), dtype)
}

/** Operators that repeat values, and that make new ones. */
export const FILL: Record<string, Operator> = {
  Expand: expand,
  Tile: tile,
  Range: range,
  ConstantOfShape: constantOfShape,
  Trilu: triangle,
  EyeLike: eyeLike
}
