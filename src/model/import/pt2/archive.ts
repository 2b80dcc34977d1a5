import * as z from 'zod'
import { LrpError } from '../../../core/errors.js'
import { DTYPE_SIZE, sizeOf, type StateDict } from '../../../core/tensor.js'
import { MOST_SHARING, readPytorchRange, swollen } from '../pytorch.js'
import { dense, extentOf } from '../strided.js'
import { readRange } from '../../../core/file-range.js'
import type { ZipArchive } from '../../../core/zip.js'
import { DTYPES, programSchema } from './read.js'

/** Weights and constants as PyTorch before 2.9 saves them; later each lies in an entry of its own. */
const PICKLED = /(^|\/)(serialized_(state_dict|constants)|data\/(weights|constants)\/[^/]+)\.pt$/
const LARGEST_GRAPH = 128 << 20

const size = z.object({ as_int: z.int().nonnegative() })
const weightsSchema = z.object({
  config: z.record(
    z.string(),
    z.object({
      path_name: z.string(),
      use_pickle: z.boolean().optional(),
      tensor_meta: z
        .object({ dtype: z.number(), sizes: z.array(size), strides: z.array(size), storage_offset: size })
        .nullish()
    })
  )
})

/** The graph of a `.pt2` archive, checked against its schema. @throws LrpError INVALID_FILE */
export async function readGraph(archive: ZipArchive, path: string): Promise<z.infer<typeof programSchema>> {
  const name =
    archive.names.find((one) => /(^|\/)models\/[^/]+\.json$/.test(one)) ??
    archive.find('serialized_exported_program.json')
  if (!name) throw new LrpError('INVALID_FILE', `${path} does not contain an exported program of PyTorch`)
  return parse(programSchema, await archive.read(name, { limit: LARGEST_GRAPH }), path)
}

function parse<T>(type: z.ZodType<T>, bytes: Uint8Array, path: string): T {
  let json: unknown
  try {
    json = JSON.parse(Buffer.from(bytes).toString('utf8'))
  } catch {
    throw new LrpError('INVALID_FILE', `${path} is damaged: a part of it is not valid JSON`)
  }
  const result = type.safeParse(json)
  if (result.success) return result.data
  const issue = result.error.issues[0]!
  throw new LrpError('INVALID_FILE', `${path} is damaged: ${issue.path.join('.')}: ${issue.message}`)
}

/** Weights, buffers and constants of a `.pt2` archive by name, row by row whatever order they are stored in. */
export async function readWeights(archive: ZipArchive, path: string): Promise<StateDict> {
  const tensors: StateDict = new Map()
  let total = 0
  for (const name of archive.names.filter((one) => PICKLED.test(one))) {
    const range = await archive.entry(name)
    if (range.length > 0) for (const [key, one] of await readPytorchRange(range, true)) tensors.set(key, one)
  }
  const configs = archive.names.filter((name) => /_(weights|constants)_config\.json$/.test(name))
  for (const configName of configs) {
    const folder = configName.slice(0, configName.lastIndexOf('/') + 1)
    const { config } = parse(weightsSchema, await archive.read(configName, { limit: LARGEST_GRAPH }), path)
    const reads = Object.entries(config).map(async ([name, { path_name, tensor_meta, use_pickle }]) => {
      if (!tensor_meta) return undefined // no tensor; a program that reads it is refused
      const dtype = DTYPES[tensor_meta.dtype]
      if (!dtype) throw new LrpError('UNSUPPORTED', `the weight '${name}' of ${path} has an unknown number type`)
      if (use_pickle)
        throw new LrpError(
          'UNSUPPORTED',
          `the weight '${name}' of ${path} is stored as a pickle, which is not supported`
        )
      const shape = tensor_meta.sizes.map((one) => one.as_int)
      const view = { shape, strides: tensor_meta.strides.map((one) => one.as_int) }
      const bytes = DTYPE_SIZE[dtype]
      total += sizeOf(shape) * bytes
      if (total > MOST_SHARING * archive.size) throw swollen(path)
      const range = await archive.entry(folder + path_name)
      const stored = await readRange(range, tensor_meta.storage_offset.as_int * bytes, extentOf(view) * bytes)
      return [name, { dtype, shape, data: await dense(stored, view, bytes) }] as const
    })
    for (const read of await Promise.all(reads)) if (read) tensors.set(...read)
  }
  return tensors
}
