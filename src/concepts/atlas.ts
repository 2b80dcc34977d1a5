import type { Tensor } from '../core/tensor.js'
import { explainDecision } from '../explain/decision.js'
import { explain } from '../explain/explain.js'
import type { ExplainOptions } from '../explain/options.js'
import type { Model } from '../model/model.js'
import { sumOverChannels } from '../plot/picture.js'
import { pathTo } from './layers.js'

/** Which concept lies where in one image, and through which concepts of lower layers its relevance comes. */
export interface Atlas {
  image: string
  class: string
  /** The channels of the layer with the largest relevance, largest first. */
  channels: { channel: number; relevance: number }[]
  /** [height, width] row by row: place in `channels` of the one with the largest relevance there; -1 where none has any. */
  where: number[]
  size: [number, number]
  /** From the layer down: each channel with its share of the relevance of the one above it. */
  path: { layer: string; channel: number; above: number | null; share: number }[]
}

const CHANNELS = 6
const DEPTH = 4
/** Channels that are followed down from each layer. */
const FOLLOWED = 2

/** @param input one image [1, channels, height, width] */
export async function atlasOf(
  model: Model,
  input: Tensor,
  { image, classes, layer, how }: { image: string; classes: string[]; layer: string; how: ExplainOptions }
): Promise<Atlas> {
  const [, channels, height, width] = input.shape as [number, number, number, number]
  const whole = await explainDecision(model, input, { ...how, channelLayers: [layer] })
  const target = whole.targets[0]!
  const top = strongest(whole.channels[layer]!.relevance.sum, CHANNELS)
  const where = Array<number>(height * width).fill(-1)
  const most = new Float64Array(height * width)
  for (const [place, { channel }] of top.entries()) {
    const { relevance } = await explain(model, input, {
      ...how,
      target,
      concepts: { [layer]: [channel] },
      exclusive: true
    })
    sumOverChannels(relevance.data, [channels, height, width]).forEach((value, i) => {
      if (value > most[i]!) [most[i], where[i]] = [value, place]
    })
  }
  return {
    image,
    class: classes[target]!,
    channels: top,
    where,
    size: [height, width],
    path: await pathDown(model, input, target, layer, top, how)
  }
}

/** The strongest channels of lower layers, under the condition of those above them. */
async function pathDown(
  model: Model,
  input: Tensor,
  target: number,
  layer: string,
  top: Atlas['channels'],
  how: ExplainOptions
): Promise<Atlas['path']> {
  const layers = pathTo(model, layer, DEPTH).reverse()
  const first = top.slice(0, FOLLOWED)
  const path: Atlas['path'] = first.map(({ channel, relevance }) => ({ layer, channel, above: null, share: relevance }))
  let above = first.map(({ channel }) => ({ channel, concepts: { [layer]: [channel] } as Record<string, number[]> }))
  for (const lower of layers.slice(1)) {
    const next: typeof above = []
    for (const { channel, concepts } of above) {
      const { channels } = await explain(model, input, {
        ...how,
        target,
        concepts,
        exclusive: true,
        channelLayers: [lower]
      })
      for (const one of strongest(channels[lower]!.relevance.sum, FOLLOWED)) {
        path.push({ layer: lower, channel: one.channel, above: channel, share: one.relevance })
        if (next.length < 2 * FOLLOWED && next.every((known) => known.channel !== one.channel))
          next.push({ channel: one.channel, concepts: { ...concepts, [lower]: [one.channel] } })
      }
    }
    above = next
  }
  return path
}

/** Channels of one image by their share of the magnitudes, largest relevance first. */
function strongest({ data }: Tensor, count: number): { channel: number; relevance: number }[] {
  const all = data.reduce((sum, value) => sum + Math.abs(value), 0) || 1
  return Array.from(data, (value, channel) => ({ channel, relevance: value / all }))
    .sort((a, b) => b.relevance - a.relevance)
    .slice(0, count)
    .filter(({ relevance }) => relevance > 0)
}
