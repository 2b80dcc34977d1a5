import type { GraphNode } from '../../../core/graph.js'
import type { NodeValue, OnnxCall, Value } from './call.js'
import type { OnnxDraft } from './onnx-draft.js'

const near = (a: unknown, b: number) => typeof a === 'number' && Math.abs(a - b) < 1e-4

/**
 * Exporters take some activations and norms apart (GELU into an error function, SiLU into a product, layer norm into
 * nine nodes). The value just made is looked at backwards; where it completes such a pattern, one node takes
 * its place, so that rules treat the activation as what it is.
 */
export function recognise(call: OnnxCall, draft: OnnxDraft, value: Value): Value {
  const node = draft.nodeOf(value)
  if (!node || !('node' in value)) return value
  const found = gated(draft, node) ?? gelu(draft, node) ?? layerNorm(draft, node, value)
  if (!found) return value
  draft.recognised(found.op)
  const x: NodeValue = { ...value, node: found.x }
  return draft.add(call, found.op, [x], value.shape, found.attributes)
}

interface Found {
  op: string
  x: string
  attributes?: Record<string, number | number[]>
}

/** x times sigmoid(x) is silu(x); x times hardsigmoid(x) is hardswish(x). */
function gated(draft: OnnxDraft, node: GraphNode): Found | undefined {
  if (node.op !== 'mul') return undefined
  for (const [x, gate] of bothWays(node)) {
    const op = draft.named(gate)?.op
    if (draft.named(gate)?.inputs[0] !== x) continue
    if (op === 'sigmoid') return { op: 'silu', x }
    if (op === 'hardsigmoid') return { op: 'hardswish', x }
  }
  return undefined
}

/** The product of x, 1/2 and 1 + erf(x / sqrt(2)), in whatever order. */
function gelu(draft: OnnxDraft, node: GraphNode): Found | undefined {
  const { scale, others } = factors(draft, node)
  if (!near(scale, 0.5) || others.length !== 2) return undefined
  for (const [x, gate] of [others, [...others].reverse()] as [string, string][]) {
    const plusOne = draft.named(gate)
    const erf =
      plusOne?.op === 'add_scalar' && near(plusOne.attributes.value, 1) ? draft.named(plusOne.inputs[0]!) : undefined
    const scaled = erf?.op === 'aten::erf' ? draft.named(erf.inputs[0]!) : undefined
    const isScaled = scaled?.op === 'mul_scalar' && near(scaled.attributes.value, Math.SQRT1_2)
    if (isScaled && scaled.inputs[0] === x) return { op: 'gelu', x }
  }
  return undefined
}

/** What a product is made of: the number before it, and the values. */
function factors(draft: OnnxDraft, node: GraphNode): { scale: number; others: string[] } {
  const parts = node.inputs.map((name) => {
    const input = draft.named(name)
    const isProduct = input?.op === 'mul' || input?.op === 'mul_scalar'
    return isProduct && node.op.startsWith('mul') ? factors(draft, input) : { scale: 1, others: [name] }
  })
  const own = node.op === 'mul_scalar' ? (node.attributes.value as number) : 1
  return {
    scale: parts.reduce((product, part) => product * part.scale, own),
    others: parts.flatMap((part) => part.others)
  }
}

/** (x - mean(x)) / sqrt(mean((x - mean(x))^2) + eps) over the last axes. */
function layerNorm(draft: OnnxDraft, node: GraphNode, value: NodeValue): Found | undefined {
  if (node.op !== 'div') return undefined
  const [difference, root] = node.inputs.map((name) => draft.named(name))
  const shifted = root?.op === 'aten::sqrt' ? draft.named(root.inputs[0]!) : undefined
  const variance = shifted?.op === 'add_scalar' ? draft.named(shifted.inputs[0]!) : undefined
  const square = variance?.op === 'mean' ? draft.named(variance.inputs[0]!) : undefined
  const mean = difference?.op === 'sub' ? draft.named(difference.inputs[1]!) : undefined
  if (!difference || square?.op !== 'mul' || mean?.op !== 'mean') return undefined
  const x = difference.inputs[0]!
  const isSquare = square.inputs.every((name) => sameDifference(draft, name, difference))
  const axes = mean.attributes.dim as number[]
  const isLast = axes.every((axis, i) => axis === value.shape.length - axes.length + i)
  const sameAxes = axes.join() === (variance!.attributes.dim as number[]).join()
  if (!value.shape.slice(-axes.length).every((size) => typeof size === 'number')) return undefined
  if (!isSquare || mean.inputs[0] !== x || !isLast || !sameAxes) return undefined
  return {
    op: 'layer_norm',
    x,
    attributes: {
      normalized_shape: value.shape.slice(-axes.length) as number[],
      eps: shifted!.attributes.value as number
    }
  }
}

function sameDifference(draft: OnnxDraft, name: string, difference: GraphNode): boolean {
  const node = draft.named(name)
  return node === difference || (node?.op === 'sub' && node.inputs.join() === difference.inputs.join())
}

function bothWays(node: GraphNode): [string, string][] {
  const [a, b] = node.inputs as [string, string]
  return [
    [a, b],
    [b, a]
  ]
}
