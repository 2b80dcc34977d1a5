import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { LrpError } from '../core/errors.js'
import { checkOptions } from '../core/options.js'
import { unknownClass } from '../core/suggest.js'
import type { Tensor } from '../core/tensor.js'
import type { Model } from '../model/model.js'
import { ResultFolder } from '../plot/result-folder.js'
import { atlasOf } from './atlas.js'
import { measureInPasses, type PassEntry } from './measure.js'
import { conceptsOptions, type ConceptsOptions } from './options.js'
import { conceptsPage } from './page.js'
import type { ConceptsResult } from './result.js'
import { headOf, openJournal, openStudy } from './study.js'
import { measureChannels, topChannels } from './top-channels.js'

/**
 * Finds the concepts of a layer (Achtibat et al. 2023). For every predicted class, it lists the channels with the
 * largest share of the relevance, each with its reference samples. For one image, it computes an atlas. It reads the
 * images in passes; the same call continues a stopped run.
 * @throws LrpError INVALID_ARGUMENT, NOT_FOUND, INVALID_FILE, IO, ABORTED
 */
export async function concepts(
  model: Model,
  given: ConceptsOptions = {}
): Promise<{ result: ConceptsResult; folder: string; files: string[] }> {
  const options = checkOptions(conceptsOptions, given)
  const { by, measure, top, samples, image } = options
  const study = await openStudy(model, 'concepts', conceptsOptions, options, 'epsilon-plus')
  const { dataset, names, how, layer, folder, read } = study
  const total = names.length
  if (image >= total)
    throw new LrpError('INVALID_ARGUMENT', `image ${image} does not exist: images are numbered 0 to ${total - 1}`)
  const wanted = options.class === undefined ? undefined : classOf(dataset.classes, options.class)
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
    class: dataset.classes[number]!,
    images: count,
    channels: channels.map(({ samples: best, ...rest }) => ({
      ...rest,
      samples: best.map(({ image: place, ...value }) => ({ image: names[place]!, ...value }))
    }))
  }))
  const target = await read(image, image + 1)
  const atlas = await atlasOf(model, target, { image: names[image]!, classes: dataset.classes, layer, how })
  const result: ConceptsResult = {
    ...(await headOf(study, options)),
    by,
    measure,
    images: total,
    classes,
    atlas
  }
  const places = new Map(names.map((name, i) => [name, i]))
  const readNamed = (name: string): Promise<Tensor> => read(places.get(name)!, places.get(name)! + 1)
  const out = new ResultFolder(folder)
  await out.json('concepts.json', result)
  await out.write('concepts.html', await conceptsPage(model, result, { read: readNamed, how, image: target }))
  await log.remove()
  await rm(rows, { force: true })
  return { result, folder, files: out.files }
}

/** Number of a class that is given by name or number. */
function classOf(names: string[], name: string): number {
  const place = names.indexOf(name)
  if (place >= 0) return place
  if (/^\d+$/.test(name) && Number(name) < names.length) return Number(name)
  throw unknownClass(name, names, 'class')
}
