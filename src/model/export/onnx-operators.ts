import { bytesOf } from '../import/onnx/tensor-proto.js'
import { integers, scalar, type NodeWriter } from './onnx-node.js'

type Operator = (w: NodeWriter) => void

const float = (value: number) => ({ float: value })
const twice = (numbers: number[]) => [...numbers, ...numbers]
const axesOf = (op: string) => Number(op.at(-2))

/** An operator of the same inputs and no settings. */
const same =
  (operator: string): Operator =>
  (w) =>
    w.last(operator, w.node.inputs)

const convolution: Operator = (w) => {
  const axes = axesOf(w.node.op)
  const strides = w.perAxis('stride', axes, 1)
  const padding = w.value('padding', 0)
  const isSame = padding === 'same'
  if (isSame && strides.some((one) => one !== 1)) throw w.fail(`padding 'same' needs stride 1`)
  const pads = isSame
    ? { auto_pad: 'SAME_UPPER' }
    : { pads: twice(padding === 'valid' ? Array<number>(axes).fill(0) : w.perAxis('padding', axes, 0)) }
  const settings = { strides, ...pads, dilations: w.perAxis('dilation', axes, 1), group: w.number('groups', 1) }
  if (!w.node.op.startsWith('conv_transpose')) return w.last('Conv', [w.x, ...w.weights('weight', 'bias')], settings)
  const output_padding = w.perAxis('output_padding', axes, 0)
  w.last('ConvTranspose', [w.x, ...w.weights('weight', 'bias')], { ...settings, output_padding })
}

const linear: Operator = (w) => {
  const [weight, bias] = w.weights('weight', 'bias')
  if (w.shape().length === 2) return w.last('Gemm', [w.x, weight!, ...(bias ? [bias] : [])], { transB: 1 })
  const matrix = w.step('Transpose', [weight!], { perm: [1, 0] })
  if (!bias) return w.last('MatMul', [w.x, matrix])
  w.last('Add', [w.step('MatMul', [w.x, matrix]), bias])
}

const pool: Operator = (w) => {
  const axes = axesOf(w.node.op)
  const kernel_shape = w.perAxis('kernel_size', axes)
  const settings = {
    kernel_shape,
    strides: w.perAxis('stride', axes, kernel_shape),
    pads: twice(w.perAxis('padding', axes, 0)),
    ceil_mode: Number(w.value('ceil_mode', false))
  }
  if (w.node.op.startsWith('max'))
    return w.last('MaxPool', [w.x], { ...settings, dilations: w.perAxis('dilation', axes, 1) })
  const isSum = w.node.op.startsWith('sum')
  const count_include_pad = Number(isSum || w.value('count_include_pad', true))
  if (!isSum) return w.last('AveragePool', [w.x], { ...settings, count_include_pad })
  if (settings.ceil_mode === 1) throw w.fail('a sum pool with ceil_mode has no counterpart')
  const mean = w.step('AveragePool', [w.x], { ...settings, count_include_pad })
  w.last('Mul', [mean, w.add('size', scalar(kernel_shape.reduce((a, b) => a * b, 1)))])
}

const adaptivePool: Operator = (w) => {
  const kind = w.node.op.includes('max') ? 'Max' : 'Average'
  const [from, to] = [w.shape().slice(2), w.outputShape.slice(2)]
  if (to.every((one) => one === 1)) return w.last(`Global${kind}Pool`, [w.x])
  const kernel_shape = from.map((size, i) => size / to[i]!)
  if (!kernel_shape.every(Number.isInteger))
    throw w.fail('the size of its input is not a multiple of the size of its output')
  w.last(`${kind}Pool`, [w.x], { kernel_shape, strides: kernel_shape })
}

const reduction =
  (operator: string): Operator =>
  (w) =>
    w.last(operator, [w.x, w.add('axes', integers(w.perAxis('dim', 1)))], {
      keepdims: Number(w.value('keepdim', false))
    })

const batchNorm: Operator = (w) => {
  const channels = w.shape()[1]!
  const affine = [w.weightOr('weight', 1, channels), w.weightOr('bias', 0, channels)]
  const inputs = [w.x, ...affine, ...w.weights('running_mean', 'running_var')]
  w.last('BatchNormalization', inputs, { epsilon: float(w.number('eps', 1e-5)) })
}

const layerNorm: Operator = (w) => {
  const shape = w.perAxis('normalized_shape', 1)
  const size = shape.reduce((a, b) => a * b, 1)
  const weight =
    w.node.parameters.weight ??
    w.add('weight', { dtype: 'f32', shape, data: bytesOf('f32', Array<number>(size).fill(1)) })
  const inputs = [w.x, weight, ...w.weights('bias')]
  w.last('LayerNormalization', inputs, { axis: -shape.length, epsilon: float(w.number('eps', 1e-5)) })
}

