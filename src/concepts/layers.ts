import { LrpError } from '../core/errors.js'
import type { GraphNode } from '../core/graph.js'
import { unknownName } from '../core/suggest.js'
import type { Model } from '../model/model.js'
import { kindOf } from '../rules/treatment.js'

/**
 * The deepest layer whose channels can be concepts: the last convolution, else the last dense layer before the output. Where
 * attention follows the convolutions, as in a vision transformer, they only cut the image into patches and do not count.
 */
export function conceptLayer(model: Model): string {
  const { nodes, output } = model.graph
  const weighted = weightedLayers(model)
  const attention = nodes.findLastIndex((node) => kindOf(node) === 'attention' && node.name !== output)
  const behind = new Set(nodes.slice(attention + 1).filter((node) => kindOf(node) === 'convolution'))
  const layer =
    weighted.filter((node) => behind.has(node)).at(-1) ??
    weighted.filter(({ name }) => name !== output).at(-1) ??
    weighted.at(-1)
  if (layer === undefined)
    throw new LrpError('UNSUPPORTED', 'the model has no convolution or linear layer whose channels can be concepts')
  return layer.name
}

/** Convolutions and dense layers in order of execution, as far as they hold channels for each image. */
function weightedLayers({ graph: { inputShape, nodes, shapes } }: Model): GraphNode[] {
  const images = inputShape[0] ?? 1
  const hasChannels = (name: string): boolean => !shapes || (shapes[name]!.length >= 2 && shapes[name]![0] === images)
  return nodes.filter((node) => ['convolution', 'linear'].includes(kindOf(node)) && hasChannels(node.name))
}

/** Weighted layers up to a given one, evenly spread and limited in number: the path along which concepts are followed. */
export function pathTo(model: Model, layer: string, most: number): string[] {
  const order = new Map(model.graph.nodes.map(({ name }, i) => [name, i]))
  const before = weightedLayers(model)
    .map(({ name }) => name)
    .filter((name) => order.get(name)! < order.get(layer)!)
  const all = [...before, layer]
  if (all.length <= most) return all
  return Array.from({ length: most }, (_, i) => all[Math.round((i * (all.length - 1)) / (most - 1))]!)
}

/** @throws LrpError NOT_FOUND with the nearest name */
export function checkLayer(model: Model, layer: string): void {
  const names = model.graph.nodes.map(({ name }) => name)
  if (!names.includes(layer)) throw unknownName('layer', layer, names, { option: 'layer' })
}
