import { existsSync, statSync } from 'node:fs'
import { join } from 'node:path'
import * as z from 'zod'
import { LrpError } from '../core/errors.js'
import { readJson } from '../core/files.js'
import { pickOptions } from '../core/option.js'
import { checkOptions } from '../core/options.js'
import { counted } from '../core/plural.js'
import { Model } from '../model/model.js'
import { loadOptions } from '../model/options.js'
import { provenanceOf } from '../model/provenance.js'
import { native } from '../native/addon.js'
import { callSchema, hashOf, sha256, type RecordedCall } from './call.js'
import { explainToFilesOptions, type ExplainToFilesOptions } from './file-options.js'
import { batchOf, openInputs } from './inputs.js'
import { inputHash } from './summary.js'
import { explainToFiles, type ExplainedFiles } from './to-files.js'

/** Options that do not change the maps, and the present paths of model and images. */
export const againOptions = z.strictObject({
  ...pick(loadOptions, ['experimentsRoot', 'device', 'onDownload']),
  ...pick(explainToFilesOptions, ['input', 'dataPath', 'output', 'format', 'group', 'onProgress', 'signal'])
})

/** Options of `explainAgain`. */
export type AgainOptions = z.input<typeof againOptions>

/** Return value of `explainAgain`. */
export interface RepeatedFiles extends ExplainedFiles {
  /** Images whose maps are not bit-identical to the recorded maps. */
  differing: string[]
}

const recordSchema = z.looseObject({
  call: callSchema,
  device: z.string(),
  images: z.array(z.looseObject({ name: z.string(), inputSha256: sha256, mapSha256: sha256 })),
  provenance: z.looseObject({ version: z.string(), modelSha256: sha256 })
})

type Recorded = z.output<typeof recordSchema>

/** Number of images that are read at the same time for the comparison. */
const TOGETHER = 16

/**
 * Repeats the explanation that an explain.json records, with the same model, images and options, and compares the maps.
 * @param path path of an explain.json, or of its folder
 * @param model current path of the model; by default the recorded path. `input` and `dataPath` are the current paths of
 * the images.
 * @param options by default, `output` is the folder of the explain.json with `-again` appended to its name
 * @throws LrpError INVALID_FILE if the model, a file or an image differs from the recorded one; NOT_FOUND; UNSUPPORTED
 * if a program passed values that the record cannot contain
 */
export async function explainAgain(
  path: string,
  model: string | undefined,
  options: AgainOptions = {}
): Promise<RepeatedFiles> {
  const given = checkOptions(againOptions, options)
  const file = existsSync(path) && statSync(path).isDirectory() ? join(path, 'explain.json') : path
  const recorded = await readRecord(file)
  const { call } = recorded
  checkFiles(file, call)
  const { onDownload } = given
  using opened = await openModel(file, recorded, model, given)
  const asked = { ...call.options, ...pickOptions(explainToFilesOptions, options) } as ExplainToFilesOptions
  const output = given.output ?? `${file.replace(/[\\/]?explain\.json$/, '') || 'explanation'}-again`
  await checkImages(file, recorded, opened, { ...asked, onDownload })
  const before = native().info().threads
  native().setThreads(call.threads)
  try {
    const result = await explainToFiles(opened, { ...asked, onDownload, output })
    const { images } = result.summary
    const differing = images.filter(({ mapSha256 }, i) => mapSha256 !== recorded.images[i]!.mapSha256)
    return { ...result, differing: differing.map(({ name }) => name) }
  } finally {
    native().setThreads(before)
  }
}

async function readRecord(file: string): Promise<Recorded> {
  const content = await readJson(file)
  const { data } = recordSchema.safeParse(content)
  if (!data) throw new LrpError('INVALID_FILE', `${file} is not an explain.json of an explanation that can be repeated`)
  const { unrecorded } = data.call
  if (unrecorded.length === 0) return data
  const which = unrecorded.map((name) => `'${name}'`).join(', ')
  throw new LrpError(
    'UNSUPPORTED',
    `the explanation of ${file} cannot be repeated: a program passed values for ${which} that no file contains`
  )
}

/** @throws LrpError NOT_FOUND, INVALID_FILE */
function checkFiles(file: string, { files }: RecordedCall): void {
  for (const [path, hash] of Object.entries(files)) {
    if (!existsSync(path)) throw new LrpError('NOT_FOUND', `the file ${path}, which ${file} names, does not exist`)
    if (hashOf(path) !== hash)
      throw new LrpError('INVALID_FILE', `the file ${path} has changed since ${file} was written`)
  }
}

async function openModel(
  file: string,
  { call, device, provenance }: Recorded,
  named: string | undefined,
  given: AgainOptions
): Promise<Model> {
  const path = named ?? call.model
  if (path === undefined)
    throw new LrpError(
      'NOT_FOUND',
      `${file} does not contain the path of the model, because a program wrote it: pass the model`
    )
  const options = { ...call.load, device, ...pickOptions(loadOptions, given) }
  const model = await Model.load(path, options).catch((error: LrpError) => {
    if (error.code !== 'NOT_FOUND' || named !== undefined) throw error
    throw new LrpError('NOT_FOUND', `the model that ${file} names, ${path}, does not exist: pass the model's new path`)
  })
  try {
    const { modelSha256: found } = await provenanceOf(await explainedPart(model, call.options))
    if (found === provenance.modelSha256) return model
    const [now, then] = [found, provenance.modelSha256].map((hash) => `${hash.slice(0, 12)}...`)
    throw new LrpError('INVALID_FILE', `${path} is not the model of ${file}: its SHA-256 is ${now}, not ${then}`)
  } catch (error) {
    model.dispose()
    throw error
  }
}

/** The model that starts from the target's head, where it has one. */
async function explainedPart(model: Model, { target }: ExplainToFilesOptions): Promise<Model> {
  const head = typeof target === 'object' && !Array.isArray(target) ? target.head : undefined
  return head === undefined ? model : model.head(head)
}

/** @throws LrpError NOT_FOUND, INVALID_FILE naming the first image that is another one */
async function checkImages(
  file: string,
  { images }: Recorded,
  model: Model,
  options: ExplainToFilesOptions
): Promise<void> {
  const inputs = await openInputs(await explainedPart(model, options), options)
  const [before, now] = [images.map(({ name }) => name), inputs.names]
  const missing = before.find((name) => !now.includes(name))
  if (missing !== undefined)
    throw new LrpError('NOT_FOUND', `the image ${missing}, which ${file} names, does not exist`)
  if (now.length !== before.length || now.some((name, i) => name !== before[i])) {
    const more = now.find((name) => !before.includes(name))
    const found = more === undefined ? 'their order differs' : `${more} is new`
    throw new LrpError('INVALID_FILE', `the ${counted(before.length, 'image')} of ${file} have changed: ${found}`)
  }
  for (let from = 0; from < now.length; from += TOGETHER) {
    const { input, names } = await batchOf(inputs, from, Math.min(now.length, from + TOGETHER))
    const other = names.findIndex((_, i) => inputHash(input, i) !== images[from + i]!.inputSha256)
    if (other >= 0)
      throw new LrpError(
        'INVALID_FILE',
        `the pixels of the image ${names[other]} have changed since ${file} was written`
      )
  }
}

function pick<T extends z.ZodObject, K extends string & keyof T['shape']>(schema: T, names: K[]): Pick<T['shape'], K> {
  return Object.fromEntries(names.map((name) => [name, schema.shape[name]])) as Pick<T['shape'], K>
}
