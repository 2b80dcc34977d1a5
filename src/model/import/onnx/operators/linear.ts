import { isConstant, type NodeValue, type OnnxCall, type Value } from '../call.js'
import type { Constant } from '../constant.js'
import { broadcast, equal, floorDivide, minus, plus, times, type Dim } from '../dim.js'
import type { OnnxDraft } from '../onnx-draft.js'
import { asNode, broadcastOf, like, nodeInput, shapeText, uniform, type Operator } from './operator.js'

export interface Window {
  spatial: Dim[]
  kernel: number[]
  stride: number[]
  dilation: number[]
  begin: number[]
  end: number[]
}

/** Kernel, strides, dilations and the padding before and after each spatial axis, from `pads` or `auto_pad`. */
export function windowOf(call: OnnxCall, x: NodeValue, kernel: number[]): Window {
  const spatial = x.shape.slice(2)
  const axes = spatial.length
  const list = (name: string, least: number) => {
    const found = call.ints(name) ?? spatial.map(() => 1)
    if (found.length !== axes || found.some((one) => one < least)) throw call.fail(`its ${name} do not match its input`)
    return found
  }
  if (kernel.length !== axes || kernel.some((one) => one < 1)) throw call.fail('its window does not match its input')
  const [stride, dilation] = [list('strides', 1), list('dilations', 1)]
  const automatic = call.string('auto_pad', 'NOTSET')
  const pads = call.ints('pads')
  const window = { spatial, kernel, stride, dilation }
  if (automatic === 'SAME_UPPER' || automatic === 'SAME_LOWER') {
    const whole = spatial.map((size, i) => samePadding(call, size, kernel[i]!, stride[i]!, dilation[i]!))
    const small = whole.map((one) => Math.floor(one / 2))
    const large = whole.map((one, i) => one - small[i]!)
    const [begin, end] = automatic === 'SAME_UPPER' ? [small, large] : [large, small]
    return { ...window, begin, end }
  }
  if (automatic !== 'NOTSET' && automatic !== 'VALID') throw call.fail(`its padding '${automatic}' is unknown`)
  const given = automatic === 'VALID' || !pads || pads.length === 0 ? Array<number>(2 * axes).fill(0) : pads
  if (given.length !== 2 * axes) throw call.fail('its pads do not match its axes')
  return { ...window, begin: given.slice(0, axes), end: given.slice(axes) }
}

/** Padding that makes the output as large as the input divided by the stride. */
function samePadding(call: OnnxCall, size: Dim, kernel: number, stride: number, dilation: number): number {
  const reach = (kernel - 1) * dilation + 1
  if (typeof size === 'number') return Math.max(0, (Math.ceil(size / stride) - 1) * stride + reach - size)
  if (stride === 1) return reach - 1
  throw call.fail('its padding depends on the size of the input: give the size (--input-shape)')
}

/** A value with numbers put around its spatial axes, or cut off where an amount is negative. */
export function padded(
  call: OnnxCall,
  draft: OnnxDraft,
  x: NodeValue,
  begin: number[],
  end: number[],
  value = 0
): NodeValue {
  if ([...begin, ...end].every((one) => one === 0)) return x
  const padding = begin.flatMap((one, i) => [one, end[i]!])
  const lastFirst = Array.from({ length: begin.length }, (_, i) => begin.length - 1 - i)
  const shape = x.shape.map((size, i) => (i < 2 ? size : plus(size, padding[2 * (i - 2)]! + padding[2 * (i - 2) + 1]!)))
  const attributes = { padding: lastFirst.flatMap((i) => [begin[i]!, end[i]!]), value }
  return draft.add(call, 'pad', [x], shape, attributes, {}, '.pad')
}

/** The value with padding that differs before and after, or is negative, taken out of the window. */
function evened(call: OnnxCall, draft: OnnxDraft, x: NodeValue, { begin, end }: Window) {
  if (begin.join() === end.join() && begin.every((one) => one >= 0)) return { x, padding: begin }
  return { x: padded(call, draft, x, begin, end), padding: begin.map(() => 0) }
}

