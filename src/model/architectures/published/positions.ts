import { LrpError } from '../../../core/errors.js'
import type { AttributeValue, GraphNode } from '../../../core/graph.js'
import type { RawTensor } from '../../../core/tensor.js'
import { callNative } from '../../../native/addon.js'

type Grid = [height: number, width: number]

/**
 * Learnt positions [1, 1 + places, width], a class token's first, for a grid of another size: bicubic between the places, as the
 * library does it.
 * @throws LrpError INVALID_FILE where the positions do not match the first grid
 */
export async function interpolated(positions: RawTensor, from: Grid, to: Grid): Promise<RawTensor> {
  const [, tokens, width] = positions.shape
  const places = from[0] * from[1]
  if (positions.shape.length !== 3 || tokens !== 1 + places) {
    throw new LrpError(
      'INVALID_FILE',
      `position embeddings of shape [${positions.shape.join(', ')}] do not match a grid of ${from.join('x')} patches`
    )
  }
  const nodes: GraphNode[] = []
  const add = (name: string, op: string, inputs: string[], attributes: Record<string, AttributeValue>): string => {
    nodes.push({ name, op, inputs, attributes, parameters: {} })
    return name
  }
  nodes.push({ name: 'all', op: 'constant', inputs: [], attributes: {}, parameters: { value: 'positions' } })
  const floats = add('floats', 'aten::to.dtype', ['all'], { dtype: 'float32' })
  const token = add('token', 'slice', [floats], { dim: 1, start: 0, end: 1 })
  const patches = add('patches', 'slice', [floats], { dim: 1, start: 1, end: 1 + places })
  const grid = add('grid', 'reshape', [patches], { shape: [1, ...from, width!] })
  const image = add('image', 'permute', [grid], { dims: [0, 3, 1, 2] })
  const resized = add('resized', 'aten::upsample_bicubic2d', [image], {
    arguments: ['self'],
    output_size: to,
    align_corners: false
  })
  const turned = add('turned', 'permute', [resized], { dims: [0, 2, 3, 1] })
  const rows = add('rows', 'reshape', [turned], { shape: [1, to[0] * to[1], width!] })
  const output = add('result', 'cat', [token, rows], { dim: 1 })
  const found = await callNative((addon) =>
    addon.foldConstants({ inputShape: [null], nodes, output }, { positions }, [])
  )
  return found[output]!
}
