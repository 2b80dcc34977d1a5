import type { NodeValue, OnnxCall } from '../call.js'
import { Constant } from '../constant.js'
import { dependsOnBatch, equal, floor, scale, type Dim } from '../dim.js'
import type { OnnxDraft } from '../onnx-draft.js'
import { nodeInput, type Operator } from './operator.js'

interface Resizing {
  mode: string
  place: string
  nearest: string
  cubic: number
  excludesOutside: boolean
  antialias: boolean
  extrapolation: number
}

/** One axis to be resized: the size after, the factor as the file means it, and the region of `tf_crop_and_resize`. */
interface Axis {
  axis: number
  size: number
  output: number
  factor: number
  region: [number, number]
}

const resize: Operator = (call, draft) => {
  const x = nodeInput(call, draft)
  const rank = x.shape.length
  const how = howOf(call)
  const isOld = call.opset < 11
  const scaleInput = call.op === 'Upsample' || isOld ? 1 : 2
  const given =
    call.op === 'Upsample' && call.opset < 9 ? call.floats('scales') : nonEmpty(call.constant(scaleInput)?.dims)
  const asked = isOld ? undefined : nonEmpty(call.constant(3)?.dims)
  const regions = isOld ? undefined : call.constant(1)?.numbers
  const axes = (call.ints('axes') ?? x.shape.map((_, i) => i)).map((axis) => call.fromFront(axis, rank))
  // a file for a fixed number of images names that number, too
  const sizes = asked?.map((size, i) => {
    const before = x.shape[axes[i]!]
    return before !== undefined && dependsOnBatch(before) && size === call.followed ? before : size
  })
  const policy = call.string('keep_aspect_ratio_policy', 'stretch')
  const wanted = sizes ?? given
  if (wanted?.length !== axes.length) throw call.fail('its sizes do not match its axes')
  if (given?.some((one) => typeof one !== 'number')) throw call.fail('its factors depend on the size of the input')
  const factors = sizes ? factorsOf(call, x, axes, sizes, policy) : (given as number[])
  const outputs = axes.map((axis, i): Dim => {
    const size = x.shape[axis]!
    if (sizes && policy === 'stretch') return sizes[i]!
    if (sizes) return Math.round(Number(size) * factors[i]!)
    return typeof size === 'number'
      ? Math.floor(Math.fround(Math.fround(size) * Math.fround(factors[i]!)))
      : floor(scale(size, Math.fround(factors[i]!)))
  })
  const isCropped = how.place === 'tf_crop_and_resize'
  const changed = axes.flatMap((axis, i) => {
    const output = outputs[i]!
    const region: [number, number] = isCropped ? [regions?.[i] ?? 0, regions?.[i + axes.length] ?? 1] : [0, 1]
    const keeps = equal(output, x.shape[axis]!) && (factors[i] === 1 || (sizes && policy === 'stretch'))
    return keeps && !isCropped ? [] : [{ axis, i, output, region }]
  })
  if (changed.length === 0) return x
  changed.forEach(({ axis }) => call.mixes(x, axis))
  const isDisputed = ({ axis, i }: { axis: number; i: number }) =>
    !Number.isInteger(factors[i]! * Number(x.shape[axis]))
  if (how.place === 'align_corners' && given && changed.some(isDisputed)) {
    throw call.fail('runtimes differ for align_corners with a factor that gives a fractional size')
  }
  const shape = changed.reduce((sizes, { axis, output }) => sizes.with(axis, output), x.shape)
  if (shape.some((one) => typeof one === 'number' && one < 1)) throw call.fail('its result is empty')
  for (const { axis, i, output, region } of how.mode === 'nearest' ? changed : []) {
    const size = x.shape[axis]!
    if (typeof size !== 'number' || typeof output !== 'number') continue
    if (dependsOnRounding({ axis, size, output, factor: factors[i]!, region }, how)) {
      throw call.fail('which pixels are the nearest depends on rounding, and runtimes differ')
    }
  }
  const factorOf = (axis: number) => (axes.includes(axis) ? factors[axes.indexOf(axis)]! : 1)
  const native = nativeResize(call, draft, x, shape, how, factorOf)
  if (native) return native
  return changed.reduce((value, { axis, i, output, region }) => {
    const size = value.shape[axis]!
    if (typeof size !== 'number' || typeof output !== 'number') {
      throw call.fail(
        `its mode (${how.mode}, ${how.place}) depends on the size of the input: give the size (--input-shape)`
      )
    }
    const factor = factors[i]!
    return resampled(call, draft, value, { axis, size, output, factor, region }, how)
  }, x)
}

const nonEmpty = <T>(list: T[] | undefined): T[] | undefined => (list?.length ? list : undefined)

