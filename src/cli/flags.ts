import { Option, type Command } from 'commander'
import * as z from 'zod'
import { toCamel } from '../core/flag-names.js'
import { entriesOf, GROUPS, withoutWrappers, type Entry } from '../core/option.js'
import { choicesOf, helpLine } from '../core/option-text.js'
import { checkFlag } from '../core/options.js'

/** Options that commands have as flags. */
const added = new WeakMap<Command, Entry[]>()

/** Adds the flags of some schemas to a command, grouped; of two flags with one name the first counts. */
export function addFlags(command: Command, ...schemas: z.ZodObject[]): Command {
  for (const entry of schemas.flatMap((schema) => entriesOf(schema))) {
    if (entry.flag === undefined || command.options.some(({ long }) => long === `--${entry.flag}`)) continue
    const option = new Option(flagText(entry), helpLine(entry)).helpGroup(`${GROUPS[entry.facts.group]}:`)
    if (takesMany(entry.type)) option.argParser((text, before: string[] = []) => [...before, text])
    else if (option.required) option.argParser((text) => checked(entry, [text]))
    if (!entry.type.safeParse(undefined).success) option.makeOptionMandatory()
    command.addOption(option)
    for (const alias of entry.facts.aliases ?? []) command.addOption(aliasOf(option, alias))
    added.set(command, [...(added.get(command) ?? []), entry])
  }
  ;(command.options as Option[]).sort((a, b) => placeOf(a) - placeOf(b))
  return command
}

/** The options that a command has as flags. */
export function flagsOf(command: Command): readonly Entry[] {
  return added.get(command) ?? []
}

/** The same flag by another name, for the words of other tools. */
function aliasOf({ flags, parseArg, helpGroupHeading }: Option, alias: string): Option {
  const other = new Option(flags.replace(/^--\S+/, `--${alias}`)).hideHelp().helpGroup(helpGroupHeading!)
  return parseArg ? other.argParser(parseArg) : other
}

const HEADINGS = Object.values(GROUPS).map((group) => `${group}:`)

function placeOf({ helpGroupHeading }: Option): number {
  return HEADINGS.findIndex((heading) => heading === helpGroupHeading)
}

/**
 * The options of a schema that were given as flags.
 * @throws LrpError INVALID_ARGUMENT naming the flag at fault
 */
export function optionsOf<T extends z.ZodObject>(schema: T, flags: object): z.input<T> {
  const options: Record<string, unknown> = {}
  for (const entry of entriesOf(schema)) {
    const { path, type, facts, flag } = entry
    const named = flag === undefined ? [] : [flag, ...(facts.aliases ?? [])]
    const value = named
      .map((one) => (flags as Record<string, unknown>)[toCamel(one.replace(/^no-/, ''))])
      .find((one) => one !== undefined)
    if (value === undefined) continue
    let place = options
    for (const key of path.slice(0, -1)) place = (place[key] ??= {}) as Record<string, unknown>
    const isList = Array.isArray(value) && takesMany(type)
    place[path.at(-1)!] = isList ? checked(entry, value as string[]) : value
  }
  return options as z.input<T>
}

/** The flag that an option was given as: `--colour-map` for `heatmap.colourMap`. */
export function flagOf(command: Command, option: string): string | undefined {
  const entries = flagsOf(command)
  const last = option.split('.').at(-1)
  const found =
    entries.find(({ path }) => path.join('.') === option) ?? entries.find(({ path }) => path.at(-1) === last)
  return found ? `--${found.flag}` : command.options.find((one) => one.attributeName() === last)?.long
}

function flagText({ flag, type, facts }: Entry): string {
  const bare = withoutWrappers(type)
  if (bare instanceof z.ZodBoolean) return `--${flag}`
  const many = takesMany(type) && !facts.commas
  const unit = facts.unit ?? (choicesOf(type).length > 0 ? 'name' : isNumber(type) ? 'number' : 'text')
  return `--${flag} <${unit}${many ? '...' : ''}>`
}

function takesMany(type: z.ZodType): boolean {
  const bare = withoutWrappers(type)
  // a record that a file can hold instead has no words of its own
  if (bare instanceof z.ZodUnion)
    return bare.options.some((one) => !(one instanceof z.ZodRecord) && takesMany(one as z.ZodType))
  if (bare instanceof z.ZodArray) return !isObject(bare.element as z.ZodType)
  return bare instanceof z.ZodTuple || bare instanceof z.ZodRecord
}

/** Objects have no form as words: a file holds them. */
function isObject(type: z.ZodType): boolean {
  if (type instanceof z.ZodUnion) return type.options.every((one) => isObject(one as z.ZodType))
  return type instanceof z.ZodObject
}

function isNumber(type: z.ZodType): boolean {
  const bare = withoutWrappers(type)
  if (bare instanceof z.ZodUnion) return bare.options.every((one) => isNumber(one as z.ZodType))
  return bare instanceof z.ZodNumber || (bare instanceof z.ZodArray && isNumber(bare.element as z.ZodType))
}

/** What a flag's texts mean. @throws LrpError INVALID_ARGUMENT naming the flag */
function checked({ type, facts, flag }: Entry, texts: string[]): unknown {
  const value = facts.read
    ? facts.read(texts)
    : valueOf(type, facts.commas === false || !takesMany(type) ? texts : parts(texts))
  checkFlag(type, value, `--${flag}`)
  return value
}

function parts(texts: string[]): string[] {
  return texts.flatMap((text) => text.split(',').map((part) => part.trim()))
}

/** What a flag's texts mean under a type; texts that do not fit stay as they are, for the schema to refuse. */
function valueOf(type: z.ZodType, texts: string[]): unknown {
  const bare = withoutWrappers(type)
  if (bare instanceof z.ZodUnion) {
    const values = bare.options.map((one) => valueOf(one as z.ZodType, texts))
    const fits = values.find((value, i) => (bare.options[i] as z.ZodType).safeParse(value).success)
    return fits ?? values.find((value) => [value].flat().every((one) => typeof one === 'number')) ?? values[0]
  }
  if (bare instanceof z.ZodArray) return texts.map((text) => valueOf(bare.element as z.ZodType, [text]))
  if (bare instanceof z.ZodTuple) return texts.map((text) => valueOf(bare.def.items[0] as z.ZodType, [text]))
  if (texts.length > 1) return texts
  const [text] = texts as [string]
  const number = text.trim() === '' ? NaN : Number(text)
  const wantsNumber = bare instanceof z.ZodNumber || (bare instanceof z.ZodLiteral && typeof bare.value === 'number')
  return wantsNumber && Number.isFinite(number) ? number : text
}
