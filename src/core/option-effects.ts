import type { z } from 'zod'
import { entriesOf, isAsked, resumeValues, valueAt, type Entry } from './option.js'
import { optionError } from './options.js'
import { eitherOf } from './plural.js'

/** The values that deciding options have; several where methods are compared. */
type Chosen = Readonly<Record<string, string | readonly string[]>>

/**
 * What is asked for must have an effect. @throws LrpError INVALID_ARGUMENT naming the option that has none
 * @param chosen values of the options that decide over others, such as the method
 */
export function checkEffects(schema: z.ZodObject, options: object, chosen: Chosen): void {
  for (const entry of entriesOf(schema)) {
    if (!entry.facts.only) continue
    const idle = isAsked(entry, valueAt(options, entry.path)) ? decidedAgainst(entry, chosen) : undefined
    if (!idle) continue
    const values = entry.facts.only[idle]!
    throw optionError(
      entry.path.join('.'),
      ` works only with the ${idle} ${eitherOf(values)}, not ${[chosen[idle]!].flat()[0]}`
    )
  }
}

/** The options without those that have no effect. */
export function effective<T extends object>(schema: z.ZodObject, options: T, chosen: Chosen): T {
  const idle = entriesOf(schema)
    .filter((entry) => decidedAgainst(entry, chosen))
    .map(({ path }) => path[0]!)
  return Object.fromEntries(Object.entries(options).filter(([name]) => !idle.includes(name))) as T
}

/**
 * A stopped run keeps the options that it depends on.
 * @param was its options, `now` those that are asked for, both with all defaults
 * @param given names of the options that were given
 * @throws LrpError INVALID_ARGUMENT naming the option that is another one
 */
export function checkUnchanged(schema: z.ZodObject, run: string, was: object, now: object, given: string[]): void {
  const wanted = new Map(resumeValues(schema, now))
  for (const [name, value] of resumeValues(schema, was)) {
    if (!given.includes(name) || JSON.stringify(wanted.get(name)) === JSON.stringify(value)) continue
    throw optionError(name, ` cannot change when resuming ${run} (it was ${JSON.stringify(value) ?? 'not given'})`)
  }
}

/** The deciding option that takes an option's effect. */
function decidedAgainst({ facts }: Entry, chosen: Chosen): string | undefined {
  return Object.entries(facts.only ?? {}).find(
    ([name, values]) => chosen[name] !== undefined && ![chosen[name]].flat().some((value) => values.includes(value!))
  )?.[0]
}
