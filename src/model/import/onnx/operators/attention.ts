import type { NodeValue, OnnxCall, Value } from '../call.js'
import { Constant } from '../constant.js'
import { broadcast, equal, times, type Dim } from '../dim.js'
import type { OnnxDraft } from '../onnx-draft.js'
import { asNode, binary, broadcastOf, fixed, like, nodeInput, type Operator } from './operator.js'

/** The number that hides a place from a softmax; finite, because 0 times infinity is not a number. */
const HIDDEN = -1e30

/** Queries, keys or values as [batch, heads, tokens, width]. */
function perHead(call: OnnxCall, draft: OnnxDraft, x: NodeValue, heads: number): NodeValue {
  if (x.shape.length === 4 && heads !== 0 && !equal(x.shape[1]!, heads))
    throw call.fail('its heads do not match its input')
  if (x.shape.length === 4) return x
  const [batch, tokens, width] = x.shape as [Dim, Dim, Dim]
  if (heads < 1 || typeof width !== 'number' || width % heads !== 0) throw call.fail('its heads do not match its input')
  const apart = draft.reshape(call, x, [batch, tokens, heads, width / heads])
  return turned(call, draft, apart, [0, 2, 1, 3])
}

function turned(call: OnnxCall, draft: OnnxDraft, x: NodeValue, dims: number[]): NodeValue {
  return draft.add(
    call,
    'permute',
    [x],
    dims.map((axis) => x.shape[axis]!),
    { dims },
    {},
    '',
    x.dtype
  )
}

/** Keys or values repeated for the query heads that share them. */
function shared(call: OnnxCall, draft: OnnxDraft, x: NodeValue, heads: Dim): NodeValue {
  const own = x.shape[1]!
  if (equal(own, heads)) return x
  const [many, few] = fixed(call, [heads, own], 'its heads are unknown') as [number, number]
  if (many % few !== 0) throw call.fail('its heads do not match')
  const args = { self: x, repeats: many / few, dim: 1 }
  return draft.aten(call, 'aten::repeat_interleave.self_int', args, x.shape.with(1, heads), x.dtype)
}

function appended(call: OnnxCall, draft: OnnxDraft, past: Value | undefined, x: NodeValue): NodeValue {
  if (!past) return x
  const tokens = past.shape[2]! as number
  return draft.add(call, 'cat', [past, x], x.shape.with(2, tokens + Number(x.shape[2])), { dim: 2 })
}

const attention: Operator = (call, draft) => {
  const isFlat = call.input(0).shape.length === 3
  const queryHeads = call.int('q_num_heads', 0)
  const keyHeads = call.int('kv_num_heads', 0)
  const query = perHead(call, draft, nodeInput(call, draft, 0), queryHeads)
  const presentKey = appended(call, draft, call.optional(4), perHead(call, draft, nodeInput(call, draft, 1), keyHeads))
  const presentValue = appended(
    call,
    draft,
    call.optional(5),
    perHead(call, draft, nodeInput(call, draft, 2), keyHeads)
  )
  call.ignore('softmax_precision')
  const scale = call.float('scale', 0)
  const cap = call.float('softcap', 0)
  const shows = call.int('qk_matmul_output_mode', 0)
  const isCausal = call.flag('is_causal')
  const key = shared(call, draft, presentKey, query.shape[1]!)
  const value = shared(call, draft, presentValue, query.shape[1]!)
  const width = fixed(call, [query.shape[3]!], 'its width is unknown')[0]!
  const factor = scale || 1 / Math.sqrt(width)
  const { mask, hides } = maskOf(call, draft, query, key, isCausal)
  const shape = [...query.shape.slice(0, 3), value.shape[3]!]
  let y: NodeValue
  let shown: NodeValue | undefined
  if (!mask && !cap && !call.readOutputs.has(3)) {
    y = draft.add(call, 'scaled_dot_product_attention', [query, key, value], shape, { scale: factor })
  } else {
    const keys = turned(call, draft, key, [0, 1, 3, 2])
    const scores = [...query.shape.slice(0, 3), key.shape[2]!]
    const raw = draft.add(call, 'matmul', [query, keys], scores)
    const scaled = draft.add(call, 'mul_scalar', [raw], scores, { value: factor })
    const capped = cap ? softCapped(call, draft, scaled, cap) : scaled
    const biased = mask ? draft.add(call, 'add', [capped, mask], broadcastOf(call, capped, mask)) : capped
    let weights = draft.add(call, 'softmax', [biased], biased.shape, { dim: 3 })
    // a softmax at the very end of the network is left out, but not where the file asks for the weights themselves
    if (call.readOutputs.has(3)) weights = draft.add(call, 'identity', [weights], weights.shape)
    if (hides) weights = draft.add(call, 'mul', [weights, hides], broadcastOf(call, weights, hides))
    shown = [scaled, capped, biased, weights][shows]
    if (shows === 2 && mask) {
      const hidden = like(call, draft, biased, 'aten::le.Scalar', { other: HIDDEN / 2 }, 'bool')
      const args = { self: biased, mask: hidden, value: '-inf' }
      shown = draft.aten(call, 'aten::masked_fill.Scalar', args, biased.shape)
    }
    y = draft.add(call, 'matmul', [weights, value], shape)
  }
  const joined = isFlat
    ? draft.reshape(call, turned(call, draft, y, [0, 2, 1, 3]), [shape[0]!, shape[2]!, times(shape[1]!, shape[3]!)])
    : y
  return [joined, presentKey, presentValue, shown]
}

