import { native } from '../../dist/native/addon.js'

/** Numbers of a seed (mulberry32). */
export class Random {
  constructor(seed) {
    this.state = seed >>> 0
  }
  /** 0 to n - 1. */
  below(n) {
    this.state = (this.state + 0x6d2b79f5) >>> 0
    let t = Math.imul(this.state ^ (this.state >>> 15), this.state | 1)
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61)
    return ((t ^ (t >>> 14)) >>> 0) % n
  }
  of(list) {
    return list[this.below(list.length)]
  }
  /** True once in so many times. */
  once(n) {
    return this.below(n) === 0
  }
}

/** What nobody would write, and files hold. */
const STRANGE = [
  -1,
  0,
  2,
  65536,
  2 ** 31 - 1,
  2 ** 31,
  2 ** 40,
  -(2 ** 31),
  0.5,
  1e30,
  [],
  [1, 2, 3, 4, 5],
  [2 ** 32],
  '',
  'same',
  true
]
const AXES = { 1: '1d', 2: '2d', 3: '3d' }
/** Ops of one input that need no attributes. */
const UNARY = [
  ...native()
    .ops()
    .filter((op) => native().opRecord(op).kind === 'activation'),
  'identity'
]
const ATEN = [
  'exp',
  'sqrt',
  'log',
  'abs',
  'neg',
  'sin',
  'reciprocal',
  'square',
  'erf',
  'sign',
  'floor',
  'round',
  'rsqrt',
  'log1p'
]

/**
 * A graph of some random layers over a random input, most of which fit together. Some attributes are out of all range.
 * @returns parts for `Model.create`
 */
export function randomGraph(random) {
  const axes = 1 + random.below(3)
  const shape = [1 + random.below(4), ...Array.from({ length: axes }, () => 1 + random.below(9))]
  const made = { nodes: [], tensors: new Map(), random, shapes: new Map([['input', shape]]) }
  const steps = 1 + random.below(8)
  for (let i = 0; i < steps; i++) layer(made, `n${i}`)
  const last = made.nodes.at(-1).name
  if (!random.once(4)) push(made, 'flat', 'flatten', [last], {}, {}, [size(made.shapes.get(last))])
  const output = made.nodes.at(-1).name
  return { name: 'random', graph: { inputShape: [null, ...shape], nodes: made.nodes, output }, tensors: made.tensors }
}

function size(shape) {
  return shape.reduce((product, axis) => product * axis, 1)
}

function push(made, name, op, inputs, attributes, parameters, shape) {
  const { random } = made
  for (const key of Object.keys(attributes)) if (random.once(25)) attributes[key] = random.of(STRANGE)
  if (random.once(60)) attributes[random.of(['dim', 'size', 'nothing', 'stride'])] = random.of(STRANGE)
  if (random.once(80)) inputs = [...inputs, random.of(['input', 'nowhere', name])]
  made.nodes.push({ name, op, inputs, attributes, parameters })
  made.shapes.set(name, shape)
}

function tensor(made, name, shape, positive = false) {
  const { random } = made
  const kept = random.once(60) ? shape.map((axis) => axis + random.below(2)) : shape
  const data = new Float32Array(size(kept))
  for (let i = 0; i < data.length; i++)
    data[i] = (random.below(2001) - (positive ? 0 : 1000)) / 1000 + (positive ? 0.01 : 0)
  made.tensors.set(name, { dtype: 'f32', shape: kept, data: new Uint8Array(data.buffer) })
  return name
}

function layer(made, name) {
  const { random, shapes } = made
  const source = random.once(5) ? random.of([...shapes.keys()]) : [...shapes.keys()].at(-1)
  const shape = shapes.get(source)
  const spatial = shape.length - 1
  const kinds = [unary, aten, scalar, pair, join, weighted, pool, norm, move, reduce, any]
  random.of(spatial > 0 ? kinds : [unary, aten, scalar, pair, join, dense, move, any])(made, name, source, shape)
}

const unary = (made, name, source, shape) => push(made, name, made.random.of(UNARY), [source], {}, {}, shape)
const aten = (made, name, source, shape) => push(made, name, `aten::${made.random.of(ATEN)}`, [source], {}, {}, shape)
const scalar = (made, name, source, shape) =>
  push(
    made,
    name,
    made.random.of(['add_scalar', 'mul_scalar']),
    [source],
    { value: made.random.below(7) - 3 },
    {},
    shape
  )

function pair(made, name, source, shape) {
  const fitting = [...made.shapes].filter(([, other]) => other.join() === shape.join()).map(([one]) => one)
  push(made, name, made.random.of(['add', 'sub', 'mul', 'div']), [source, made.random.of(fitting)], {}, {}, shape)
}

function join(made, name, source, shape) {
  push(made, name, 'cat', [source, source], { dim: 1 }, {}, [2 * shape[0], ...shape.slice(1)])
}