/** Sizes after a window has gone over spatial axes. */
export function afterWindow(size: Dim, reach: number, stride: number, padding: number): Dim {
  return plus(floorDivide(minus(plus(size, padding), reach), stride), 1)
}

/** A bias, left out where it is nothing but zeros. */
function biasOf(call: OnnxCall, index: number): Constant | undefined {
  const bias = call.constant(index)
  return bias && !bias.name?.endsWith('bias') && uniform(bias) === 0 ? undefined : bias
}

/** Input, weight and window of a convolution whose weight is known. */
function convolved(call: OnnxCall, draft: OnnxDraft) {
  const weight = call.constant(1)
  if (!weight) throw call.fail('it has no weight')
  const x = nodeInput(call, draft)
  const axes = x.shape.length - 2
  if (axes < 1 || axes > 3 || weight.shape.length !== x.shape.length) {
    throw call.fail(`its input has the shape ${shapeText(x.shape)} and its weight ${shapeText(weight.shape)}`)
  }
  const kernel = weight.shape.slice(2)
  if ((call.ints('kernel_shape') ?? kernel).join() !== kernel.join())
    throw call.fail('its kernel_shape is not the shape of its weight')
  const groups = call.int('group', 1)
  if (groups < 1 || weight.shape[0]! % groups !== 0) throw call.fail('its groups do not match its weight')
  return { x, weight, groups, window: windowOf(call, x, kernel) }
}

const convolution: Operator = (call, draft) => {
  const { x: input, weight, groups, window } = convolved(call, draft)
  const { kernel, stride, dilation } = window
  if (!fits(input.shape[1]!, weight.shape[1]! * groups)) throw call.fail('its weight does not match its input')
  const { x, padding } = evened(call, draft, input, window)
  const sizes = x.shape
    .slice(2)
    .map((size, i) => afterWindow(size, (kernel[i]! - 1) * dilation[i]! + 1, stride[i]!, 2 * padding[i]!))
  if (sizes.some((one) => typeof one === 'number' && one < 1)) throw call.fail('its input is smaller than its window')
  const shape = [x.shape[0]!, weight.shape[0]!, ...sizes]
  const op = `conv${sizes.length}d`
  return draft.add(call, op, [x], shape, { stride, padding, dilation, groups }, { weight, bias: biasOf(call, 2) })
}

const fits = (size: Dim, wanted: number) => typeof size !== 'number' || size === wanted

/** What is cut off at the end where it is more than PyTorch's padding can say becomes a slice. */
const transposedConvolution: Operator = (call, draft) => {
  const { x, weight, groups, window } = convolved(call, draft)
  const { kernel, stride, dilation, spatial } = window
  if (!fits(x.shape[1]!, weight.shape[0]!)) throw call.fail('its weight does not match its input')
  const extra = call.ints('output_padding') ?? spatial.map(() => 0)
  if (extra.length !== spatial.length) throw call.fail('its output_padding does not match its axes')
  const full = spatial.map((size, i) => plus(times(minus(size, 1), stride[i]!), dilation[i]! * (kernel[i]! - 1) + 1))
  const { begin, end } = cutOff(call, window, full, extra)
  const shape = [x.shape[0]!, weight.shape[1]! * groups]
  const parameters = { weight, bias: biasOf(call, 2) }
  const op = `conv_transpose${spatial.length}d`
  const output_padding = extra.map((one, i) => one + begin[i]! - end[i]!)
  const isPlain =
    begin.every((one) => one >= 0) &&
    output_padding.every((one, i) => one >= 0 && one < Math.max(stride[i]!, dilation[i]!))
  const sizes = full.map((size, i) => plus(size, extra[i]! - begin[i]! - end[i]!))
  if (isPlain) {
    const attributes = { stride, padding: begin, output_padding, dilation, groups }
    return draft.add(call, op, [x], [...shape, ...sizes], attributes, parameters)
  }
  if (parameters.bias && extra.some((one, i) => one > end[i]!)) throw call.fail('its output_padding is not supported')
  const whole = { stride, padding: 0, output_padding: 0, dilation, groups }
  const all = draft.add(call, op, [x], [...shape, ...full], whole, parameters)
  return padded(
    call,
    draft,
    all,
    begin.map((one) => -one),
    extra.map((one, i) => one - end[i]!)
  )
}

