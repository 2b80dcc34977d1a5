import type { AttributeResult, LayerConservation } from '../native.js'
import { sizeOf, type Tensor } from '../tensor.js'

/** Rows `from` to `to` of a batch, over the same memory. */
export function sliceBatch(tensor: Tensor, from: number, to: number): Tensor {
  const image = sizeOf(tensor.shape.slice(1))
  return { data: tensor.data.subarray(from * image, to * image), shape: [to - from, ...tensor.shape.slice(1)] }
}

/** Results of consecutive batches as one. */
export function concatenate(parts: AttributeResult[]): AttributeResult {
  if (parts.length === 1) return parts[0]!
  const first = parts[0]!
  const rows = first.targets.length / first.logits.shape[0]!
  const stacked = first.relevance.shape.length > 0 && isStacked(first)
  const layers = Object.keys(first.layers)
  return {
    relevance: joinAlong(
      parts.map((part) => part.relevance),
      stacked ? 1 : 0
    ),
    logits: joinAlong(
      parts.map((part) => part.logits),
      0
    ),
    targets: joinTargets(parts, rows),
    layers: Object.fromEntries(
      layers.map((name) => [
        name,
        joinAlong(
          parts.map((part) => part.layers[name]!),
          stacked ? 1 : 0
        )
      ])
    ),
    conservation: first.conservation.map((layer, i) =>
      joinConservation(
        layer.node,
        parts.map((part) => part.conservation[i]!)
      )
    )
  }
}

/** Whether the maps carry a leading axis of targets. */
function isStacked(part: AttributeResult): boolean {
  const batch = part.logits.shape[0]!
  const rows = part.targets.length / batch
  return rows > 1 && part.relevance.shape[0] === rows && part.relevance.shape[1] === batch
}

function joinAlong(tensors: Tensor[], axis: 0 | 1): Tensor {
  const shape = [...tensors[0]!.shape]
  shape[axis] = tensors.reduce((sum, tensor) => sum + tensor.shape[axis]!, 0)
  const data = new Float32Array(sizeOf(shape))
  const outer = axis === 0 ? 1 : shape[0]!
  let at = 0
  for (let row = 0; row < outer; row++) {
    for (const tensor of tensors) {
      const chunk = tensor.data.length / outer
      data.set(tensor.data.subarray(row * chunk, (row + 1) * chunk), at)
      at += chunk
    }
  }
  return { data, shape }
}

function joinTargets(parts: AttributeResult[], rows: number): Int32Array {
  const total = parts.reduce((sum, part) => sum + part.logits.shape[0]!, 0)
  const result = new Int32Array(rows * total)
  let at = 0
  for (let row = 0; row < rows; row++) {
    for (const part of parts) {
      const batch = part.logits.shape[0]!
      result.set(part.targets.subarray(row * batch, (row + 1) * batch), at)
      at += batch
    }
  }
  return result
}

function joinConservation(node: string, parts: LayerConservation[]): LayerConservation {
  const join = (key: 'arriving' | 'handedOn' | 'absorbedByBias' | 'absorbedByStabiliser'): Float64Array =>
    Float64Array.from(parts.flatMap((part) => [...part[key]]))
  return {
    node,
    arriving: join('arriving'),
    handedOn: join('handedOn'),
    absorbedByBias: join('absorbedByBias'),
    absorbedByStabiliser: join('absorbedByStabiliser')
  }
}
