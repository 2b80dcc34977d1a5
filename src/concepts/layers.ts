import { LrpError } from '../core/errors.js'
import { unknownName } from '../core/suggest.js'
import type { Model } from '../model/model.js'
import { kindOf } from '../rules/treatment.js'

/**
 * The deepest layer whose channels can be concepts: the last convolution, else the last dense layer before the output. Where
 * attention follows the convolutions, as in a vision transformer, they only cut the image into patches and do not count.
 */
export function conceptLayer(model: Model): string {
  const layer = weightedLayers(model).at(-1)
  if (layer === undefined) throw new LrpError('UNSUPPORTED', 'the model has no layer whose channels could be concepts')
  return layer
}

/** Convolutions behind the last attention in order of execution, else dense layers without the output. */
function weightedLayers({ graph: { nodes, output } }: Model): string[] {
  const kinds = nodes.map(kindOf)
  const attention = nodes.findLastIndex(({ name }, i) => kinds[i] === 'attention' && name !== output)
  const convolutions = nodes.filter((_, i) => i > attention && kinds[i] === 'convolution')
  const dense = nodes.filter((_, i) => kinds[i] === 'linear')
  const inner = dense.filter(({ name }) => name !== output)
  return [convolutions, inner, dense].find((some) => some.length > 0)?.map(({ name }) => name) ?? []
}

/** Layers from the first to a given one, evenly spread and limited in number: the path along which concepts are followed. */
export function pathTo(model: Model, layer: string, most: number): string[] {
  const all = weightedLayers(model)
  const before = all.slice(0, all.indexOf(layer) + 1)
  if (before.length <= most) return before.length > 0 ? before : [layer]
  return Array.from({ length: most }, (_, i) => before[Math.round((i * (before.length - 1)) / (most - 1))]!)
}

/** @throws LrpError NOT_FOUND with the nearest name */
export function checkLayer(model: Model, layer: string): void {
  const names = model.graph.nodes.map(({ name }) => name)
  if (!names.includes(layer)) throw unknownName('layer', layer, names)
}
