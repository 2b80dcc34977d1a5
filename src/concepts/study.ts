import { join } from 'node:path'
import type { z } from 'zod'
import { digest } from '../core/digest.js'
import { isLrpError } from '../core/errors.js'
import { makeFolder } from '../core/files.js'
import { LineLog } from '../core/journal.js'
import { pickOptions, resumeValues } from '../core/option.js'
import type { Tensor } from '../core/tensor.js'
import type { Dataset, SplitName } from '../data/dataset.js'
import { fitTo, openFor, ownData, placesByChoice, readImages, spreadPlaces } from '../data/for-model.js'
import { imageNames, namesBelow } from '../data/image-names.js'
import { joined } from '../data/join.js'
import { planOf } from '../explain/prepare.js'
import type { ExplainOptions } from '../explain/options.js'
import { rulesByNode } from '../explain/summary.js'
import type { Model } from '../model/model.js'
import { provenanceOf } from '../model/provenance.js'
import type { NodeRule } from '../native/addon.js'
import { ruleChoice } from '../rules/options.js'
import { checkLayer, conceptLayer } from './layers.js'
import type { StudyOptions } from './options.js'

const SPLITS = ['train', 'valid', 'test'] as const

/** What `concepts` and `audit` begin with: images, how they are explained, and the layer whose channels are analysed. */
export interface Study {
  model: Model
  dataset: Dataset
  /** The one that holds the images; `all` splits are joined in `test`. */
  split: SplitName
  /** Paths below the data folder, or numbers in a larger file. */
  names: string[]
  how: ExplainOptions
  rule: string
  /** Of every node. */
  rules: NodeRule[]
  layer: string
  /** Where results go. */
  folder: string
  /** Images `from` to `to` as the network wants them. */
  read: (from: number, to: number) => Promise<Tensor>
  /** The same for every run that a stopped one can be continued by. */
  key: string
}

/**
 * @param name of the command, and of its folder
 * @throws LrpError INVALID_ARGUMENT, NOT_FOUND, INVALID_FILE, IO
 */
export async function openStudy(
  model: Model,
  name: string,
  schema: z.ZodObject,
  options: StudyOptions & { output?: string },
  usualComposite: string
): Promise<Study> {
  const { split: asked = 'test', limit, signal } = options
  const split = asked === 'all' ? 'test' : asked
  const opened = await openFor(model, options, asked === 'all' ? SPLITS : [split])
  const whole = asked === 'all' ? joined(opened) : opened
  const places = placesOf(whole.splits[split].labels, asked, limit)
  const dataset = await fitTo(model, whole, split, places)
  const images = whole.splits[split]
  const allNames = namesBelow(imageNames(images, split), images, ownData(model, options).dataPath)
  const names = places?.map((place) => allNames[place]!) ?? allNames
  const choice = pickOptions(ruleChoice, options)
  const how = { ...(Object.keys(choice).length > 0 ? choice : await usual(model, usualComposite)), signal }
  const { name: rule, rules } = await planOf(model, how)
  const layer = options.layer ?? conceptLayer(model)
  checkLayer(model, layer)
  const folder = options.output ?? model.resultFolder(name)
  await makeFolder(folder)
  const read = (from: number, to: number): Promise<Tensor> => readImages(model, dataset, split, from, to)
  const logits = (await model.forward(await read(0, 1))).data
  const settings = resumeValues(schema, { ...options, data: undefined })
  const key = digest([model.graph, rules, layer, names, logits, settings])
  return { model, dataset, split, names, how, rule, rules, layer, folder, read, key }
}

/** What the results of both say first. */
export async function headOf(
  { model, dataset, rule, rules, layer }: Study,
  { dataPath, split = 'test' }: StudyOptions
) {
  const data = dataPath ?? dataset.name
  const how = { rule, layer, rules: rulesByNode(rules), provenance: await provenanceOf(model) }
  return { version: 1 as const, model: model.name, data, split, ...how }
}

/** The composite; `auto` for a network that has layers without a rule in it, such as a transformer. */
async function usual(model: Model, composite: string): Promise<ExplainOptions> {
  try {
    await planOf(model, { composite })
    return { composite }
  } catch (error) {
    if (!isLrpError(error) || error.code !== 'UNSUPPORTED') throw error
    return { composite: 'auto' }
  }
}

/** What a stopped run of the same study has done. */
export function openJournal<Entry>(
  { folder, key }: Pick<Study, 'folder' | 'key'>,
  file: string
): Promise<{ log: LineLog<Entry>; done: Entry[] }> {
  return LineLog.open<Entry>(join(folder, file), key)
}

/** Places of the images that a limit leaves; undefined where it leaves all. Each of joined splits may be sorted by class. */
function placesOf(labels: Int32Array, split: string, limit = Infinity): number[] | undefined {
  if (limit >= labels.length) return undefined
  return split === 'all' ? spreadPlaces(labels.length, limit) : placesByChoice(labels, limit).slice(0, limit)
}
