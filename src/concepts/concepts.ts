import { join } from 'node:path'
import { LrpError } from '../core/errors.js'
import { writeAtomic } from '../core/files.js'
import { checkOptions } from '../core/options.js'
import { unknownName } from '../core/suggest.js'
import type { Tensor } from '../core/tensor.js'
import { explain } from '../explain/explain.js'
import type { ChannelValues } from '../native/addon.js'
import { rulesByNode } from '../explain/summary.js'
import type { Model } from '../model/model.js'
import { provenanceOf } from '../model/provenance.js'
import { atlasOf } from './atlas.js'
import { conceptsOptions, type ConceptsOptions } from './options.js'
import { conceptsPage } from './page.js'
import type { ConceptsResult } from './result.js'
import { ReferenceSamples, type Measure, type ReferenceSample } from './reference-samples.js'
import { openJournal, openStudy } from './study.js'

const PASS = 256

/** What a class has shown so far. */
interface ClassState {
  images: number
  shares: number[]
  best: ReferenceSample[][]
}

type State = Record<number, ClassState>

/**
 * The concepts of a layer (Achtibat et al. 2023): for every class the channels with the largest share of its relevance, each
 * with the images that maximise it; for one image an atlas. Images come in passes; a stopped run goes on.
 * @throws LrpError INVALID_ARGUMENT, NOT_FOUND, INVALID_FILE, IO, ABORTED
 */
export async function concepts(
  model: Model,
  given: ConceptsOptions = {}
): Promise<{ result: ConceptsResult; folder: string; files: string[] }> {
  const options = checkOptions(conceptsOptions, given)
  const { by, measure, top, samples, image } = options
  const study = await openStudy(model, 'concepts', conceptsOptions, options, 'epsilon-plus')
  const { dataset, split, names, how, rule, layer, folder, read } = study
  const total = names.length
  if (image >= total) throw new LrpError('INVALID_ARGUMENT', `there are the images 0 to ${total - 1}, not ${image}`)
  const wanted = options.class === undefined ? undefined : classOf(model, options.class)
  const { log, done } = await openJournal<{ to: number; state: State }>(study, '.concepts.jsonl')
  const state: State = done.at(-1)?.state ?? {}
  for (let from = done.at(-1)?.to ?? 0; from < total; from += PASS) {
    const to = Math.min(total, from + PASS)
    const { targets, channels } = await explain(model, await read(from, to), { ...how, channelLayers: [layer] })
    const { relevance, activation } = channels[layer]!
    const ranked = by === 'relevance' ? relevance : activation
    for (const target of new Set(targets)) {
      const rows = Array.from(targets.keys()).filter((i) => targets[i] === target)
      state[target] = added(state[target], relevance.sum, ranked, rows, from, { measure, count: samples })
    }
    await log.add({ to, state })
    options.onProgress?.(to, total)
  }
  const classes = Object.entries(state)
    .filter(([target]) => wanted === undefined || Number(target) === wanted)
    .map(([target, one]) => ({
      class: model.className(Number(target)),
      images: one.images,
      channels: topChannels(one, top).map(({ channel, relevance }) => ({
        channel,
        relevance,
        samples: one.best[channel]!.map(({ image: place, ...rest }) => ({ image: names[place]!, ...rest }))
      }))
    }))
  const target = await read(image, image + 1)
  const atlas = await atlasOf(model, target, names[image]!, layer, how)
  const result: ConceptsResult = {
    version: 1,
    model: model.name,
    data: options.dataPath ?? dataset.name,
    split,
    rule,
    layer,
    by,
    measure,
    images: total,
    classes,
    atlas,
    rules: rulesByNode(study.rules),
    provenance: await provenanceOf(model)
  }
  const places = new Map(names.map((name, i) => [name, i]))
  const readNamed = (name: string): Promise<Tensor> => read(places.get(name)!, places.get(name)! + 1)
  const files = ['concepts.json', 'concepts.html'].map((name) => join(folder, name))
  await writeAtomic(files[0]!, JSON.stringify(result, null, 2) + '\n')
  await writeAtomic(files[1]!, await conceptsPage(model, result, { read: readNamed, how, image: target }))
  await log.remove()
  return { result, folder, files }
}

function classOf(model: Model, name: string): number {
  if (/^\d+$/.test(name) && !model.classes?.includes(name)) return Number(name)
  const place = model.classes?.indexOf(name) ?? -1
  if (place < 0) throw unknownName('class', name, model.classes ?? [])
  return place
}

/** A class with some more of its images. @param rows of its images in the pass that begins with image `from` */
function added(
  before: ClassState | undefined,
  relevance: Tensor,
  ranked: ChannelValues,
  rows: number[],
  from: number,
  { measure, count }: { measure: Measure; count: number }
): ClassState {
  const width = relevance.shape[1]!
  const shares = before?.shares ?? Array<number>(width).fill(0)
  for (const i of rows) {
    const row = relevance.data.subarray(i * width, (i + 1) * width)
    const all = row.reduce((sum, value) => sum + Math.abs(value), 0) || 1
    row.forEach((value, c) => (shares[c]! += Math.abs(value) / all))
  }
  const reference = new ReferenceSamples({ measure, count }, before?.best)
  const some = (tensor: Tensor): Tensor => ({
    data: Float32Array.from(rows.flatMap((i) => Array.from(tensor.data.subarray(i * width, (i + 1) * width)))),
    shape: [rows.length, width]
  })
  const { sum, largest, place } = ranked
  reference.add(
    { sum: some(sum), largest: some(largest), place: some(place) },
    rows.map((i) => from + i)
  )
  return { images: (before?.images ?? 0) + rows.length, shares, best: reference.best }
}

function topChannels({ shares, images }: ClassState, count: number): { channel: number; relevance: number }[] {
  return shares
    .map((share, channel) => ({ channel, relevance: share / images }))
    .sort((a, b) => b.relevance - a.relevance)
    .slice(0, count)
}