function howOf(call: OnnxCall): Resizing {
  const mode = call.string('mode', 'nearest').replace('bilinear', 'linear')
  const isOld = call.opset < 11
  const how = {
    mode,
    place: isOld ? 'asymmetric' : call.string('coordinate_transformation_mode', 'half_pixel'),
    nearest: isOld ? 'floor' : call.string('nearest_mode', 'round_prefer_floor'),
    cubic: call.float('cubic_coeff_a', -0.75),
    excludesOutside: call.flag('exclude_outside'),
    antialias: call.flag('antialias'),
    extrapolation: call.float('extrapolation_value', 0)
  }
  const places = ['half_pixel', 'pytorch_half_pixel', 'align_corners', 'asymmetric', 'tf_half_pixel_for_nn']
  const known = [...places, 'half_pixel_symmetric', 'tf_crop_and_resize'].includes(how.place)
  const rounds = ['round_prefer_floor', 'round_prefer_ceil', 'floor', 'ceil'].includes(how.nearest)
  if (!['nearest', 'linear', 'cubic'].includes(mode) || !known || !rounds) {
    throw call.fail(`its mode (${mode}, ${how.place}, ${how.nearest}) is not supported`)
  }
  return how
}

/** Factors of given sizes; a policy makes them equal. */
function factorsOf(call: OnnxCall, x: NodeValue, axes: number[], sizes: Dim[], policy: string): number[] {
  const factors = axes.map((axis, i) => {
    const [size, wanted] = [x.shape[axis]!, sizes[i]!]
    if (equal(size, wanted)) return 1
    return typeof size === 'number' && typeof wanted === 'number' ? wanted / size : Number.NaN
  })
  if (policy === 'stretch') return factors
  if (policy !== 'not_larger' && policy !== 'not_smaller') throw call.fail(`its policy '${policy}' is unknown`)
  if (factors.some(Number.isNaN))
    throw call.fail('its policy depends on the size of the input: give the size (--input-shape)')
  const one = policy === 'not_larger' ? Math.min(...factors) : Math.max(...factors)
  return factors.map(() => one)
}

/** PyTorch's own resizing, where it computes exactly the same. */
function nativeResize(
  call: OnnxCall,
  draft: OnnxDraft,
  x: NodeValue,
  shape: Dim[],
  how: Resizing,
  factorOf: (axis: number) => number
): NodeValue | undefined {
  if (how.antialias || how.excludesOutside || shape.length < 4 || shape.length > 5) return undefined
  if (!equal(shape[0]!, x.shape[0]!) || !equal(shape[1]!, x.shape[1]!)) return undefined
  const size = shape.slice(2)
  const isOpen = size.some((one) => typeof one !== 'number')
  const factors = size.map((_, i) => factorOf(i + 2))
  if (isOpen && !factors.every((one) => Number.isInteger(one))) return undefined
  const places = isOpen ? { scale_factor: factors } : { size: size as number[] }
  if (how.mode === 'nearest') {
    const isSame = size.every((output, i) => {
      const before = x.shape[i + 2]!
      const [from, to] = isOpen ? [16, 16 * factors[i]!] : [before as number, output as number]
      return picksLikePytorch({ axis: i + 2, size: from, output: to, factor: factors[i]!, region: [0, 1] }, how)
    })
    return isSame ? draft.add(call, 'interpolate', [x], shape, { ...places, mode: 'nearest' }) : undefined
  }
  if (how.mode !== 'linear' || shape.length !== 4) return undefined
  // with a factor that does not divide evenly, places come from the factor, not from the sizes
  const isEven = isOpen || size.every((output, i) => factors[i] === (output as number) / (x.shape[i + 2] as number))
  const isPlain = how.place === 'half_pixel' || (how.place === 'pytorch_half_pixel' && !size.includes(1))
  const aligns = how.place === 'align_corners' && !isOpen && !size.includes(1)
  if (!isEven || !(isPlain || aligns)) return undefined
  return draft.add(call, 'interpolate', [x], shape, { ...places, mode: 'bilinear', align_corners: aligns })
}

/** Whether every output pixel is the one that PyTorch's nearest mode picks, in its own arithmetic. */
function picksLikePytorch(one: Axis, how: Resizing): boolean {
  const { size, output } = one
  const scaled = Math.fround(size / output)
  return Array.from({ length: output }, (_, i) => i).every((i) => {
    const cell = weightsAt(placeOf(i, one, how), one, how)?.[0]?.[0]
    return cell === Math.min(Math.floor(Math.fround(i * scaled)), size - 1)
  })
}

