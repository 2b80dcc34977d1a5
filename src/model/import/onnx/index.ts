import { basename, extname } from 'node:path'
import type { ModelParts } from '../../../core/graph.js'
import type { StateDict } from '../../../core/tensor.js'
import { materialise } from './constant.js'
import { readOnnx } from './file.js'
import { translate } from './translate.js'

/**
 * Reads an `.onnx` file, graph and weights, opsets 7 to 28. What the file computes from shapes and weights alone is
 * computed here; activations and norms that exporters take apart are put together again. Axis 0 of the input is the
 * batch; a file for a fixed number of images runs with any number, unless it mixes images.
 * @param imageShape sizes of the axes behind the batch, where the file leaves them open
 * @throws LrpError INVALID_FILE, UNSUPPORTED naming node and operator, NOT_FOUND, IO
 */
export async function importOnnx(path: string, imageShape?: readonly number[]): Promise<ModelParts> {
  const { graph, constants } = await translate(await readOnnx(path), imageShape)
  const tensors: StateDict = new Map()
  for (const node of graph.nodes) {
    for (const name of Object.values(node.parameters)) tensors.set(name, await materialise(constants.get(name)!))
  }
  return { name: basename(path, extname(path)), graph, tensors }
}