const groupNorm: Operator = (w) => {
  const channels = w.shape()[1]!
  const inputs = [w.x, w.weightOr('weight', 1, channels), w.weightOr('bias', 0, channels)]
  const settings = { num_groups: w.number('num_groups'), epsilon: float(w.number('eps', 1e-5)) }
  w.last('GroupNormalization', inputs, settings)
}

const clip =
  (limits: (w: NodeWriter) => [number, number]): Operator =>
  (w) => {
    const [low, high] = limits(w)
    w.last('Clip', [w.x, w.add('low', scalar(low)), w.add('high', scalar(high))])
  }

const softplus: Operator = (w) => {
  const beta = w.number('beta', 1)
  if (beta === 1) return w.last('Softplus', [w.x])
  const scaled = w.step('Softplus', [w.step('Mul', [w.x, w.add('beta', scalar(beta))])])
  w.last('Mul', [scaled, w.add('inverse', scalar(1 / beta))])
}

const withScalar =
  (operator: string): Operator =>
  (w) =>
    w.last(operator, [w.x, w.add('value', scalar(w.number('value')))])

/** A class token: repeated along the batch of the other value. */
const expandBatch: Operator = (w) => {
  const batch = w.step('Shape', [w.node.inputs[1]!], { start: 0, end: 1 })
  const rest = w.add('rest', integers(w.shape().slice(1)))
  w.last('Expand', [w.x, w.step('Concat', [batch, rest], { axis: 0 })])
}

const attention: Operator = (w) => {
  const [query, key, value] = w.node.inputs as [string, string, string]
  const rank = w.shape(key).length
  const perm = Array.from({ length: rank }, (_, i) => (i < rank - 2 ? i : 2 * rank - 3 - i))
  const scale = w.add('scale', scalar(w.number('scale', 1 / Math.sqrt(w.shape(query).at(-1)!))))
  const scores = w.step('MatMul', [w.step('Mul', [query, scale]), w.step('Transpose', [key], { perm })])
  w.last('MatMul', [w.step('Softmax', [scores], { axis: -1 }), value])
}

const flatten: Operator = (w) => {
  const shape = w.outputShape.map((axis, i) => (i === 0 ? 0 : axis))
  w.last('Reshape', [w.x, w.add('shape', integers(shape))])
}

const withAxes =
  (operator: string): Operator =>
  (w) =>
    w.last(operator, [w.x, w.add('axes', integers(w.perAxis('dim', 1)))])

const slice: Operator = (w) => {
  const limits = {
    starts: w.number('start', 0),
    ends: w.number('end', 2 ** 31),
    axes: w.number('dim'),
    steps: w.number('step', 1)
  }
  w.last('Slice', [w.x, ...Object.entries(limits).map(([name, value]) => w.add(name, integers([value])))])
}

const select: Operator = (w) =>
  w.last('Gather', [w.x, w.add('index', integers([w.number('index')], []))], { axis: w.number('dim') })

const pad: Operator = (w) => {
  const padding = w.value('padding') as number[]
  const rank = w.shape().length
  const side = (offset: number) => Array.from({ length: rank }, (_, i) => padding[2 * (rank - 1 - i) + offset] ?? 0)
  const mode = { constant: 'constant', reflect: 'reflect', replicate: 'edge' }[w.value('mode', 'constant') as string]!
  const inputs = [w.x, w.add('pads', integers([...side(0), ...side(1)]))]
  if (mode === 'constant') inputs.push(w.add('value', scalar(w.number('value', 0))))
  w.last('Pad', inputs, { mode })
}

/** The pixel of `from` that PyTorch's nearest mode repeats at place i of `to`. */
const nearestPixel = (i: number, from: number, to: number) =>
  Math.min(Math.floor(Math.fround(i * Math.fround(from / to))), from - 1)

/** Whether rounding makes runtimes of ONNX, which divide where PyTorch multiplies, pick another pixel somewhere. */
function roundsOtherwise(from: number, to: number): boolean {
  const pixels = (scale: (i: number) => number) =>
    Array.from({ length: to }, (_, i) => Math.min(Math.floor(scale(i)), from - 1))
  const ours = Array.from({ length: to }, (_, i) => nearestPixel(i, from, to)).join()
  const single = pixels((i) => Math.fround(i / Math.fround(to / from)))
  const double = pixels((i) => i / (to / from))
  return ours !== single.join() || ours !== double.join()
}