/** One axis resampled by a matrix of weights, or by picking values where each comes from one. */
function resampled(call: OnnxCall, draft: OnnxDraft, x: NodeValue, one: Axis, how: Resizing): NodeValue {
  const { axis, size, output } = one
  const rows = Array.from({ length: output }, (_, i) => weightsAt(placeOf(i, one, how), one, how))
  const shape = x.shape.with(axis, output)
  const isPicked = rows.every((row) => row && row.length === 1 && row[0]![1] === 1)
  if (isPicked) {
    const index = Constant.of(rows.map((row) => row![0]![0]))
    return draft.aten(call, 'aten::index_select', { self: x, dim: axis, index }, shape, x.dtype)
  }
  if (size * output > 1 << 24) throw call.fail('it is too large for its mode')
  const numbers = new Array<number>(size * output).fill(0)
  rows.forEach((row, i) => row?.forEach(([cell, weight]) => (numbers[i * size + cell]! += weight)))
  const weight = Constant.of(numbers, [output, size], 'f32')
  const rank = x.shape.length
  const dims = x.shape.map((_, i) => i)
  const turned = dims.with(axis, rank - 1).with(rank - 1, axis)
  const turn = (value: NodeValue): NodeValue =>
    axis === rank - 1
      ? value
      : draft.add(
          call,
          'permute',
          [value],
          turned.map((i) => value.shape[i]!),
          { dims: turned },
          {},
          '.turned'
        )
  const last = turn(x)
  const made = draft.add(call, 'linear', [last], last.shape.with(rank - 1, output), {}, { weight }, '.resampled')
  const back = turn(made)
  if (rows.every(Boolean)) return back
  const outside = rows.map((row) => (row ? 0 : how.extrapolation))
  const offset = Constant.of(outside, [output, ...Array<number>(rank - 1 - axis).fill(1)], 'f32')
  return draft.add(call, 'add', [back, offset], shape)
}

const single = Math.fround
const double = (value: number) => value

/** Where an output pixel lies among the pixels of the input; `round` is the arithmetic: of doubles, or of floats. */
function placeOf(i: number, { size, output, factor, region }: Axis, { place }: Resizing, round = double): number {
  const length = round(round(factor) * size)
  const half = round(round((i + 0.5) / round(factor)) - 0.5)
  switch (place) {
    case 'align_corners':
      return length === 1 || output === 1 ? 0 : round(round(i * (size - 1)) / round(length - 1))
    case 'asymmetric':
      return round(i / round(factor))
    case 'pytorch_half_pixel':
      return output === 1 ? 0 : half
    case 'tf_half_pixel_for_nn':
      return round((i + 0.5) / round(factor))
    case 'half_pixel_symmetric':
      return round(round((size / 2) * round(1 - round(output / length))) + half)
    case 'tf_crop_and_resize': {
      const [start, end] = region
      if (output === 1) return 0.5 * (start + end) * (size - 1)
      return start * (size - 1) + (i * (end - start) * (size - 1)) / (output - 1)
    }
    default:
      return half
  }
}

/** Whether floats and doubles pick other pixels somewhere: then runtimes do, too. */
function dependsOnRounding(one: Axis, how: Resizing): boolean {
  if (how.place === 'half_pixel_symmetric' && !Number.isInteger(one.factor * one.size)) return true
  const cell = (i: number, round: (value: number) => number) => rounded(placeOf(i, one, how, round), how.nearest)
  return Array.from({ length: one.output }, (_, i) => i).some((i) => cell(i, single) !== cell(i, double))
}

/** Pixels of the input that make up one of the output, with their weights; undefined: it lies outside the input. */
function weightsAt(place: number, { size, factor }: Axis, how: Resizing): [number, number][] | undefined {
  if (how.place === 'tf_crop_and_resize' && (place < 0 || place > size - 1)) return undefined
  const inside = (cell: number) => Math.min(Math.max(cell, 0), size - 1)
  if (how.mode === 'nearest') return [[inside(rounded(place, how.nearest)), 1]]
  const stretch = how.antialias && factor < 1 ? factor : 1
  const reach = (how.mode === 'linear' ? 1 : 2) / stretch
  const kernel = how.mode === 'linear' ? triangle : cubicKernel(how.cubic)
  const cells: [number, number][] = []
  for (let cell = Math.ceil(place - reach); cell <= Math.floor(place + reach); cell++) {
    const weight = kernel((cell - place) * stretch)
    if (weight !== 0 && !(how.excludesOutside && inside(cell) !== cell)) cells.push([cell, weight])
  }
  const normalised = how.excludesOutside || stretch !== 1
  const total = normalised ? cells.reduce((sum, one) => sum + one[1], 0) : 1
  return cells.map(([cell, weight]) => [inside(cell), weight / total])
}

function rounded(place: number, mode: string): number {
  if (mode === 'floor') return Math.floor(place)
  if (mode === 'ceil') return Math.ceil(place)
  const isHalf = place - Math.floor(place) === 0.5
  if (isHalf) return mode === 'round_prefer_floor' ? Math.floor(place) : Math.ceil(place)
  return Math.round(place)
}

const triangle = (distance: number): number => Math.max(0, 1 - Math.abs(distance))

const cubicKernel =
  (a: number) =>
  (distance: number): number => {
    const x = Math.abs(distance)
    if (x <= 1) return ((a + 2) * x - (a + 3)) * x * x + 1
    return x < 2 ? ((a * x - 5 * a) * x + 8 * a) * x - 4 * a : 0
  }

export const RESIZE: Record<string, Operator> = { Resize: resize, Upsample: resize }
