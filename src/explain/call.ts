import { createHash } from 'node:crypto'
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import * as z from 'zod'
import { entriesOf, valueAt, type Entry } from '../core/option.js'
import { withoutUndefined } from '../core/options.js'
import { absolute } from '../core/paths.js'
import type { Model } from '../model/model.js'
import { loadOptions } from '../model/options.js'
import { native, type NodeRule } from '../native/addon.js'
import { withRuleFile } from '../rules/options.js'
import { explainToFilesOptions, type ExplainToFilesOptions } from './file-options.js'

const recorded = z.record(z.string(), z.unknown())
export const sha256 = z.string().regex(/^[0-9a-f]{64}$/)

/** How an explanation was called: what `explain --again` repeats. */
export const callSchema = z
  .object({
    model: z
      .string()
      .optional()
      .describe('Folder, file or published network; missing if a program created the model in memory.'),
    load: recorded.describe('Options of Model.load.'),
    options: recorded.describe('Options of explainToFiles.'),
    files: z.record(z.string(), sha256).describe('Settings files that were read.'),
    threads: z.int().min(1).describe('Number of threads per operation.'),
    unrecorded: z.array(z.string()).describe('Options that a program set to values that JSON cannot store.')
  })
  .describe('The call that explain --again repeats: all given options, with absolute paths.')

export type RecordedCall = z.output<typeof callSchema>

/** What is needed to repeat an explanation of this model. */
export function recordCall(model: Model, given: ExplainToFilesOptions, rules: readonly NodeRule[]): RecordedCall {
  const { source } = model
  const load = recordOf(loadOptions, source?.options ?? {})
  const options = recordOf(explainToFilesOptions, withParts(withRuleFile(given)))
  const fitted = rules.some(({ rule }) => rule.startsWith('pattern'))
    ? model.experiment?.path('patterns.safetensors')
    : []
  const paths = [load.files, options.files, fitted ?? []].flat().filter((path) => existsSync(path))
  return {
    ...(source && { model: source.path }),
    load: load.values,
    options: options.values,
    files: Object.fromEntries(paths.map((path) => [absolute(path), hashOf(path)])),
    threads: native().info().threads,
    unrecorded: [...load.unrecorded, ...options.unrecorded]
  }
}

/** What narrows a target down is an option of its own, so that the files it names are known. */
function withParts(given: ExplainToFilesOptions): ExplainToFilesOptions {
  const { target } = given
  if (typeof target !== 'object' || Array.isArray(target)) return given
  const { head, class: chosen, seed, ...parts } = target
  return { ...given, ...withoutUndefined(parts), target: withoutUndefined({ head, class: chosen, seed }) }
}

/** SHA-256 of a file, or of the names and files of a folder. */
export function hashOf(path: string): string {
  const hash = createHash('sha256')
  if (!statSync(path).isDirectory()) return hash.update(readFileSync(path)).digest('hex')
  for (const name of readdirSync(path).sort()) hash.update(`${name}:${hashOf(join(path, name))};`)
  return hash.digest('hex')
}

type Json = string | number | boolean | Json[] | { [key: string]: Json }

interface OptionsRecord {
  values: RecordedCall['options']
  files: string[]
  unrecorded: string[]
}

/** Not repeated: the device that was chosen (recorded elsewhere), the folder of the results, and what fits into memory. */
const NOT_HERE = ['device', 'output', 'passSize']

/** Functions and the like do not decide over a result. */
function recordOf(schema: z.ZodObject, options: object): OptionsRecord {
  const record: OptionsRecord = { values: {}, files: [], unrecorded: [] }
  for (const entry of entriesOf(schema)) {
    const { path, facts } = entry
    const value = valueAt(options, path)
    if (value === undefined || NOT_HERE.includes(path[0]!) || isMachinery(entry)) continue
    const plain = plainOf(value, facts.files ? absolute : (text) => text)
    if (plain === undefined) record.unrecorded.push(path.join('.'))
    else {
      let place = record.values
      for (const key of path.slice(0, -1)) place = (place[key] ??= {}) as typeof place
      place[path.at(-1)!] = plain
      if (facts.files === 'settings') record.files.push(...textsOf(plain))
    }
  }
  return record
}

function isMachinery({ flag, facts }: Entry): boolean {
  return flag === undefined && facts.resume === false
}

/** A value as JSON holds it, or undefined where it cannot. */
function plainOf(value: unknown, path: (text: string) => string): Json | undefined {
  if (typeof value === 'string') return path(value)
  if (typeof value === 'boolean' || Number.isFinite(value)) return value as number
  if (value instanceof Int32Array || value instanceof Uint8Array) return Array.from(value)
  if (typeof value !== 'object' || value === null || ArrayBuffer.isView(value) || value instanceof Map) return undefined
  const parts = Object.entries(withoutUndefined(value)).map(([key, part]) => [key, plainOf(part, path)] as const)
  if (parts.some(([, part]) => part === undefined)) return undefined
  return Array.isArray(value) ? parts.map(([, part]) => part!) : Object.fromEntries(parts as [string, string][])
}

function textsOf(value: Json): string[] {
  if (typeof value === 'string') return [value]
  return typeof value === 'object' ? Object.values(value).flatMap(textsOf) : []
}
