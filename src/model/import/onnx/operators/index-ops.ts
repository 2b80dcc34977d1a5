import type { NodeValue } from '../call.js'
import { Constant } from '../constant.js'
import { product, type Dim } from '../dim.js'
import { asNode, fixed, like, nodeInput, shapeText, type Operator } from './operator.js'
import { indexed } from './part.js'

const gatherElements: Operator = (call, draft) => {
  const x = nodeInput(call, draft)
  const dim = call.axis('axis', 0, x.shape.length)
  const given = call.input(1)
  x.shape.forEach((_, axis) => call.mixes(x, axis))
  const index = indexed(call, draft, given, x.shape[dim]!)
  return draft.aten(call, 'aten::gather', { self: x, dim, index }, given.shape, x.dtype)
}

/** Whole slices, picked by the first axes of the index; leading axes may be matched one by one. */
const gatherND: Operator = (call, draft) => {
  const x = nodeInput(call, draft)
  const given = call.input(1)
  const batchDims = call.int('batch_dims', 0)
  const depth = fixed(call, [given.shape.at(-1)!], 'the depth of its indices is unknown')[0]!
  const places = given.shape.slice(0, -1)
  const indices: (NodeValue | Constant)[] = []
  for (let axis = 0; axis < batchDims; axis++) {
    const shape = places.map((_, i) => (i === axis ? x.shape[axis]! : 1))
    const count = x.shape[axis]!
    const arange = draft.aten(
      call,
      'aten::arange.start_step',
      { start: 0, end: count, step: 1, dtype: 'int64' },
      [count],
      'i64'
    )
    indices.push(draft.reshape(call, arange, shape))
  }
  for (let k = 0; k < depth; k++) {
    call.mixes(x, batchDims + k)
    const one = draft.aten(call, 'aten::select.int', { self: given, dim: -1, index: k }, places, 'i64')
    indices.push(indexed(call, draft, one, x.shape[batchDims + k]!))
  }
  const shape = [...places, ...x.shape.slice(batchDims + depth)]
  return draft.aten(call, 'aten::index.Tensor', { self: x, indices }, shape, x.dtype)
}

const REDUCE: Record<string, string> = { add: 'sum', mul: 'prod', max: 'amax', min: 'amin' }

const scatterElements: Operator = (call, draft) => {
  const x = nodeInput(call, draft)
  const dim = call.axis('axis', 0, x.shape.length)
  const src = nodeInput(call, draft, 2)
  const reduction = call.string('reduction', 'none')
  x.shape.forEach((_, axis) => call.mixes(x, axis))
  const index = indexed(call, draft, call.input(1), x.shape[dim]!)
  if (reduction === 'none') return draft.aten(call, 'aten::scatter.src', { self: x, dim, index, src }, x.shape, x.dtype)
  const reduce = REDUCE[reduction]
  if (!reduce) throw call.fail(`its reduction '${reduction}' is not supported`)
  const args = { self: x, dim, index, src, reduce, include_self: true }
  return draft.aten(call, 'aten::scatter_reduce.two', args, x.shape, x.dtype)
}

/** Slices put to places of the first axes, which count as one axis here. */
const scatterND: Operator = (call, draft) => {
  const x = nodeInput(call, draft)
  const given = call.input(1)
  const updates = nodeInput(call, draft, 2)
  const reduction = call.string('reduction', 'none')
  const depth = fixed(call, [given.shape.at(-1)!], 'the depth of its indices is unknown')[0]!
  for (let axis = 0; axis < depth; axis++) call.mixes(x, axis)
  const places = given.shape.slice(0, -1)
  const indices = Array.from({ length: depth }, (_, k) =>
    indexed(
      call,
      draft,
      draft.aten(call, 'aten::select.int', { self: given, dim: -1, index: k }, places, 'i64'),
      x.shape[k]!
    )
  )
  if (reduction === 'none' || reduction === 'add') {
    const args = { self: x, indices, values: updates, accumulate: reduction === 'add' }
    return draft.aten(call, 'aten::index_put', args, x.shape, x.dtype)
  }
  const reduce = REDUCE[reduction]
  if (!reduce) throw call.fail(`its reduction '${reduction}' is not supported`)
  const lead = fixed(call, x.shape.slice(0, depth), 'it scatters along axes of unknown size')
  const count = product(places)
  const rest = x.shape.slice(depth)
  const flat = indices.reduce<NodeValue | undefined>((sum, one, k) => {
    if (!sum) return one
    const scaled = like(call, draft, sum, 'aten::mul.Scalar', { other: lead[k]! })
    return draft.aten(call, 'aten::add.Tensor', { self: scaled, other: one }, places, 'i64')
  }, undefined)!
  const index = draft.reshape(call, flat, [count])
  const self = draft.reshape(call, x, [lead.reduce((a, b) => a * b, 1), ...rest])
  const source = draft.reshape(call, updates, [count, ...rest])
  const made = draft.aten(
    call,
    'aten::index_reduce',
    { self, dim: 0, index, source, reduce, include_self: true },
    self.shape,
    x.dtype
  )
  return draft.reshape(call, reduce === 'sum' ? made : made, x.shape)
}

