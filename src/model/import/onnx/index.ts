import { basename, extname } from 'node:path'
import type { Layout, ModelParts } from '../../../core/graph.js'
import type { StateDict } from '../../../core/tensor.js'
import { channelsFirst } from '../channels-first.js'
import type { GivenInputs } from '../inputs.js'
import { materialise } from './constant.js'
import { readOnnx } from './file.js'
import { translate } from './translate.js'

/**
 * Reads graph and weights of an `.onnx` file (opsets 7 to 28). It computes values that depend only on shapes and
 * weights, and fuses activations and norms that exporters write as several operators. Axis 0 of the input is the batch.
 * A file that was exported for a fixed number of images runs with any number, unless it mixes images.
 * @param how the shape (channels, height, width) if the file does not fix it; the layout if it cannot be recognised;
 * for several inputs, the explained input and arrays for the others
 * @throws LrpError INVALID_FILE, UNSUPPORTED naming node and operator, NOT_FOUND, IO
 */
export async function importOnnx(
  path: string,
  how: { inputShape?: readonly number[]; layout?: Layout } & GivenInputs = {}
): Promise<ModelParts> {
  const { graph, constants, notes, layout, takesBytes } = await translate(await readOnnx(path), how)
  const tensors: StateDict = new Map()
  for (const node of graph.nodes) {
    for (const name of Object.values(node.parameters)) tensors.set(name, await materialise(constants.get(name)!))
  }
  const about = { ...(takesBytes && { takesBytes }), ...(notes && { notes }) }
  const parts = { name: basename(path, extname(path)), graph, tensors, ...about }
  return layout === 'nhwc' ? channelsFirst(parts) : parts
}
