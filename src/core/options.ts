import * as z from 'zod'
import { LrpError, type ErrorCode } from './errors.js'
import { eitherOf, listed } from './plural.js'
import { nearest, unknownName } from './suggest.js'

type Issue = z.core.$ZodIssue
type Path = readonly PropertyKey[]

/** Characters of a wrong value that are shown. */
const LONGEST = 60
/** Of more names than these the one that was meant is enough. */
const MOST_LISTED = 10

/** Checks the options of a public function; the error names the option at fault. */
export function checkOptions<T extends z.ZodType>(schema: T, options: unknown): z.output<T> {
  const { data, fault } = check(schema, options)
  if (!fault) return data
  const { path, sentence, unknown } = fault
  if (unknown !== undefined)
    throw unknownName('option', unknown, Object.keys((schema as unknown as z.ZodObject).shape), { option: unknown })
  const end = path.findIndex((key) => typeof key === 'number')
  const option = path.slice(0, end < 0 ? undefined : end).join('.')
  if (option === '') throw new LrpError('INVALID_ARGUMENT', `the options ${sentence}`)
  const inside = path.slice(option.split('.').length)
  throw optionError(option, inside.length > 1 ? `: ${textOf(inside)} ${sentence}` : ` ${sentence}`)
}

/** Checks what a file, or an object of the caller's, holds; the error names it and the place in it. */
export function checkContent<T extends z.ZodType>(
  schema: T,
  content: unknown,
  where: string,
  code: ErrorCode = 'INVALID_ARGUMENT'
): z.output<T> {
  const { data, fault } = check(schema, content)
  if (!fault) return data
  const place = fault.path.length > 0 ? `: ${textOf(fault.path)}` : ''
  throw new LrpError(code, `${where}${place} ${fault.sentence}`)
}

/** A file or folder that a call names. @param what it is, for the error @throws LrpError INVALID_ARGUMENT */
export function checkPath(path: unknown, what: string): void {
  checkContent(z.string().min(1), path, what)
}

/** Checks what a flag was given; what is wrong with one of several values is said of the flag. */
export function checkFlag(type: z.ZodType, value: unknown, flag: string): void {
  const { fault } = check(type, value)
  if (fault) throw new LrpError('INVALID_ARGUMENT', `${flag} ${fault.sentence}`)
}

/** The error of one option; the command line puts its flag in the place of `option '...'`. */
export function optionError(option: string, sentence: string): LrpError {
  return new LrpError('INVALID_ARGUMENT', `option '${option}'${sentence}`, { option })
}

interface Fault {
  path: Path
  sentence: string
  /** An option that does not exist. */
  unknown?: string
}

function check<T extends z.ZodType>(
  schema: T,
  value: unknown
): { data: z.output<T>; fault?: undefined } | { data?: undefined; fault: Fault } {
  const result = schema.safeParse(value, { reportInput: true, error: unknownKey })
  if (result.success) return { data: result.data }
  const { issues } = result.error
  const stranger = issues.find((issue) => issue.code === 'unrecognized_keys' && issue.path.length === 0)
  const issue = deepest(stranger ?? issues[0]!) // a name that is misspelt explains why another is missing
  const missing = isMissing(issue) ? issues.filter((one) => isMissing(one) && hasSameParent(one, issue)) : []
  if (missing.length > 1) {
    const names = missing.map(({ path }) => String(path.at(-1)))
    return { fault: { path: issue.path.slice(0, -1), sentence: `must have ${listed(names)}` } }
  }
  return {
    fault: {
      path: issue.path,
      sentence: sentenceOf(issue),
      unknown: (stranger as { keys?: string[] } | undefined)?.keys?.[0]
    }
  }
}

function isMissing(issue: Issue): boolean {
  return issue.code !== 'unrecognized_keys' && issue.code !== 'custom' && inputOf(issue) === undefined
}

function hasSameParent(one: Issue, other: Issue): boolean {
  return textOf(one.path.slice(0, -1)) === textOf(other.path.slice(0, -1))
}