const oneHot: Operator = (call, draft) => {
  const given = nodeInput(call, draft)
  const depth = call.constant(1)?.scalar
  const values = call.numbers(2)
  if (depth === undefined || !values) throw call.fail('its depth or its values are missing')
  const rank = given.shape.length + 1
  const axis = call.axis('axis', -1, rank)
  const whole = given.dtype === 'i64' ? given : draft.cast(call, given, 'i64')
  const lower = like(call, draft, whole, 'aten::lt.Scalar', { other: 0 }, 'bool')
  const lifted = like(call, draft, whole, 'aten::add.Scalar', { other: depth })
  const index = draft.aten(
    call,
    'aten::where.self',
    { condition: lower, self: lifted, other: whole },
    whole.shape,
    'i64'
  )
  const shape = given.shape.toSpliced(axis, 0, depth)
  const column = draft.reshape(call, index, given.shape.toSpliced(axis, 0, 1))
  const cells = Constant.of(
    Array.from({ length: depth }, (_, i) => i),
    Array.from({ length: rank }, (_, i) => (i === axis ? depth : 1))
  )
  const hit = draft.aten(call, 'aten::eq.Tensor', { self: column, other: cells }, shape, 'bool')
  const asNumber = draft.cast(call, hit, 'f32')
  const scaled = like(call, draft, asNumber, 'aten::mul.Scalar', { other: values[1]! - values[0]! })
  return like(call, draft, scaled, 'aten::add.Scalar', { other: values[0]! })
}

/** Slices for which a condition holds; it must be known, because the size of the result depends on it. */
const compress: Operator = (call, draft) => {
  const input = nodeInput(call, draft)
  const condition = call.constant(1)
  if (!condition) throw call.fail('its condition is missing')
  const x = call.has('axis') ? input : draft.reshape(call, input, [product(input.shape)])
  const dim = call.has('axis') ? call.axis('axis', 0, x.shape.length) : 0
  const cells = condition.numbers.flatMap((one, i) => (one === 0 ? [] : [i]))
  call.mixes(x, dim)
  if (cells.length === 0) throw call.fail('its result is empty')
  const args = { self: x, dim, index: Constant.of(cells) }
  return draft.aten(call, 'aten::index_select', args, x.shape.with(dim, cells.length), x.dtype)
}

/** The first steps of each sequence in reverse order. */
const reverseSequence: Operator = (call, draft) => {
  const x = nodeInput(call, draft)
  const [time, batch] = [call.int('time_axis', 0), call.int('batch_axis', 1)]
  const lengths = call.numbers(1)
  const [steps, sequences] = fixed(call, [x.shape[time]!, x.shape[batch]!], 'its sequences have no known length')
  if (!lengths || lengths.length !== sequences) throw call.fail('its lengths do not match its input')
  call.mixes(x, time)
  call.mixes(x, batch)
  const shape = x.shape.map((_, axis) => (axis === time ? steps! : axis === batch ? sequences! : 1))
  const timeFirst = time < batch
  const cell = (step: number, sequence: number) => (step < lengths[sequence]! ? lengths[sequence]! - 1 - step : step)
  const numbers = Array.from({ length: steps! * sequences! }, (_, i) =>
    timeFirst ? cell(Math.floor(i / sequences!), i % sequences!) : cell(i % steps!, Math.floor(i / steps!))
  )
  const places = asNode(draft, Constant.of(numbers, shape))
  const index = draft.aten(call, 'aten::expand', { self: places, size: x.shape }, x.shape, 'i64')
  return draft.aten(call, 'aten::gather', { self: x, dim: time, index }, x.shape, x.dtype)
}

