import { existsSync } from 'node:fs'
import { join } from 'node:path'
import * as z from 'zod'
import { LrpError } from '../core/errors.js'
import { makeFolder, readJson, writeAtomic } from '../core/files.js'
import { checkContent, checkPath } from '../core/options.js'
import { readSafetensors, writeSafetensors } from './import/safetensors.js'
import { INTERPOLATIONS, LAYOUTS, TASKS, type ModelParts } from '../core/graph.js'

const single = z.union([z.number(), z.boolean(), z.string()])
const attribute = z.union([
  single,
  z.array(z.number()),
  z.array(z.string()),
  z.array(z.union([z.number(), z.string()]))
])

/** What is left out changes nothing: colours from 0 to 1. */
export const preprocessingSchema = z
  .strictObject({
    resize: z.union([z.int().positive(), z.tuple([z.int().positive(), z.int().positive()])]).optional(),
    interpolation: z.enum(INTERPOLATIONS).optional(),
    crop: z.tuple([z.int().positive(), z.int().positive()]).optional(),
    cropRounding: z.enum(['even', 'down']).optional(),
    orient: z.boolean().optional(),
    white: z.int().min(255).max(65535).optional(),
    channels: z.union([z.literal(1), z.literal(3)]).default(3),
    channelOrder: z.enum(['rgb', 'bgr']).default('rgb'),
    scale: z.number().positive().default(1),
    mean: z.array(z.number()).optional(),
    std: z.array(z.number().positive()).optional()
  })
  .transform(({ mean, std, ...rest }) => {
    const perChannel = (value: number): number[] => Array<number>(rest.channels).fill(value)
    return { ...rest, mean: mean ?? perChannel(0), std: std ?? perChannel(1) }
  })
  .refine(
    ({ channels, mean, std }) => mean.length === channels && std.length === channels,
    'must have one mean and one std for each channel'
  )

/** Of `model.json`: 2 stores the shapes of all nodes. */
const VERSION = 2

/** Nothing in a file may be left unread: what an older or a newer program wrote, or a typing error, would change the network. */
const modelSchema = z.strictObject({
  format: z.literal('lrp-native'),
  version: z.literal(VERSION),
  name: z.string(),
  graph: z.strictObject({
    inputShape: z.array(z.int().nullable()),
    nodes: z.array(
      z.strictObject({
        name: z.string(),
        op: z.string(),
        inputs: z.array(z.string()),
        attributes: z.record(z.string(), attribute),
        parameters: z.record(z.string(), z.string())
      })
    ),
    output: z.string(),
    outputs: z.array(z.string()).optional(),
    shapes: z.record(z.string(), z.array(z.int().min(0))).optional(),
    outputNames: z.array(z.string()).optional()
  }),
  preprocessing: preprocessingSchema.optional(),
  task: z.enum(TASKS).optional(),
  multilabel: z.boolean().optional(),
  classes: z.array(z.string()).optional(),
  inner: z.boolean().optional(),
  vocabulary: z.array(z.string()).optional(),
  layout: z.enum(LAYOUTS).optional(),
  takesBytes: z.boolean().optional()
})

/** Whether a folder contains a model in the format of this package. */
export function isSavedModel(folder: string): boolean {
  return existsSync(join(folder, 'model.json')) && existsSync(join(folder, 'weights.safetensors'))
}

/** A `model.json` of something else would be lost. @throws LrpError INVALID_ARGUMENT */
export async function refuseOtherFiles(folder: string): Promise<void> {
  checkPath(folder, 'the folder of a model')
  const path = join(folder, 'model.json')
  if (!existsSync(path)) return
  const there = (await readJson(path).catch(() => undefined)) as { format?: unknown } | undefined
  if (there?.format !== 'lrp-native')
    throw new LrpError(
      'INVALID_ARGUMENT',
      `the folder ${path} is not a model and would be overwritten: choose another folder`
    )
}

/** Writes `model.json` and `weights.safetensors`. @throws LrpError IO */
export async function saveParts(folder: string, parts: ModelParts): Promise<void> {
  await makeFolder(folder)
  await writeSafetensors(join(folder, 'weights.safetensors'), parts.tensors)
  const { name, graph, preprocessing, task, multilabel, classes, inner, vocabulary, layout, takesBytes } = parts
  const described = { name, graph, preprocessing, task, multilabel, classes, inner, vocabulary, layout, takesBytes }
  const json = { format: 'lrp-native', version: VERSION, ...described }
  await writeAtomic(join(folder, 'model.json'), JSON.stringify(json, null, 1) + '\n')
}

/** A file of another version of the format. @throws LrpError UNSUPPORTED */
function checkVersion(json: unknown, path: string): void {
  const { format, version } = (json ?? {}) as { format?: unknown; version?: unknown }
  if (format !== 'lrp-native' || typeof version !== 'number' || version === VERSION) return
  const remedy = version < VERSION ? 'convert or train the model again' : 'update lrp-native'
  const versions = `has version ${version} of the format, but this program reads version ${VERSION}`
  throw new LrpError('UNSUPPORTED', `${path} ${versions}: ${remedy}`)
}

/** Reads what `saveParts` wrote. @throws LrpError NOT_FOUND, INVALID_FILE naming the file, UNSUPPORTED for another version */
export async function loadParts(folder: string): Promise<ModelParts> {
  const path = join(folder, 'model.json')
  const json = await readJson(path)
  checkVersion(json, path)
  const { format: _format, version: _version, ...parts } = checkContent(modelSchema, json, path, 'INVALID_FILE')
  const tensors = await readSafetensors(join(folder, 'weights.safetensors'))
  return { ...parts, tensors }
}
