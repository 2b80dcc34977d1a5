import { LrpError } from '../core/errors.js'
import type { Graph, Precision } from '../core/graph.js'
import type { Tensor } from '../core/tensor.js'
import { tokenLookups } from './input-kind.js'

/** Whether a value has the form of a graph; its nodes are not checked. */
export function isGraph(graph: Graph | null | undefined): boolean {
  const isNode = (node: unknown): boolean => typeof node === 'object' && node !== null
  return Array.isArray(graph?.nodes) && Array.isArray(graph.inputShape) && graph.nodes.every(isNode)
}

/** @throws LrpError INVALID_ARGUMENT for what is not a tensor */
export function checkTensor(input: Tensor | null | undefined): void {
  if (!Array.isArray(input?.shape) || !ArrayBuffer.isView(input.data))
    throw new LrpError(
      'INVALID_ARGUMENT',
      'the input must be a tensor, such as { data: Float32Array, shape: [batch, ...] }'
    )
}

/** @throws LrpError INVALID_ARGUMENT for what is not a model */
export function checkModel(model: unknown): void {
  const handle = (model as { handle?: { attribute?: unknown } } | null | undefined)?.handle
  if (typeof handle?.attribute !== 'function')
    throw new LrpError('INVALID_ARGUMENT', 'the first argument must be a Model')
}

/** Half precision has no place for most numbers of tokens: another word would be looked up. */
export function checkTokens(graph: Graph, precision: Precision): void {
  if ((precision === 'bf16' || precision === 'fp16') && tokenLookups(graph).length > 0)
    throw new LrpError('UNSUPPORTED', `tokens are integers, which ${precision} cannot represent: use fp32 or fp64`)
}
