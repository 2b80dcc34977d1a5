import * as z from 'zod'
import { eitherOf } from './plural.js'
import { defaultOf, withoutWrappers, type Entry } from './option.js'

/** Names and values to choose from; empty if there is no such list. */
export function choicesOf(type: z.ZodType): string[] {
  const bare = withoutWrappers(type)
  if (bare instanceof z.ZodEnum) return bare.options.map(String)
  if (bare instanceof z.ZodLiteral) return [...bare.values].map(String)
  if (bare instanceof z.ZodArray) return choicesOf(bare.element as z.ZodType)
  return bare instanceof z.ZodUnion ? bare.options.flatMap((one) => choicesOf(one as z.ZodType)) : []
}

/**
 * `above 0, at most 1`, or `each above 0` for a list; empty if every value of the type fits, or if the option also takes
 * names: then numbers are positions.
 */
export function rangeOf(type: z.ZodType): string {
  const bare = withoutWrappers(type)
  if (bare instanceof z.ZodArray) return ofEach(rangeOf(bare.element as z.ZodType))
  if (bare instanceof z.ZodTuple) return ofEach(rangeOf(bare.def.items[0] as z.ZodType))
  if (
    bare instanceof z.ZodUnion &&
    bare.options.some((one) => withoutWrappers(one as z.ZodType) instanceof z.ZodString)
  )
    return ''
  if (bare instanceof z.ZodUnion) {
    const ranges = [...new Set(bare.options.map((one) => rangeOf(one as z.ZodType)))].filter(Boolean)
    return ranges.filter((range) => !ranges.some((one) => ofEach(one) === range)).join('; ')
  }
  if (!(bare instanceof z.ZodNumber)) return ''
  const limits = z.toJSONSchema(bare) as Record<string, number | undefined>
  const parts = [
    ['at least', limits.minimum],
    ['above', limits.exclusiveMinimum],
    ['at most', limits.maximum],
    ['below', limits.exclusiveMaximum]
  ].filter(([, limit]) => limit !== undefined && Math.abs(limit as number) < 2 ** 31 - 1)
  return parts.map((part) => part.join(' ')).join(', ')
}

function ofEach(range: string): string {
  return range && `each ${range}`
}

/** What kind of value an option takes: `number`, `name`, `list`. */
export function kindOf(type: z.ZodType): string {
  const bare = withoutWrappers(type)
  if (bare instanceof z.ZodNumber) return z.toJSONSchema(bare).type === 'integer' ? 'integer' : 'number'
  if (bare instanceof z.ZodBoolean) return 'boolean'
  if (bare instanceof z.ZodEnum) return 'name'
  if (bare instanceof z.ZodArray || bare instanceof z.ZodTuple) return 'list'
  if (bare instanceof z.ZodUnion) return [...new Set(bare.options.map((one) => kindOf(one as z.ZodType)))].join(' or ')
  return bare instanceof z.ZodLiteral ? 'name' : bare instanceof z.ZodString ? 'string' : 'object'
}

/** What an option takes besides its choices: `list` for `all` or a list of names. */
export function besideChoices(type: z.ZodType): string {
  const bare = withoutWrappers(type)
  if (!(bare instanceof z.ZodUnion)) return ''
  const free = bare.options.map((one) => one as z.ZodType).filter((one) => choicesOf(one).length === 0)
  return [...new Set(free.map(kindOf))].join(' or ')
}

/** The default of an option as text; empty if there is none. */
export function defaultText(entry: Entry): string {
  const value = defaultOf(entry)
  if (value === undefined || value === false) return ''
  return Array.isArray(value) ? value.join(' ') : String(value)
}

/**
 * The line of an option in `--help`: its help text and choices, then range and default in parentheses, or after a semicolon
 * if the line already ends with parentheses.
 */
export function helpLine(entry: Entry): string {
  const choices = choicesOf(entry.type)
  const named = choices.length > 0 && !choices.every((choice) => entry.facts.help.includes(choice))
  const not = entry.flag?.startsWith('no-') ? 'do not ' : ''
  const usual = not ? '' : defaultText(entry)
  const more = [rangeOf(entry.type), usual && `default: ${usual}`].filter(Boolean).join('; ')
  const what = `${not}${entry.facts.help}${named ? `: ${eitherOf(choices)}` : ''}`
  if (more === '') return what
  return what.endsWith(')') ? `${what}; ${more}` : `${what} (${more})`
}