function softCapped(call: OnnxCall, draft: OnnxDraft, x: NodeValue, cap: number): NodeValue {
  const small = draft.add(call, 'mul_scalar', [x], x.shape, { value: 1 / cap })
  const bounded = draft.add(call, 'tanh', [small], x.shape)
  return draft.add(call, 'mul_scalar', [bounded], x.shape, { value: cap })
}

/** What is added to the scores, from the mask of the file, causality and the lengths of the sequences. */
function maskOf(call: OnnxCall, draft: OnnxDraft, query: NodeValue, key: NodeValue, isCausal: boolean) {
  const given = call.optional(3)
  const lengths = call.numbers(6)
  const [left, right] = [call.int('left_window_size', -1), call.int('right_window_size', -1)]
  let mayHideAll = lengths !== undefined || left >= 0 || right >= 0
  let mask: NodeValue | undefined
  if (given) {
    const node = asNode(draft, given)
    mayHideAll ||= node.dtype === 'bool'
    mask = node.dtype === 'bool' ? hiddenWhereFalse(call, draft, node) : node
    const [columns, keys] = [mask.shape.at(-1)!, key.shape[2]!]
    if (typeof columns === 'number' && typeof keys === 'number' && columns < keys && columns > 1) {
      const pad = [0, keys - columns]
      const shape = mask.shape.with(mask.shape.length - 1, keys)
      mask = draft.aten(call, 'aten::constant_pad_nd', { self: mask, pad, value: HIDDEN }, shape)
    }
  }
  if (isCausal || lengths || left >= 0 || right >= 0) {
    const [queries, keys] = fixed(call, [query.shape[2]!, key.shape[2]!], 'its number of tokens is unknown')
    const past = Number(call.optional(4)?.shape[2] ?? 0)
    const images = lengths ? lengths.length : 1
    const numbers: number[] = []
    for (let image = 0; image < images; image++) {
      const offset = lengths ? lengths[image]! - queries! : past
      for (let i = 0; i < queries!; i++) {
        for (let j = 0; j < keys!; j++) {
          const place = i + offset
          const isPast = (left >= 0 && j < place - left) || (right >= 0 && j > place + right)
          const hidden = isPast || (isCausal && j > place) || (lengths && j >= lengths[image]!)
          numbers.push(hidden ? HIDDEN : 0)
        }
      }
    }
    const places = Constant.of(numbers, lengths ? [images, 1, queries!, keys!] : [queries!, keys!], 'f32')
    if (!broadcast(places.shape, query.shape.with(3, keys!))) throw call.fail('its lengths do not match its batch')
    mask = mask ? binary(call, draft, 'aten::add.Tensor', mask, places) : asNode(draft, places)
  }
  return { mask, hides: mask && call.readOutputs.size > 0 && mayHideAll ? visibleRows(call, draft, mask) : undefined }
}

