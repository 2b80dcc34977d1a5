import { windowed } from '../../shapes.js'
import type { NodeValue, OnnxCall } from './call.js'
import { evened, nodeInput, paddingOf, type Operator } from './linear.js'
import type { OnnxDraft } from './onnx-draft.js'

/** Below every number that a network computes, and still a number that a JSON file holds. */
const LOWEST = -3.4e38

const pool =
  (kind: 'max' | 'avg'): Operator =>
  (call, draft) => {
    const input = nodeInput(call)
    const spatial = input.shape.slice(2)
    const kernel_size = call.ints('kernel_shape') ?? []
    if (kernel_size.length !== spatial.length || call.node.output.length > 1) throw call.fail('its window is not known')
    const stride = call.ints('strides') ?? spatial.map(() => 1)
    const dilation = call.ints('dilations') ?? spatial.map(() => 1)
    const padded = call.int('count_include_pad', 0) === 1
    const pads = paddingOf(call, spatial, kernel_size, stride, dilation)
    const isEven = pads.begin.join() === pads.end.join()
    if (kind === 'avg' && ((!isEven && !padded) || dilation.some((one) => one !== 1))) {
      throw call.fail('padding that is not counted must be the same on both sides, and dilation 1')
    }
    const { x, padding } = evened(call, draft, input, pads, kind === 'max' ? LOWEST : 0)
    const ceil_mode = call.int('ceil_mode', 0) === 1
    const attributes = { kernel_size, stride, padding, ceil_mode }
    const shape = [...x.shape.slice(0, 2), ...windowed('pool', x.shape.slice(2), { ...attributes, dilation })]
    const own = kind === 'max' ? { dilation } : { count_include_pad: padded }
    return draft.add(call, `${kind}_pool${spatial.length}d`, [x], shape, { ...attributes, ...own })
  }

function globalPool(call: OnnxCall, draft: OnnxDraft, kind: string, x: NodeValue): NodeValue {
  const ones = x.shape.slice(2).map(() => 1)
  const op = `adaptive_${kind}_pool${ones.length}d`
  return draft.add(call, op, [x], [...x.shape.slice(0, 2), ...ones], { output_size: ones })
}

const reduction =
  (op: 'mean' | 'sum'): Operator =>
  (call, draft) => {
    const x = nodeInput(call)
    const rank = x.shape.length
    const axes = call.axes(1, rank)?.sort((a, b) => a - b) ?? x.shape.map((_, i) => i)
    if (axes.includes(0)) throw call.fail('it reduces the batch')
    const keepdim = call.int('keepdims', 1) === 1
    const shape = x.shape.map((size, i) => (axes.includes(i) ? 1 : size)).filter((_, i) => keepdim || !axes.includes(i))
    const isGlobal =
      op === 'mean' &&
      rank >= 4 &&
      rank <= 5 &&
      axes.join() === Array.from({ length: rank - 2 }, (_, i) => i + 2).join()
    if (isGlobal) return draft.reshape(call, globalPool(call, draft, 'avg', x), shape)
    return draft.add(call, op, [x], shape, { dim: axes, keepdim })
  }

export const POOL: Record<string, Operator> = {
  MaxPool: pool('max'),
  AveragePool: pool('avg'),
  GlobalAveragePool: (call, draft) => globalPool(call, draft, 'avg', nodeInput(call)),
  GlobalMaxPool: (call, draft) => globalPool(call, draft, 'max', nodeInput(call)),
  ReduceMean: reduction('mean'),
  ReduceSum: reduction('sum')
}