/** Values of an image at places given between -1 and 1. */
const gridSample: Operator = (call, draft) => {
  const x = nodeInput(call, draft)
  const grid = nodeInput(call, draft, 1)
  const modes = ['linear', 'nearest', 'cubic']
  const mode = call.string('mode', 'linear').replace('bilinear', 'linear').replace('bicubic', 'cubic')
  const paddings = ['zeros', 'border', 'reflection']
  const padding = call.string('padding_mode', 'zeros')
  const align_corners = call.flag('align_corners')
  const axes = x.shape.length - 2
  if (!modes.includes(mode) || !paddings.includes(padding))
    throw call.fail(`its mode (${mode}, ${padding}) is not supported`)
  if (axes < 2 || axes > 3 || (axes === 3 && mode === 'cubic'))
    throw call.fail(`inputs like ${shapeText(x.shape)} are not supported`)
  const args = {
    input: x,
    grid,
    interpolation_mode: modes.indexOf(mode),
    padding_mode: paddings.indexOf(padding),
    align_corners
  }
  const shape = [...x.shape.slice(0, 2), ...grid.shape.slice(1, -1)]
  return draft.aten(call, `aten::grid_sampler_${axes}d`, args, shape)
}

const affineGrid: Operator = (call, draft) => {
  const theta = nodeInput(call, draft)
  const size = call.constant(1)?.dims
  if (!size) throw call.fail('its size is missing')
  const align_corners = call.flag('align_corners')
  const axes = size.length - 2
  const shape: Dim[] = [size[0]!, ...size.slice(2), axes]
  if (axes === 2) return draft.aten(call, 'aten::affine_grid_generator', { theta, size, align_corners }, shape)
  throw call.fail('only grids of images are supported')
}

/** Patches summed up to an image. */
const colToIm: Operator = (call, draft) => {
  const x = nodeInput(call, draft)
  const [image, block] = [call.numbers(1), call.numbers(2)]
  if (image?.length !== 2 || block?.length !== 2) throw call.fail('only images are supported')
  const pads = call.ints('pads') ?? [0, 0, 0, 0]
  const [begin, end] = [pads.slice(0, 2), pads.slice(2)]
  if (begin.join() !== end.join()) throw call.fail('its pads differ before and after')
  const args = {
    self: x,
    output_size: image,
    kernel_size: block,
    dilation: call.ints('dilations') ?? [1, 1],
    padding: begin,
    stride: call.ints('strides') ?? [1, 1]
  }
  const channels = (x.shape[1] as number) / (block[0]! * block[1]!)
  return draft.aten(call, 'aten::col2im', args, [x.shape[0]!, channels, ...image])
}

/** Values written into a cache along an axis. */
const tensorScatter: Operator = (call, draft) => {
  const x = nodeInput(call, draft)
  const update = nodeInput(call, draft, 1)
  const starts = call.numbers(2) ?? []
  const dim = call.axis('axis', -2, x.shape.length)
  const mode = call.string('mode', 'linear')
  if (mode !== 'linear' && mode !== 'circular') throw call.fail(`its mode '${mode}' is unknown`)
  const sizes = fixed(call, x.shape, 'its sizes are unknown')
  const length = fixed(call, [update.shape[dim]!], 'its sizes are unknown')[0]!
  const [images, steps] = [sizes[0]!, sizes[dim]!]
  const cells = Array.from({ length: images * length }, (_, i) => {
    const cell = (starts[Math.floor(i / length)] ?? 0) + (i % length)
    return mode === 'circular' ? cell % steps : cell
  })
  const shape = x.shape.map((_, axis) => (axis === 0 ? images : axis === dim ? length : 1))
  const index = draft.aten(
    call,
    'aten::expand',
    { self: Constant.of(cells, shape), size: update.shape },
    update.shape,
    'i64'
  )
  return draft.aten(call, 'aten::scatter.src', { self: x, dim, index, src: update }, x.shape, x.dtype)
}

export const INDEX: Record<string, Operator> = {
  GatherElements: gatherElements,
  GatherND: gatherND,
  Scatter: scatterElements,
  ScatterElements: scatterElements,
  ScatterND: scatterND,
  OneHot: oneHot,
  Compress: compress,
  ReverseSequence: reverseSequence,
  GridSample: gridSample,
  AffineGrid: affineGrid,
  Col2Im: colToIm,
  TensorScatter: tensorScatter
}
