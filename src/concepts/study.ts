import { join, relative, sep } from 'node:path'
import type { z } from 'zod'
import { digest } from '../core/digest.js'
import { isLrpError } from '../core/errors.js'
import { makeFolder } from '../core/files.js'
import { LineLog } from '../core/journal.js'
import { pickOptions, resumeValues } from '../core/option.js'
import type { Tensor } from '../core/tensor.js'
import type { Dataset, SplitName } from '../data/dataset.js'
import { fitTo, openFor, ownData, readImages } from '../data/for-model.js'
import { planOf } from '../explain/explain.js'
import type { ExplainOptions } from '../explain/options.js'
import { rulesByNode } from '../explain/summary.js'
import type { Model } from '../model/model.js'
import { provenanceOf } from '../model/provenance.js'
import type { NodeRule } from '../native/addon.js'
import { ruleChoice } from '../rules/options.js'
import { checkLayer, conceptLayer } from './layers.js'
import type { StudyOptions } from './options.js'

/** What `concepts` and `audit` begin with: images, how they are explained, and the layer whose channels are analysed. */
export interface Study {
  model: Model
  dataset: Dataset
  split: SplitName
  /** Paths below the data folder; numbers where images have none. */
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
  const { split = 'test', limit, signal } = options
  const dataset = await fitTo(model, await openFor(model, options, [split]), split, limit)
  const names = namesOf(dataset, split, ownData(model, options).dataPath)
  const choice = pickOptions(ruleChoice, options)
  const how = { ...(Object.keys(choice).length > 0 ? choice : await usual(model, usualComposite)), signal }
  const { name: rule, rules } = await planOf(model, how)
  const layer = options.layer ?? conceptLayer(model)
  checkLayer(model, layer)
  const folder = options.output ?? model.resultFolder(name)
  await makeFolder(folder)
  const read = (from: number, to: number): Promise<Tensor> => readImages(model, dataset, split, from, to)
  const logits = (await model.forward(await read(0, 1))).data
  const asked = resumeValues(schema, { ...options, data: undefined })
  const key = digest([model.graph, rules, layer, names, logits, asked])
  return { model, dataset, split, names, how, rule, rules, layer, folder, read, key }
}

/** What the results of both say first. */
export async function headOf({ model, dataset, split, rule, rules, layer }: Study, { dataPath }: StudyOptions) {
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
  { folder, key }: Study,
  file: string
): Promise<{ log: LineLog<Entry>; done: Entry[] }> {
  return LineLog.open<Entry>(join(folder, file), key)
}

function namesOf(dataset: Dataset, split: SplitName, folder: string | undefined): string[] {
  const { paths, labels } = dataset.splits[split]
  if (!paths) return Array.from(labels, (_, i) => `${split}/${String(i).padStart(5, '0')}`)
  return paths.map((path) => (folder === undefined ? path : relative(folder, path)).split(sep).join('/'))
}
