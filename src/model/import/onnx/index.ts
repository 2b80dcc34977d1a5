import { basename, extname } from 'node:path'
import type { Layout, ModelParts } from '../../../core/graph.js'
import type { StateDict } from '../../../core/tensor.js'
import { channelsFirst } from '../channels-first.js'
import type { GivenInputs } from '../inputs.js'
import { materialise } from './constant.js'
import { readOnnx } from './file.js'
import { translate } from './translate.js'

/**
 * Reads an `.onnx` file, graph and weights, opsets 7 to 28. What the file computes from shapes and weights alone is
 * computed here; activations and norms that exporters take apart are put together again. Axis 0 of the input is the
 * batch; a file for a fixed number of images runs with any number, unless it mixes images.
 * @param how channels, height, width where the file leaves them open; the layout where it is not to be recognised; of several
 *   inputs, which one is explained and arrays for the others
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
  const about = { ...(takesBytes && { takesBytes }), ...(notes.length > 0 && { notes }) }
  const parts = { name: basename(path, extname(path)), graph, tensors, ...about }
  return layout === 'nhwc' ? channelsFirst(parts) : parts
}
