import type { GraphNode } from '../../../core/graph.js'
import type { NodeValue, OnnxCall, Value } from './call.js'
import type { OnnxDraft } from './onnx-draft.js'

/**
 * A division that completes a layer norm, (x - mean(x)) / sqrt(mean((x - mean(x))^2) + eps) over the last axes, which exporters
 * take apart: the norm takes its place, so that rules treat it as what it is. Any other value stays.
 */
export function asLayerNorm(call: OnnxCall, draft: OnnxDraft, value: NodeValue): Value {
  const node = draft.nodeOf(value)
  if (node?.op !== 'div') return value
  const [difference, root] = node.inputs.map((name) => draft.named(name))
  const shifted = root?.op === 'aten::sqrt' ? draft.named(root.inputs[0]!) : undefined
  const variance = shifted?.op === 'add_scalar' ? draft.named(shifted.inputs[0]!) : undefined
  const square = variance?.op === 'mean' ? draft.named(variance.inputs[0]!) : undefined
  const mean = difference?.op === 'sub' ? draft.named(difference.inputs[1]!) : undefined
  if (!difference || square?.op !== 'mul' || mean?.op !== 'mean') return value
  const x = difference.inputs[0]!
  const isSquare = square.inputs.every((name) => sameDifference(draft, name, difference))
  const axes = mean.attributes.dim as number[]
  const isLast = axes.every((axis, i) => axis === value.shape.length - axes.length + i)
  const sameAxes = axes.join() === (variance!.attributes.dim as number[]).join()
  const normalized_shape = value.shape.slice(-axes.length)
  if (!normalized_shape.every((size) => typeof size === 'number')) return value
  if (!isSquare || mean.inputs[0] !== x || !isLast || !sameAxes) return value
  draft.draft.recognised('layer_norm')
  const eps = shifted!.attributes.value
  return draft.add(call, 'layer_norm', [{ ...value, node: x }], value.shape, { normalized_shape, eps })
}

function sameDifference(draft: OnnxDraft, name: string, difference: GraphNode): boolean {
  const node = draft.named(name)
  return node === difference || (node?.op === 'sub' && node.inputs.join() === difference.inputs.join())
}
