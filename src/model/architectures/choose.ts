import type { Architecture } from '../builder.js'
import { buildLayers, readLayers, type Layer } from '../layers.js'
import { buildArchitecture } from './index.js'
import type { ArchitectureOptions } from './mlp.js'

/**
 * A network by name, from a JSON file with a list of layers, or from such a list.
 * @throws LrpError INVALID_ARGUMENT for an unknown name or a network that does not match together, NOT_FOUND, INVALID_FILE
 */
export async function chooseArchitecture(model: string | Layer[], options: ArchitectureOptions): Promise<Architecture> {
  if (typeof model !== 'string') return buildLayers(model, options)
  if (!model.endsWith('.json')) return buildArchitecture(model, options)
  const { name, layers } = await readLayers(model)
  return buildLayers(layers, options, name)
}