/** How much of the full result is cut off before and after. */
function cutOff(call: OnnxCall, window: Window, full: Dim[], extra: number[]) {
  const { spatial, stride } = window
  const automatic = call.string('auto_pad', 'NOTSET')
  const given = call.ints('output_shape')?.slice(-spatial.length)
  const isSame = automatic.startsWith('SAME')
  if (!given && !isSame) return window
  const surplus = full.map((size, i) => {
    const wanted = given ? given[i]! : times(spatial[i]!, stride[i]!)
    const difference = minus(plus(size, extra[i]!), wanted)
    if (typeof difference !== 'number') throw call.fail('its output has no fixed size')
    return isSame && !given ? Math.max(0, difference) : difference
  })
  const half = surplus.map((one) => Math.floor(one / 2))
  const rest = surplus.map((one, i) => one - half[i]!)
  return automatic === 'SAME_UPPER' ? { begin: half, end: rest } : { begin: rest, end: half }
}

/** x times a matrix, the matrix transposed or not; factors are multiplied into the matrix and the bias. */
const gemm: Operator = (call, draft) => {
  const [alpha, beta] = [call.float('alpha', 1), call.float('beta', 1)]
  const [transA, transB] = [call.flag('transA'), call.flag('transB')]
  const [a, b] = [call.input(0), call.input(1)]
  const addend = beta === 0 ? undefined : call.optional(2)
  if (beta === 0) call.optional(2)
  if (a.shape.length !== 2 || b.shape.length !== 2) throw call.fail('its inputs are not matrices')
  const [rows, depth] = transA ? [a.shape[1]!, a.shape[0]!] : [a.shape[0]!, a.shape[1]!]
  const outputs = b.shape[transB ? 0 : 1]!
  if (!equal(depth, b.shape[transB ? 1 : 0]!)) throw call.fail('its matrices do not match')
  call.mixes(a, transA ? 0 : 1)
  const shape = [rows, outputs]
  const bias = isConstant(b) && addend && isConstant(addend) ? addend : undefined
  const isLinear = isConstant(b) && !isConstant(a) && !transA && alpha === 1 && (!addend || (bias && beta === 1))
  if (isLinear && (!bias || bias.size === outputs || bias.size === 1)) {
    const weight = transB ? b : b.transposed()
    const zero = bias && !bias.name?.endsWith('bias') && uniform(bias) === 0
    if (!zero && bias?.size === 1 && outputs !== 1) {
      const product = draft.add(call, 'linear', [a], shape, {}, { weight }, '.product')
      return draft.add(call, 'add_scalar', [product], shape, { value: bias.scalar! })
    }
    const own = bias && !zero ? bias.reshaped([outputs as number]) : undefined
    return draft.add(call, 'linear', [a], shape, {}, { weight, bias: own })
  }
  const flip = (value: Value, isFlipped: boolean): NodeValue => {
    const x = asNode(draft, value)
    if (!isFlipped) return x
    return draft.add(call, 'permute', [x], [x.shape[1]!, x.shape[0]!], { dims: [1, 0] }, {}, '.transposed')
  }
  let product = isConstant(b)
    ? draft.add(call, 'linear', [flip(a, transA)], shape, {}, { weight: transB ? b : b.transposed() }, '.product')
    : draft.add(call, 'matmul', [flip(a, transA), flip(b, transB)], shape, {}, {}, '.product')
  if (alpha !== 1) product = draft.add(call, 'mul_scalar', [product], shape, { value: alpha }, {}, '.scaled')
  if (!addend) return product
  let summand: Value = addend
  if (beta !== 1) summand = like(call, draft, asNode(draft, addend), 'aten::mul.Scalar', { other: beta })
  if (!broadcast(shape, summand.shape)) throw call.fail('its bias does not match its product')
  return draft.add(call, 'add', [product, summand], broadcastOf(call, product, summand))
}