/** Of a union what is wrong with the alternative that was meant: the one whose first fault lies deepest. */
function deepest(issue: Issue): Issue {
  if (issue.code !== 'invalid_union') return issue
  const faults = issue.errors.flatMap(([first]) => (first ? [deepest(first)] : []))
  const [best] = faults.filter(({ path }) => path.length > 0).sort((a, b) => b.path.length - a.path.length)
  return best ? { ...best, path: [...issue.path, ...best.path] } : issue
}

/** zod's own message does not say which keys there are. */
function unknownKey(issue: z.core.$ZodRawIssue): string | undefined {
  if (issue.code !== 'unrecognized_keys') return undefined
  const [key] = issue.keys as string[]
  const { shape } = (issue.inst as z.ZodObject).def
  return `has no '${key}'${hint(key!, Object.keys(shape))}`
}

function sentenceOf(issue: Issue): string {
  if (issue.code === 'unrecognized_keys' || issue.code === 'custom') return issue.message
  const input = inputOf(issue)
  if (input === undefined) return 'is missing'
  const names = namesOf(issue)
  const meant = hint(input, names)
  if (meant && names.length > MOST_LISTED) return `cannot be ${shown(input)}${meant}`
  return `must be ${wanted(issue)}, not ${shown(input)}${meant}`
}

/** For a union by a key, the value of that key. */
function inputOf(issue: Issue): unknown {
  const { input } = issue
  if (issue.code !== 'invalid_union' || !('discriminator' in issue)) return input
  return (input as Record<string, unknown>)[issue.discriminator as string]
}

const KINDS: Record<string, string> = {
  int: 'a whole number',
  number: 'a number',
  string: 'a string',
  boolean: 'true or false',
  array: 'a list',
  tuple: 'a list',
  object: 'an object',
  record: 'an object'
}

/** What should stand there: "below 1", "a whole number", "one of auto, memory, none". */
function wanted(issue: Issue): string {
  const names = namesOf(issue)
  if (names.length > 0) return names.length > 1 ? `one of ${names.join(', ')}` : names[0]!
  switch (issue.code) {
    case 'invalid_type':
      return KINDS[issue.expected] ?? issue.expected
    case 'invalid_union': {
      const all = alternatives(issue)
      return eitherOf(all)
    }
    case 'too_small':
      return bound(issue.origin, issue.inclusive ? 'at least' : 'above', issue.minimum)
    case 'too_big':
      return bound(issue.origin, issue.inclusive ? 'at most' : 'below', issue.maximum)
    default:
      return issue.message
  }
}

/** The values that a union accepts, without duplicates. Values that only programs can pass are omitted if there are others. */
function alternatives(issue: Extract<Issue, { code: 'invalid_union' }>): string[] {
  const all = issue.errors.flatMap(([first]) => (first ? [first] : []))
  const plain = all.filter(({ code }) => code !== 'custom')
  const words = (plain.length > 0 ? plain : all).flatMap((one) => {
    if (one.code === 'invalid_union') return alternatives(one)
    return one.code === 'invalid_value' ? one.values.map(String) : [wanted(one)]
  })
  return [...new Set(words)]
}

function bound(origin: string, words: string, limit: number | bigint): string {
  if (origin === 'string') return 'a non-empty string'
  return origin === 'array' ? `a list of ${words} ${limit}` : `${words} ${limit}`
}

/** The names, or other values, that there are to choose from. */
function namesOf(issue: Issue): string[] {
  if (issue.code === 'invalid_value') return issue.values.map(String)
  return issue.code === 'invalid_union' && 'options' in issue ? (issue.options as unknown[]).map(String) : []
}

function hint(given: unknown, names: string[]): string {
  const meant = typeof given === 'string' ? nearest(given, names) : undefined
  return meant === undefined ? '' : `: did you mean '${meant}'?`
}

function shown(value: unknown): string {
  if (typeof value === 'string') return `'${value}'`
  const text = typeof value === 'object' ? JSON.stringify(value) : String(value)
  return text.length > LONGEST ? `${text.slice(0, LONGEST)}...` : text
}

/** `layers[0].rule` */
function textOf(path: Path): string {
  return path.map((key, i) => (typeof key === 'number' ? `[${key}]` : `${i > 0 ? '.' : ''}${String(key)}`)).join('')
}

/** Options without those that are undefined. */
export function withoutUndefined<T extends object>(options: T): T {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)) as T
}