/** 1 for queries that see a key, 0 for those from which all keys are hidden. */
function visibleRows(call: OnnxCall, draft: OnnxDraft, mask: NodeValue): NodeValue {
  const shape = mask.shape.with(mask.shape.length - 1, 1)
  const best = draft.aten(call, 'aten::amax', { self: mask, dim: [-1], keepdim: true }, shape)
  return draft.cast(call, like(call, draft, best, 'aten::gt.Scalar', { other: HIDDEN / 2 }, 'bool'), 'f32')
}

function hiddenWhereFalse(call: OnnxCall, draft: OnnxDraft, mask: NodeValue): NodeValue {
  const hidden = like(call, draft, mask, 'aten::logical_not', {}, 'bool')
  const number = draft.cast(call, hidden, 'f32')
  return like(call, draft, number, 'aten::mul.Scalar', { other: HIDDEN })
}

/** Pairs of channels turned by an angle that depends on the position. */
const rotaryEmbedding: Operator = (call, draft) => {
  const input = nodeInput(call, draft)
  const isFlat = input.shape.length === 3
  const heads = call.int('num_heads', 0)
  const interleaved = call.flag('interleaved')
  const rotated = call.int('rotary_embedding_dim', 0)
  let x = input
  if (isFlat) {
    const width = fixed(call, [input.shape[2]!], 'its width is unknown')[0]!
    x = draft.reshape(call, input, [input.shape[0]!, input.shape[1]!, heads, width / heads])
  } else {
    if (heads !== 0 && !equal(input.shape[1]!, heads)) throw call.fail('its heads do not match its input')
    x = turned(call, draft, input, [0, 2, 1, 3])
  }
  const width = fixed(call, [x.shape[3]!], 'its width is unknown')[0]!
  const size = rotated || width
  const half = size / 2
  const [cos, sin] = [1, 2].map((i) => angles(call, draft, i)) as [NodeValue, NodeValue]
  const part = (from: NodeValue, start: number, end: number, step = 1) =>
    draft.add(call, 'slice', [from], from.shape.with(3, Math.ceil((end - start) / step)), { dim: 3, start, end, step })
  const a = interleaved ? part(x, 0, size, 2) : part(x, 0, half)
  const b = interleaved ? part(x, 1, size, 2) : part(x, half, size)
  const product = (u: NodeValue, v: NodeValue) => binary(call, draft, 'aten::mul.Tensor', u, v)
  const real = binary(call, draft, 'aten::sub.Tensor', product(a, cos), product(b, sin))
  const imaginary = binary(call, draft, 'aten::add.Tensor', product(a, sin), product(b, cos))
  let turnedPart: NodeValue
  if (interleaved) {
    const pairs = draft.aten(call, 'aten::stack', { tensors: [real, imaginary], dim: -1 }, [...a.shape, 2])
    turnedPart = draft.reshape(call, pairs, x.shape.with(3, size))
  } else turnedPart = draft.add(call, 'cat', [real, imaginary], x.shape.with(3, size), { dim: 3 })
  const whole =
    size === width ? turnedPart : draft.add(call, 'cat', [turnedPart, part(x, size, width)], x.shape, { dim: 3 })
  return isFlat ? draft.reshape(call, whole, input.shape) : turned(call, draft, whole, [0, 2, 1, 3])
}

/** Cosines or sines as [batch, tokens, 1, half]: a table read by positions, or given per token. */
function angles(call: OnnxCall, draft: OnnxDraft, input: number): NodeValue {
  const table = nodeInput(call, draft, input)
  const positions = call.optional(3)
  if (!positions) return draft.reshape(call, table, [...table.shape.slice(0, 2), 1, table.shape[2]!])
  const [batch, tokens] = positions.shape as [Dim, Dim]
  const flat = draft.reshape(call, asNode(draft, positions), [times(batch, tokens)])
  const rows = draft.aten(call, 'aten::index_select', { self: table, dim: 0, index: flat }, [
    times(batch, tokens),
    table.shape[1]!
  ])
  return draft.reshape(call, rows, [batch, tokens, 1, table.shape[1]!])
}

export const ATTENTION: Record<string, Operator> = { Attention: attention, RotaryEmbedding: rotaryEmbedding }
