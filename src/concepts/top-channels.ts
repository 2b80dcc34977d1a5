import type { Tensor } from '../core/tensor.js'
import { explainDecision } from '../explain/decision.js'
import { inChunks, type Measured, type Pass } from './measure.js'
import { ReferenceSamples, type Measure, type ReferenceSample } from './reference-samples.js'
import type { Study } from './study.js'

/** Numbers that are kept of each channel: its relevance, what ranks images, and the place of its largest value. */
const KEPT = 3

/** The channels of the layer for the images `from` to `to`: [images, channels, (relevance, rank, place)]. */
export async function measureChannels(
  { model, layer, how, read }: Study,
  from: number,
  to: number,
  { by, measure }: { by: 'relevance' | 'activation'; measure: Measure }
): Promise<Pass> {
  const { targets, channels } = await explainDecision(model, await read(from, to), { ...how, channelLayers: [layer] })
  const { relevance, [by]: ranking } = channels[layer]!
  const ranked = measure === 'sum' ? ranking.sum : ranking.largest
  const rows = new Float32Array(KEPT * relevance.sum.data.length)
  relevance.sum.data.forEach((value, i) => {
    rows[KEPT * i] = value
    rows[KEPT * i + 1] = ranked.data[i]!
    rows[KEPT * i + 2] = ranking.place.data[i]!
  })
  return { predicted: targets, rows }
}

/** The strongest channels of one class. */
export interface ClassChannels {
  target: number
  images: number
  channels: { channel: number; relevance: number; samples: ReferenceSample[] }[]
}

/** The channels with the largest share of the relevance of each class, with the images that they rank highest. */
export async function topChannels(
  measured: Measured,
  { wanted, top, samples }: { wanted?: number; top: number; samples: number }
): Promise<ClassChannels[]> {
  const { predicted, width } = measured
  const shares = new Map<number, { images: number; sums: Float64Array }>()
  for await (const [from, data] of inChunks(measured))
    for (let i = 0; i * width < data.length; i++) {
      const target = predicted[from + i]!
      if (wanted !== undefined && target !== wanted) continue
      const one = shares.get(target) ?? { images: 0, sums: new Float64Array(width / KEPT) }
      shares.set(target, one)
      one.images++
      addShares(one.sums, data.subarray(i * width, (i + 1) * width))
    }
  const classes = [...shares].sort(([a], [b]) => a - b).map(([target, one]) => ({ target, ...strongest(one, top) }))
  const places = new Map(classes.map(({ target }, i) => [target, i]))
  const references = classes.map(() => new ReferenceSamples({ count: samples }))
  for await (const [from, data] of inChunks(measured))
    for (let i = 0; i * width < data.length; i++) {
      const place = places.get(predicted[from + i]!)
      if (place === undefined) continue
      const pick = (which: number): Tensor => ({
        data: Float32Array.from(classes[place]!.channels, ({ channel }) => data[i * width + KEPT * channel + which]!),
        shape: [1, classes[place]!.channels.length]
      })
      references[place]!.add({ sum: pick(1), largest: pick(1), place: pick(2) }, [from + i])
    }
  return classes.map(({ channels, ...rest }, i) => ({
    ...rest,
    channels: channels.map((one, c) => ({ ...one, samples: references[i]!.best[c]! }))
  }))
}

/** Adds each channel's share of the magnitudes of one image. */
function addShares(sums: Float64Array, row: Float32Array): void {
  let all = 0
  for (let c = 0; c < sums.length; c++) all += Math.abs(row[KEPT * c]!)
  if (all > 0) for (let c = 0; c < sums.length; c++) sums[c]! += Math.abs(row[KEPT * c]!) / all
}

function strongest(
  { images, sums }: { images: number; sums: Float64Array },
  count: number
): { images: number; channels: { channel: number; relevance: number }[] } {
  const channels = Array.from(sums, (sum, channel) => ({ channel, relevance: sum / images }))
  return { images, channels: channels.sort((a, b) => b.relevance - a.relevance).slice(0, count) }
}