function pickPixels(w: NodeWriter, from: number[], sizes: number[]): void {
  let x = w.x
  sizes.forEach((size, i) => {
    const pixels = w.add(
      `pixels${i}`,
      integers(Array.from({ length: size }, (_, k) => nearestPixel(k, from[i]!, size)))
    )
    if (i === sizes.length - 1) w.last('Gather', [x, pixels], { axis: i + 2 })
    else x = w.step('Gather', [x, pixels], { axis: i + 2 })
  })
}

/** By sizes, which are exact; by factors where the places of pixels come from them. Axes are named, so that the batch stays free. */
const interpolate: Operator = (w) => {
  const isNearest = w.value('mode', 'nearest') === 'nearest'
  const place = isNearest ? 'asymmetric' : w.value('align_corners', false) ? 'align_corners' : 'half_pixel'
  const [from, sizes] = [w.shape().slice(2), w.outputShape.slice(2)]
  const axes = sizes.map((_, i) => i + 2)
  const factors = w.node.attributes.scale_factor === undefined ? undefined : w.perAxis('scale_factor', axes.length)
  const isUneven = factors?.some((factor, i) => factor * from[i]! !== sizes[i])
  if (isNearest && !isUneven && sizes.some((size, i) => roundsOtherwise(from[i]!, size)))
    return pickPixels(w, from, sizes)
  const given = isUneven
    ? ['', w.add('scales', { dtype: 'f32', shape: [axes.length], data: bytesOf('f32', factors!) })]
    : ['', '', w.add('sizes', integers(sizes))]
  w.last('Resize', [w.x, ...given], {
    mode: isNearest ? 'nearest' : 'linear',
    coordinate_transformation_mode: place,
    axes,
    ...(isNearest ? { nearest_mode: 'floor' } : {})
  })
}

const each = (names: string[], operator: Operator) => Object.fromEntries(names.map((name) => [name, operator]))
const dimensions = (stem: string) => [1, 2, 3].map((axes) => `${stem}${axes}d`)

/** What each op of ours is in ONNX. */
export const OPERATORS: Record<string, Operator> = {
  ...each(dimensions('conv'), convolution),
  ...each(dimensions('conv_transpose'), convolution),
  ...each(['max_pool', 'avg_pool', 'sum_pool'].flatMap(dimensions), pool),
  ...each(['adaptive_avg_pool', 'adaptive_max_pool'].flatMap(dimensions), adaptivePool),
  linear,
  mean: reduction('ReduceMean'),
  sum: reduction('ReduceSum'),
  batch_norm: batchNorm,
  layer_norm: layerNorm,
  group_norm: groupNorm,
  relu: same('Relu'),
  sigmoid: same('Sigmoid'),
  tanh: same('Tanh'),
  hardswish: same('HardSwish'),
  identity: same('Identity'),
  dropout: same('Identity'),
  relu6: clip(() => [0, 6]),
  hardtanh: clip((w) => [w.number('min_val', -1), w.number('max_val', 1)]),
  silu: (w) => w.last('Mul', [w.x, w.step('Sigmoid', [w.x])]),
  hardsigmoid: (w) => w.last('HardSigmoid', [w.x], { alpha: float(1 / 6), beta: float(0.5) }),
  leaky_relu: (w) => w.last('LeakyRelu', [w.x], { alpha: float(w.number('negative_slope', 0.01)) }),
  elu: (w) => w.last('Elu', [w.x], { alpha: float(w.number('alpha', 1)) }),
  gelu: (w) => w.last('Gelu', [w.x], { approximate: w.value('approximate', 'none') as string }),
  softplus,
  softmax: (w) => w.last('Softmax', [w.x], { axis: w.number('dim') }),
  log_softmax: (w) => w.last('LogSoftmax', [w.x], { axis: w.number('dim') }),
  add: same('Sum'),
  sub: same('Sub'),
  mul: same('Mul'),
  div: same('Div'),
  matmul: same('MatMul'),
  add_scalar: withScalar('Add'),
  mul_scalar: withScalar('Mul'),
  constant: (w) => {
    // a weight of the node's own name is read as it is
    if (w.node.parameters.value !== w.node.name) w.last('Identity', w.weights('value'))
  },
  expand_batch: expandBatch,
  cat: (w) => w.last('Concat', w.node.inputs, { axis: w.number('dim') }),
  scaled_dot_product_attention: attention,
  flatten,
  reshape: (w) => w.last('Reshape', [w.x, w.add('shape', integers(w.perAxis('shape', 1)))]),
  permute: (w) => w.last('Transpose', [w.x], { perm: w.perAxis('dims', 1) }),
  squeeze: withAxes('Squeeze'),
  unsqueeze: withAxes('Unsqueeze'),
  slice,
  select,
  pad,
  interpolate
}
