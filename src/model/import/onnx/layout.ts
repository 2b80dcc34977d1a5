import type { OnnxFile } from './file.js'
import type { OnnxNode } from './proto.js'

/** What may stand between the input and the operator that tells the layout: scaling and padding of images. */
const PREPARES = ['Cast', 'Identity', 'Add', 'Sub', 'Mul', 'Div', 'Pad', 'Clip', 'QuantizeLinear', 'DequantizeLinear']
const ON_IMAGES = ['Conv', 'MaxPool', 'AveragePool', 'GlobalAveragePool', 'BatchNormalization', 'Resize', 'QLinearConv']
const DEEPEST = 16

/**
 * Whether a file reads its images as [batch, height, width, channels], as Keras through tf2onnx does: whatever reads the input
 * moves the channels to the front, for an operator that works on images. A single channel moves by a Reshape.
 */
export function readsChannelsLast(file: OnnxFile, input: string, axes: readonly unknown[]): boolean {
  if (axes.length !== 4) return false
  const readers = (name: string): OnnxNode[] => file.nodes.filter((node) => node.input.includes(name))
  const isPrepared = (name: string, ends: (node: OnnxNode) => boolean, depth = 0): boolean => {
    const found = readers(name)
    return (
      depth < DEEPEST &&
      found.length > 0 &&
      found.every(
        (node) => ends(node) || (PREPARES.includes(node.op_type) && isPrepared(node.output[0]!, ends, depth + 1))
      )
    )
  }
  const feedsImages = (node: OnnxNode): boolean =>
    isPrepared(node.output[0]!, ({ op_type: op }) => ON_IMAGES.includes(op))
  return isPrepared(input, (node) => (isTurn(node) || isSqueezedTurn(file, node, axes)) && feedsImages(node))
}

function isTurn({ op_type: op, attribute }: OnnxNode): boolean {
  return op === 'Transpose' && attribute.find(({ name }) => name === 'perm')?.ints.join() === '0,3,1,2'
}

/** [N, H, W, 1] to [N, 1, H, W]. */
function isSqueezedTurn({ tensors }: OnnxFile, { op_type: op, input }: OnnxNode, axes: readonly unknown[]): boolean {
  const shape = op === 'Reshape' && axes[3] === 1 ? tensors.get(input[1]!) : undefined
  if (shape?.dtype !== 'i64' || shape.shape[0] !== 4) return false
  const bytes = new DataView(shape.data.buffer, shape.data.byteOffset, shape.data.byteLength)
  const target = [0, 1, 2, 3].map((i) => Number(bytes.getBigInt64(8 * i, true)))
  return target[1] === 1 && [2, 3].every((i) => target[i] === axes[i - 1] || target[i] === -1)
}