function dense(made, name, source, shape) {
  const features = 1 + made.random.below(6)
  const weight = tensor(made, `${name}.weight`, [features, shape.at(-1)])
  push(made, name, 'linear', [source], {}, { weight, bias: tensor(made, `${name}.bias`, [features]) }, [
    ...shape.slice(0, -1),
    features
  ])
}

function weighted(made, name, source, shape) {
  const { random } = made
  const spatial = shape.length - 1
  if (spatial > 3 || random.once(3)) return dense(made, name, source, shape)
  const [channels, kernel, stride, padding] = [
    1 + random.below(5),
    1 + random.below(3),
    1 + random.below(2),
    random.below(2)
  ]
  const transposed = random.once(4)
  const kernels = Array(spatial).fill(kernel)
  const weight = tensor(made, `${name}.weight`, [
    ...(transposed ? [shape[0], channels] : [channels, shape[0]]),
    ...kernels
  ])
  const length = (axis) =>
    transposed ? (axis - 1) * stride - 2 * padding + kernel : Math.floor((axis + 2 * padding - kernel) / stride) + 1
  const op = `conv${transposed ? '_transpose' : ''}${AXES[spatial]}`
  const parameters = random.once(2) ? { weight } : { weight, bias: tensor(made, `${name}.bias`, [channels]) }
  push(made, name, op, [source], { stride, padding, dilation: 1, groups: 1 }, parameters, [
    channels,
    ...shape.slice(1).map((axis) => Math.max(1, length(axis)))
  ])
}

function pool(made, name, source, shape) {
  const { random } = made
  const spatial = shape.length - 1
  if (spatial > 3) return unary(made, name, source, shape)
  if (random.once(3)) {
    const op = `adaptive_${random.of(['avg', 'max'])}_pool${AXES[spatial]}`
    return push(made, name, op, [source], { output_size: 1 + random.below(3) }, {}, [
      shape[0],
      ...Array(spatial).fill(1)
    ])
  }
  const [kernel, stride] = [1 + random.below(3), 1 + random.below(3)]
  const attributes = { kernel_size: kernel, stride, padding: 0, ceil_mode: random.once(2) }
  const pooled = shape.slice(1).map((axis) => Math.max(1, Math.floor((axis - kernel) / stride) + 1))
  push(made, name, `${random.of(['avg', 'max', 'sum'])}_pool${AXES[spatial]}`, [source], attributes, {}, [
    shape[0],
    ...pooled
  ])
}

function norm(made, name, source, shape) {
  const { random } = made
  const one = (role, positive) => tensor(made, `${name}.${role}`, [shape[0]], positive)
  if (random.once(2)) {
    const parameters = {
      weight: one('weight'),
      bias: one('bias'),
      running_mean: one('mean'),
      running_var: one('var', true)
    }
    return push(made, name, 'batch_norm', [source], { eps: 1e-5, momentum: 0.1 }, parameters, shape)
  }
  if (random.once(2)) return push(made, name, 'group_norm', [source], { num_groups: 1, eps: 1e-5 }, {}, shape)
  push(made, name, 'layer_norm', [source], { normalized_shape: shape.slice(-1), eps: 1e-5 }, {}, shape)
}

function move(made, name, source, shape) {
  const { random } = made
  const spatial = shape.length
  const kind = random.below(5)
  if (kind === 0) return push(made, name, 'flatten', [source], { start_dim: 1, end_dim: -1 }, {}, [size(shape)])
  if (kind === 1) return push(made, name, 'reshape', [source], { shape: [0, -1] }, {}, [size(shape)])
  if (kind === 2) {
    const dims = [0, ...shape.map((_, i) => spatial - i)]
    return push(made, name, 'permute', [source], { dims }, {}, shape.toReversed())
  }
  if (kind === 3) {
    const end = 1 + random.below(shape.at(-1))
    return push(made, name, 'slice', [source], { dim: -1, start: 0, end, step: 1 }, {}, [...shape.slice(0, -1), end])
  }
  const [before, after] = [random.below(3), random.below(3)]
  const attributes = { padding: [before, after], mode: random.of(['constant', 'reflect', 'replicate']), value: 0 }
  push(made, name, 'pad', [source], attributes, {}, [...shape.slice(0, -1), shape.at(-1) + before + after])
}

function reduce(made, name, source, shape) {
  if (made.random.once(2)) return push(made, name, 'softmax', [source], { dim: -1 }, {}, shape)
  push(made, name, made.random.of(['mean', 'sum']), [source], { dim: [-1], keepdim: false }, {}, shape.slice(0, -1))
}

/** Any op of the table, or any aten call, whatever it takes. */
function any(made, name, source, shape) {
  const { random } = made
  const names = Object.keys(native().atenOverloads())
  const op = random.once(2) ? random.of(native().ops()) : random.of(names)
  push(made, name, op, random.once(2) ? [source] : [source, source], { dim: 1 }, {}, shape)
}
