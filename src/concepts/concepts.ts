import { createHash } from 'node:crypto'
import { join } from 'node:path'
import { z } from 'zod'
import { LrpError } from '../core/errors.js'
import { makeFolder, writeAtomic } from '../core/files.js'
import { LineLog } from '../core/journal.js'
import { checkOptions } from '../core/options.js'
import { unknownName } from '../core/suggest.js'
import type { Tensor } from '../core/tensor.js'
import { loadImages, type Dataset, type SplitName } from '../data/dataset.js'
import { fitTo, openFor } from '../data/for-model.js'
import type { DataOptions } from '../data/options.js'
import { explain, planOf } from '../explain/explain.js'
import type { ExplainOptions } from '../explain/options.js'
import type { ChannelValues } from '../native/addon.js'
import type { Model } from '../model/model.js'
import { normaliseBytes } from '../model/preprocessing.js'
import { atlasOf } from './atlas.js'
import { checkLayer, conceptLayer } from './layers.js'
import { conceptsPage } from './page.js'
import type { ConceptsResult } from './result.js'
import { ReferenceSamples, type Measure, type ReferenceSample } from './reference-samples.js'

export interface ConceptsOptions extends Omit<DataOptions, 'data'> {
  data?: string | Dataset
  split?: SplitName
  /** Maximum number of images (all). */
  limit?: number
  rule?: string
  composite?: string
  /** Layer whose channels are looked at; by default the last convolution. */
  layer?: string
  /** Class by name or number; all by default. */
  class?: string
  /** Reference samples by relevance (`relevance`, the default) or activation. */
  by?: 'relevance' | 'activation'
  /** ... and by its sum over space (the default) or its largest value there. */
  measure?: Measure
  /** Channels of a class (5), and reference samples of a channel (8). */
  top?: number
  samples?: number
  /** Image of the atlas, by its place in the split (0). */
  image?: number
  /** Folder for `concepts.json` and `concepts.html`. */
  output: string
  onProgress?: (done: number, total: number) => void
}

const schema = z.object({
  split: z.enum(['train', 'valid', 'test']).optional(),
  limit: z.int().positive().optional(),
  rule: z.string().optional(),
  composite: z.string().optional(),
  layer: z.string().optional(),
  class: z.string().optional(),
  by: z.enum(['relevance', 'activation']).optional(),
  measure: z.enum(['sum', 'max']).optional(),
  top: z.int().positive().optional(),
  samples: z.int().positive().optional(),
  image: z.int().min(0).optional(),
  output: z.string()
})

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
  options: ConceptsOptions
): Promise<{ result: ConceptsResult; files: string[] }> {
  checkOptions(schema, options)
  const { split = 'test', by = 'relevance', measure = 'sum', top = 5, samples = 8, image = 0, output } = options
  const layer = options.layer ?? conceptLayer(model)
  checkLayer(model, layer)
  const how = explainOptions(options)
  const { name: rule, rules } = await planOf(model, how)
  const opened = typeof options.data === 'object' ? options.data : await openFor(model, dataOptions(options))
  const dataset = await fitTo(model, opened, split, options.limit)
  const total = dataset.splits[split].labels.length
  if (image >= total) throw new LrpError('INVALID_ARGUMENT', `there are the images 0 to ${total - 1}, not ${image}`)
  const wanted = options.class === undefined ? undefined : classOf(model, options.class)
  const names = dataset.splits[split].paths ?? Array.from({ length: total }, (_, i) => String(i).padStart(5, '0'))
  await makeFolder(output)
  const first = await inputOf(model, dataset, split, 0, 1)
  const logits = Array.from((await model.forward(first)).data)
  const asked = [model.graph, rules, layer, names, split, by, measure, samples, logits]
  const key = createHash('sha256').update(JSON.stringify(asked)).digest('hex')
  const { log, done } = await LineLog.open<{ to: number; state: State }>(join(output, '.concepts.jsonl'), key)
  const state: State = done.at(-1)?.state ?? {}
  for (let from = done.at(-1)?.to ?? 0; from < total; from += PASS) {
    const to = Math.min(total, from + PASS)
    const input = await inputOf(model, dataset, split, from, to)
    const { targets, channels } = await explain(model, input, { ...how, channelLayers: [layer] })
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
  const target = await inputOf(model, dataset, split, image, image + 1)
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
    atlas
  }
  const places = new Map(names.map((name, i) => [name, i]))
  const read = (name: string): Promise<Tensor> => {
    const place = places.get(name)!
    return inputOf(model, dataset, split, place, place + 1)
  }
  const files = ['concepts.json', 'concepts.html'].map((name) => join(output, name))
  await writeAtomic(files[0]!, JSON.stringify(result, null, 2) + '\n')
  await writeAtomic(files[1]!, await conceptsPage(model, result, { read, how, image: target }))
  await log.remove()
  return { result, files }
}

function dataOptions(options: ConceptsOptions): DataOptions {
  const own = ['split', 'limit', 'rule', 'composite', 'layer', 'class', 'by', 'measure', 'top', 'samples', 'image']
  const rest = Object.entries(options).filter(([name]) => ![...own, 'output', 'onProgress'].includes(name))
  return Object.fromEntries(rest) as DataOptions
}

function explainOptions({ rule, composite, signal }: ConceptsOptions): ExplainOptions {
  if (rule !== undefined && composite !== undefined)
    throw new LrpError('INVALID_ARGUMENT', 'give a rule or a composite, not both')
  return { signal, ...(rule !== undefined ? { rule } : { composite: composite ?? 'epsilon-plus' }) }
}

function classOf(model: Model, name: string): number {
  if (/^\d+$/.test(name) && !model.classes?.includes(name)) return Number(name)
  const place = model.classes?.indexOf(name) ?? -1
  if (place < 0) throw unknownName('class', name, model.classes ?? [])
  return place
}

async function inputOf(model: Model, dataset: Dataset, split: SplitName, from: number, to: number): Promise<Tensor> {
  const { bytes, shape } = await loadImages(dataset, split, from, to)
  return normaliseBytes(bytes, shape, model.preprocessing!)
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
