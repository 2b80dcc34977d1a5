import { sizeOf, type RawTensor } from '../../../core/tensor.js'
import type { Handler, Plan } from './plan.js'
import type { CallReader } from './reader.js'

/** What a softmax makes 0 of: -infinity is not a weight that a file of tensors can be checked with. */
const MASKED = -3.4028234663852886e38

/** Without a mask the op; with one the products, the mask and the softmax that it is. */
export const attention: Handler = (call) => {
  const [q, k, v] = ['query', 'key', 'value'].map((name) => call.node(name)!) as [string, string, string]
  if ((call.number('dropout_p') ?? 0) !== 0)
    throw call.refused('it applies dropout: call model.eval() before the export')
  const [query, key] = [call.meta('query')!.sizes, call.meta('key')!.sizes]
  const repeats = call.literal('enable_gqa') === true ? Number(query.at(-3)) / Number(key.at(-3)) : 1
  const each = (heads: string): string | Plan =>
    repeats === 1
      ? heads
      : { op: 'aten::repeat_interleave.self_int', inputs: [heads], attributes: { repeats, dim: query.length - 3 } }
  const scale = call.number('scale')
  const hidden = maskOf(call)
  if (!hidden) return { op: 'scaled_dot_product_attention', inputs: [q, each(k), each(v)], attributes: { scale } }
  const width = query.at(-1)
  if (typeof width !== 'number' || query.length !== key.length || !Number.isInteger(repeats)) {
    throw call.refused('the shapes of its queries and keys are unknown')
  }
  const dims = key.map((_, i) => (i < key.length - 2 ? i : 2 * key.length - 3 - i))
  const turned: Plan = { op: 'permute', inputs: [each(k)], attributes: { dims } }
  const scaled: Plan = { op: 'mul_scalar', inputs: [q], attributes: { value: scale ?? 1 / Math.sqrt(width) } }
  const scores: Plan = { op: 'matmul', inputs: [scaled, turned] }
  const weights: Plan = { op: 'softmax', inputs: [hidden(scores)], attributes: { dim: -1 } }
  return { op: 'matmul', inputs: [weights, each(v)] }
}

/** What a mask makes of the scores; nothing where all may be seen. */
function maskOf(call: CallReader): ((scores: Plan) => Plan) | undefined {
  const add = (node: string) => (scores: Plan) => ({ op: 'add', inputs: [scores, node] })
  if (call.literal('is_causal') === true) return add(causal(call))
  const meta = call.meta('attn_mask')
  if (!meta) return undefined
  const [node, weight] = [call.node('attn_mask')!, call.weight('attn_mask')]
  if (meta.dtype !== 'bool') return add(node)
  const tensor = weight === undefined ? undefined : call.places.tensor(weight)
  if (tensor) {
    if (tensor.data.every((one) => one !== 0)) return undefined
    return add(
      call.places.define(
        `${weight}.additive`,
        added(tensor.shape, (i) => tensor.data[i] !== 0)
      )
    )
  }
  const hides: Plan = { op: 'aten::logical_not', inputs: [node] }
  return (scores) => ({
    op: 'aten::masked_fill.Scalar',
    inputs: [scores, hides],
    attributes: { value: MASKED, arguments: ['self', 'mask'] }
  })
}

/** A place sees itself and those before. */
function causal(call: CallReader): string {
  const [rows, columns] = [call.meta('query')!.sizes.at(-2), call.meta('key')!.sizes.at(-2)]
  if (typeof rows !== 'number' || typeof columns !== 'number') throw call.refused('its mask has no fixed size')
  const mask = added([rows, columns], (i) => i % columns <= Math.floor(i / columns))
  return call.places.define(`causal_mask_${rows}_${columns}`, mask)
}

/** What is added to the scores: 0 where the mask lets see. */
function added(shape: number[], sees: (i: number) => boolean): RawTensor {
  const values = Float32Array.from({ length: sizeOf(shape) }, (_, i) => (sees(i) ? 0 : MASKED))
  return { dtype: 'f32', shape, data: new Uint8Array(values.buffer) }
}