const matmul: Operator = (call, draft) => {
  const [a, b] = [call.input(0), call.input(1)]
  call.mixes(a, -1)
  call.mixes(b, b.shape.length > 1 ? -2 : -1)
  if (!equal(a.shape.at(-1)!, b.shape.at(b.shape.length > 1 ? -2 : -1)!)) throw call.fail('its matrices do not match')
  if (isConstant(b) && b.shape.length === 2 && !isConstant(a)) {
    const matrix = b.transposed()
    return draft.add(call, 'linear', [a], [...a.shape.slice(0, -1), matrix.shape[0]!], {}, { weight: matrix })
  }
  const batch = broadcastOf(call, { shape: a.shape.slice(0, -2) }, { shape: b.shape.slice(0, -2) })
  const rows = a.shape.length > 1 ? [a.shape.at(-2)!] : []
  const columns = b.shape.length > 1 ? [b.shape.at(-1)!] : []
  const shape = [...batch, ...rows, ...columns]
  if (rows.length === 0 || columns.length === 0) return draft.aten(call, 'aten::matmul', { self: a, other: b }, shape)
  return draft.add(call, 'matmul', [a, b], shape)
}

/** Any sum of products of its inputs; the sizes of its result come from its letters. */
const einsum: Operator = (call, draft) => {
  const equation = call.string('equation', '').replaceAll(' ', '')
  const inputs = call.all()
  const [left, given] = equation.split('->')
  const terms = left!.split(',')
  if (terms.length !== inputs.length) throw call.fail(`its equation '${equation}' does not match its inputs`)
  const sizes = new Map<string, Dim>()
  let ellipsis: Dim[] = []
  terms.forEach((term, i) => {
    const { shape } = inputs[i]!
    const letters = Array.from(term.replace('...', '.'))
    const many = shape.length - letters.filter((one) => one !== '.').length
    let axis = 0
    for (const letter of letters) {
      if (letter === '.') {
        ellipsis = broadcastOf(call, { shape: ellipsis }, { shape: shape.slice(axis, axis + many) })
        axis += many
        continue
      }
      const known = sizes.get(letter)
      if (known === undefined || known === 1) sizes.set(letter, shape[axis]!)
      else if (shape[axis] !== 1 && !equal(known, shape[axis]!))
        throw call.fail('one letter stands for axes of different sizes')
      axis++
    }
  })
  const counts = (letter: string) => left!.split(letter).length - 1
  const implied = [...sizes.keys()].filter((letter) => counts(letter) === 1).sort()
  const right = given ?? (left!.includes('...') ? '...' : '') + implied.join('')
  const kept = new Set(right)
  inputs.forEach((value, i) => {
    if (terms[i]!.includes('...')) return
    Array.from(terms[i]!).forEach((letter, axis) => kept.has(letter) || call.mixes(value, axis))
  })
  const shape = Array.from(right.replace('...', '.')).flatMap((one) => (one === '.' ? ellipsis : [sizes.get(one)!]))
  if (shape.includes(undefined as never)) throw call.fail(`its equation '${equation}' is unknown`)
  return draft.aten(call, 'aten::einsum', { equation: `${left}->${right}`, tensors: inputs }, shape)
}

/** The determinant of the last two axes. */
const determinant: Operator = (call, draft) => {
  const x = nodeInput(call, draft)
  return draft.aten(call, 'aten::det', { self: x }, x.shape.slice(0, -2))
}

export const LINEAR: Record<string, Operator> = {
  Conv: convolution,
  ConvTranspose: transposedConvolution,
  Gemm: gemm,
  MatMul: matmul,
  Einsum: einsum,
  Det: determinant
}
