import type { NodeValue, OnnxCall } from '../call.js'
import { plus, type Dim } from '../dim.js'
import type { OnnxDraft } from '../onnx-draft.js'
import { nodeInput, type Operator } from './operator.js'
import { chosen, ranged } from './part.js'

const pad: Operator = (call, draft) => {
  const x = nodeInput(call, draft)
  const rank = x.shape.length
  const isOld = call.opset < 11
  const mode = call.string('mode', 'constant')
  const amounts = (isOld ? (call.ints('pads') ?? call.ints('paddings')) : call.numbers(1)) ?? []
  const value = isOld ? call.float('value', 0) : (call.constant(2)?.scalar ?? 0)
  const axes = isOld ? undefined : call.numbers(3)?.map((axis) => call.fromFront(axis, rank))
  const padded = axes ?? x.shape.map((_, i) => i)
  if (amounts.length !== 2 * padded.length) throw call.fail('its pads do not match its axes')
  const both = x.shape.map((_, axis): [number, number] => {
    const at = padded.indexOf(axis)
    return at < 0 ? [0, 0] : [amounts[at]!, amounts[at + padded.length]!]
  })
  both.forEach(([before, after], axis) => (before === 0 && after === 0) || call.mixes(x, axis))
  if (both.every((one) => one[0] === 0 && one[1] === 0)) return x
  const shape = x.shape.map((size, i) => plus(size, both[i]![0] + both[i]![1]))
  if (shape.some((one) => typeof one === 'number' && one < 1)) throw call.fail('its result is empty')
  if (mode === 'constant') return paddedBy(call, draft, x, both, shape, value)
  if (!['reflect', 'edge', 'wrap'].includes(mode)) throw call.fail(`its mode '${mode}' is not supported`)
  if (both.flat().some((one) => one < 0)) throw call.fail(`negative pads in the mode '${mode}' are not supported`)
  return mirrored(call, draft, x, both, mode)
}

function paddedBy(
  call: OnnxCall,
  draft: OnnxDraft,
  x: NodeValue,
  both: [number, number][],
  shape: Dim[],
  value: number
) {
  const padding = [...both].reverse().flat()
  while (padding.length > 0 && padding.at(-1) === 0 && padding.at(-2) === 0) padding.length -= 2
  const filled = Number.isFinite(value) ? value : Math.sign(value) * 3.4e38
  return draft.add(call, 'pad', [x], shape, { padding, mode: 'constant', value: filled }, {}, '', x.dtype)
}

/** Padding with the input's own values: PyTorch's where it has it for these axes, else by index, axis after axis. */
function mirrored(call: OnnxCall, draft: OnnxDraft, x: NodeValue, both: [number, number][], mode: string): NodeValue {
  const rank = x.shape.length
  const spatial = both.slice(2)
  const sizes = x.shape.slice(2)
  const isInside = both.slice(0, 2).every((one) => one[0] === 0 && one[1] === 0)
  const isGrowing = spatial.flat().every((one) => one >= 0)
  const reaches = (most: (size: number) => number) =>
    sizes.every((size, i) => typeof size !== 'number' || spatial[i]!.every((one) => one <= most(size)))
  const isOurs = mode === 'edge' || (mode === 'reflect' && reaches((size) => size - 1))
  if (rank >= 3 && rank <= 5 && isInside && isGrowing && isOurs) {
    const shape = x.shape.map((size, i) => plus(size, both[i]![0] + both[i]![1]))
    const padding = [...spatial].reverse().flat()
    return draft.add(call, 'pad', [x], shape, { padding, mode: mode === 'edge' ? 'replicate' : 'reflect', value: 0 })
  }
  let result = x
  both.forEach(([before, after], dim) => {
    if (before === 0 && after === 0) return
    const size = result.shape[dim]!
    if (typeof size !== 'number') throw call.fail('it pads an axis of unknown size')
    const cells = Array.from({ length: size + before + after }, (_, i) => mirror(i - before, size, mode))
    result = chosen(call, draft, result, dim, cells)
  })
  return result
}

function mirror(cell: number, size: number, mode: string): number {
  if (mode === 'edge') return Math.min(Math.max(cell, 0), size - 1)
  if (mode === 'wrap') return ((cell % size) + size) % size
  if (size === 1) return 0
  const period = 2 * (size - 1)
  const folded = ((cell % period) + period) % period
  return folded < size ? folded : period - folded
}

/** Cut or padded around the centre to a shape. */
const centerCropPad: Operator = (call, draft) => {
  let x = nodeInput(call, draft)
  const target = call.numbers(1) ?? []
  const axes = (call.ints('axes') ?? x.shape.map((_, i) => i)).map((axis) => call.fromFront(axis, x.shape.length))
  axes.forEach((dim, i) => {
    const [size, wanted] = [x.shape[dim]!, target[i]!]
    if (typeof size !== 'number') throw call.fail('it cuts an axis of unknown size')
    if (size > wanted) {
      const start = Math.floor((size - wanted) / 2)
      x = ranged(call, draft, x, dim, start, start + wanted)
    } else if (size < wanted) {
      call.mixes(x, dim)
      const before = Math.floor((wanted - size) / 2)
      const both = x.shape.map((_, k): [number, number] => (k === dim ? [before, wanted - size - before] : [0, 0]))
      x = paddedBy(call, draft, x, both, x.shape.with(dim, wanted), 0)
    }
  })
  return x
}

/** Operators that put values around others, or cut them off. */
export const PAD: Record<string, Operator> = {
  Pad: pad,
  CenterCropPad: centerCropPad
}
