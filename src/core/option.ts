import * as z from 'zod'
import { toKebab } from './flag-names.js'

/** Headings of `--help` and of docs/options.md, in their order. */
export const GROUPS = {
  model: 'Model',
  network: 'Network',
  what: 'What to explain',
  how: 'Explanation method',
  metrics: 'Measurement',
  search: 'Search',
  loss: 'Loss',
  optimiser: 'Optimiser',
  schedule: 'Learning rate and epochs',
  images: 'Images',
  output: 'Output',
  machine: 'Machine'
} as const

export type Group = keyof typeof GROUPS

/** What is said of an option once, for its flag, `--help`, docs/options.md, the page of `serve` and stopped runs. */
export type OptionFacts = {
  /** What it is, in one line that begins in lower case; choices, range and default are added to it. */
  help: string
  /** What only a program can give it: added to `help` in docs/options.md, but not in `--help`. */
  inPrograms?: string
  group: Group
  /** What the value is, `pixels` or `file`: shown as `<pixels>`. */
  unit?: string
  /** What applies where it is not given, for defaults that the schema cannot hold. */
  default?: string
  /** Its flag's name where that is not its own name in kebab-case; false for an option that only programs can give. */
  flag?: string | false
  /** Other words for its flag, which --help leaves out. */
  aliases?: readonly string[]
  /** True: several values come with commas, and never as words of their own. False: words only, whose commas belong to them. */
  commas?: boolean
  /** What its flag's texts mean, where the type cannot tell. */
  read?: (texts: string[]) => unknown
  /** How `read` is undone. */
  write?: (value: never) => string[]
  /** Its text may name files: of images, or of settings, whose content then decides over a result. */
  files?: 'images' | 'settings'
  /** It has an effect only where another option has one of these values: `{ method: ['occlusion'] }`. */
  only?: Readonly<Record<string, readonly string[]>>
  /** False: a stopped run may continue under another value. */
  resume?: boolean
  /** How the page of `serve` lets it be turned; `powers`: the slider moves over powers of ten. */
  slider?: { min: number; max: number; step: number; powers?: boolean }
}

declare module 'zod' {
  interface GlobalMeta extends Partial<Omit<OptionFacts, 'default'>> {
    default?: unknown
  }
}

/** A file or folder that is written; `-` would be one of that name. */
export const outputPath = z
  .string()
  .min(1)
  .refine((path) => path !== '-', "must be a file or folder, not '-': results are not written to stdout")

/** An option that can be left out; one whose type has a `.default()` then has that value. */
export function option<T extends z.ZodType>(
  type: T,
  facts: OptionFacts
): T extends z.ZodDefault ? T : z.ZodOptional<T> {
  const whole = type instanceof z.ZodDefault ? type : type.optional()
  return whole.meta(facts) as unknown as T extends z.ZodDefault ? T : z.ZodOptional<T>
}

/** An option that must be given. */
export function required<T extends z.ZodType>(type: T, facts: OptionFacts): T {
  return type.meta(facts)
}

/** The same option where a stopped run may continue under another value. */
export function mayChange<T extends z.ZodType>(type: T): T {
  return type.meta({ ...type.meta(), resume: false })
}

/** The same option where another one says what is usual. */
export function withoutDefault<T extends z.ZodType>(type: T): T {
  return type.meta({ ...type.meta(), default: undefined })
}

/** Something that only a program can give: a function, a tensor. A stopped run does not depend on it. */
export function programOnly<T>(
  fits: (value: unknown) => boolean,
  what: string,
  help: string
): z.ZodOptional<z.ZodCustom<T, T>> {
  return option(z.custom<T>(fits, `must be ${what}`), {
    help,
    group: 'machine',
    unit: what,
    flag: false,
    resume: false
  })
}

/** A function that is called as work proceeds. */
export function callback<F extends (...args: never[]) => unknown>(help: string): z.ZodOptional<z.ZodCustom<F, F>> {
  return programOnly<F>((value) => typeof value === 'function', 'a function', help)
}

export const signalOption = programOnly<AbortSignal>(
  (value) => value instanceof AbortSignal,
  'an AbortSignal',
  'aborts the work after the current batch'
)

/** One option of a schema; `path` is longer than one where options lie in an object of their own. */
export interface Entry {
  path: string[]
  type: z.ZodType
  facts: OptionFacts
  /** Name of the flag without its dashes; undefined for an option that only programs can give. */
  flag?: string
}

/** A schema's options do not change; every call of a public function asks for them. */
const known = new WeakMap<z.ZodObject, Entry[]>()

/** All options of a schema. An object without facts of its own holds options itself. */
export function entriesOf(schema: z.ZodObject): Entry[] {
  const entries = known.get(schema) ?? entriesBelow(schema, [])
  known.set(schema, entries)
  return entries
}

function entriesBelow(schema: z.ZodObject, before: string[]): Entry[] {
  return Object.entries(schema.shape as Record<string, z.ZodType>).flatMap(([name, type]): Entry[] => {
    const path = [...before, name]
    const facts = type.meta() as OptionFacts | undefined
    const bare = withoutWrappers(type)
    if (!facts?.help && bare instanceof z.ZodObject) return entriesBelow(bare, path)
    if (!facts?.help) throw new Error(`the option ${path.join('.')} has no facts`)
    return [{ path, type, facts, ...(facts.flag !== false && { flag: facts.flag ?? toKebab(name) }) }]
  })
}

/** The type that a value is of, if there is one. */
export function withoutWrappers(type: z.ZodType): z.ZodType {
  if (type instanceof z.ZodOptional || type instanceof z.ZodDefault) return withoutWrappers(type.unwrap() as z.ZodType)
  return type instanceof z.ZodPipe ? withoutWrappers(type.in as z.ZodType) : type
}

export function valueAt(options: object, path: string[]): unknown {
  return path.reduce<unknown>((value, key) => (value as Record<string, unknown> | undefined)?.[key], options)
}

/** Those options that the schema knows: what one function is given of another's. */
export function pickOptions<T extends z.ZodObject>(schema: T, options: object): z.input<T> {
  const known = Object.entries(options).filter(([name, value]) => name in schema.shape && value !== undefined)
  return Object.fromEntries(known) as z.input<T>
}

/** The names of a schema's options. */
export function namesOf<T extends z.ZodObject>(schema: T): Record<keyof z.input<T>, true> {
  return Object.fromEntries(Object.keys(schema.shape).map((name) => [name, true])) as Record<keyof z.input<T>, true>
}

/** What is in force where an option is not given. */
export function defaultOf({ type, facts }: Entry): unknown {
  return facts.default ?? (type instanceof z.ZodDefault ? type.def.defaultValue : undefined)
}

/** Whether a value asks for something; empty lists, `false` and an option's own default ask for nothing. */
export function isAsked(entry: Entry, value: unknown): boolean {
  if (value === undefined || value === false || (Array.isArray(value) && value.length === 0)) return false
  return !(entry.type instanceof z.ZodDefault) || JSON.stringify(value) !== JSON.stringify(entry.type.def.defaultValue)
}

/** The options that a stopped run depends on, by name, as they stand with all defaults. */
export function resumeValues(schema: z.ZodObject, options: object): [name: string, value: unknown][] {
  return entriesOf(schema)
    .filter(({ facts }) => facts.resume !== false)
    .map(({ path }) => [path.join('.'), valueAt(options, path)])
}
