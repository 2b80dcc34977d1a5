import type { z } from 'zod'
import { toCamel, toKebab } from './flag-names.js'
import { entriesOf, isAsked, valueAt, type Entry, type Group } from './option.js'

type Plain = string | number | boolean | (string | number)[]

/** What was asked of a command, kept with its results so that every figure can be had again. */
export type RecordedSettings = Record<string, Plain>

const KEPT: Group[] = [
  'model',
  'network',
  'what',
  'how',
  'metrics',
  'search',
  'loss',
  'optimiser',
  'schedule',
  'images',
  'output'
]

/** Those options that were given and have a flag, by the flag's name in camel case; folders and the machine are left out. */
export function recordedSettings(schema: z.ZodObject, options: object): RecordedSettings {
  const entries = entriesOf(schema).filter(
    ({ flag, path, facts }) => flag !== undefined && path[0] !== 'output' && KEPT.includes(facts.group)
  )
  const given = entries.flatMap((entry) => {
    const value = valueAt(options, entry.path)
    return isAsked(entry, value) ? [[toCamel(entry.flag!), asText(entry, value)] as const] : []
  })
  return Object.fromEntries(given.filter(([, value]) => isPlain(value))) as RecordedSettings
}

/** A value that the flag's words cannot hold as it is, as those words. */
function asText({ facts }: Entry, value: unknown): unknown {
  if (facts.write && typeof value === 'object') return facts.write(value as never)
  return facts.commas && isPlain(value) && Array.isArray(value) ? value.join(',') : value
}

function isPlain(value: unknown): value is Plain {
  if (Array.isArray(value)) return value.length > 0 && value.every((one) => ['string', 'number'].includes(typeof one))
  return ['string', 'number', 'boolean'].includes(typeof value)
}

/** The command line: `npx lrp-native explain lenet --rule epsilon --top-k 0.02`. */
export function commandText(command: string, model: string | undefined, options: RecordedSettings = {}): string {
  const flags = Object.entries(options)
    .filter(([, value]) => value !== false)
    .map(([name, value]) => {
      const flag = `--${toKebab(name)}`
      return value === true ? flag : [flag, ...[value].flat().map((one) => quoted(String(one)))].join(' ')
    })
  return ['npx lrp-native', command, ...(model === undefined ? [] : [quoted(model)]), ...flags].join(' ')
}

function quoted(text: string): string {
  return /^[\w./:,@%+=-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`
}
