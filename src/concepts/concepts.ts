import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { LrpError } from '../core/errors.js'
import { writeAtomic } from '../core/files.js'
import { checkOptions } from '../core/options.js'
import { unknownName } from '../core/suggest.js'
import type { Tensor } from '../core/tensor.js'
import { rulesByNode } from '../explain/summary.js'
import type { Model } from '../model/model.js'
import { provenanceOf } from '../model/provenance.js'
import { atlasOf } from './atlas.js'
import { measureInPasses, type PassEntry } from './measure.js'
import { conceptsOptions, type ConceptsOptions } from './options.js'
import { conceptsPage } from './page.js'
import type { ConceptsResult } from './result.js'
import { openJournal, openStudy } from './study.js'
import { measureChannels, topChannels } from './top-channels.js'

/**
 * The concepts of a layer (Achtibat et al. 2023): for every class the channels with the largest share of its relevance, each
 * with the images that maximise it; for one image an atlas. Images come in passes; a stopped run continues.
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
  const { log, done } = await openJournal<PassEntry>(study, '.concepts.jsonl')
  const rows = join(folder, '.concepts.f32')
  const measured = await measureInPasses(
    { log, done, path: rows },
    total,
    (from, to) => measureChannels(study, from, to, { by, measure }),
    options.onProgress
  )
  const found = await topChannels(measured, { wanted, top, samples }).finally(() => measured.rows.close())
  const classes = found.map(({ target: number, images: count, channels }) => ({
    class: model.className(number),
    images: count,
    channels: channels.map(({ samples: best, ...rest }) => ({
      ...rest,
      samples: best.map(({ image: place, ...value }) => ({ image: names[place]!, ...value }))
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
  await rm(rows, { force: true })
  return { result, folder, files }
}

function classOf(model: Model, name: string): number {
  if (/^\d+$/.test(name) && !model.classes?.includes(name)) return Number(name)
  const place = model.classes?.indexOf(name) ?? -1
  if (place < 0) throw unknownName('class', name, model.classes ?? [])
  return place
}
