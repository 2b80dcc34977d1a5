import { xoroshiro128plus } from 'pure-rand/generator/xoroshiro128plus'
import { uniformFloat64 } from 'pure-rand/distribution/uniformFloat64'
import * as z from 'zod'
import { LrpError } from '../core/errors.js'
import { toCamel, toKebab } from '../core/flag-names.js'
import { readLayers } from '../model/layers.js'
import { choosePreprocessing } from '../model/preprocessing.js'
import { checkContent, optionError } from '../core/options.js'
import { nearest } from '../core/suggest.js'
import { trainSettings } from '../train/options.js'
import { checkSettings, type TrainSettings } from '../train/settings.js'

/** Most trials of one search, drawn or in a grid. */
export const MOST_TRIALS = 10_000

/** What is searched of a setting: a list of values, or a range. */
export const axisSchema = z.union([
  z.array(z.json()).min(1),
  z.strictObject({ choice: z.array(z.json()).min(1) }),
  z
    .strictObject({
      min: z.number(),
      max: z.number(),
      scale: z.enum(['linear', 'log']).default('linear'),
      /** Whether only integers are drawn. */
      integer: z.boolean().default(false)
    })
    .refine(({ min, max }) => min < max, 'must have its min below its max')
    .refine(({ min, scale }) => scale !== 'log' || min > 0, 'must have a min above 0 for a log scale')
])

type Axis = z.output<typeof axisSchema>
type Value = z.infer<ReturnType<typeof z.json>>
/** Values of what is searched, as the space names them. */
export type Sample = Record<string, Value>

export type Space = Record<string, Axis>

/** What is learnt from what: the same for all trials, since their scores are compared. */
const FIXED = ['task', 'data', 'dataPath', 'splitSeed', 'from', 'architecture', 'inputShape', 'mode', 'newHead']
const SEARCHABLE = Object.keys(trainSettings.shape).filter((name) => !FIXED.includes(name))

/** @throws LrpError INVALID_ARGUMENT naming the axis; for an unknown setting with the nearest name, and all that there are */
export function checkSpace(given: unknown): Space {
  const space = checkContent(z.record(z.string(), axisSchema), given, 'the search space')
  const renamed = Object.entries(space).map(([name, axis]) => [toCamel(name), axis] as const)
  if (renamed.length === 0) throw new LrpError('INVALID_ARGUMENT', 'the search space is empty')
  for (const [name] of renamed) if (!SEARCHABLE.includes(name)) throw unsearchable(name)
  return Object.fromEntries(renamed)
}

/** What can be searched, as flags are named. */
export function searchableFlags(): string[] {
  return SEARCHABLE.map(toKebab)
}

function unsearchable(name: string): LrpError {
  const meant = nearest(name, SEARCHABLE)
  const why = FIXED.includes(name)
    ? `the setting '${toKebab(name)}' cannot be searched, because all trials use the same value`
    : `there is no setting '${toKebab(name)}'${meant ? ` (did you mean '${toKebab(meant)}'?)` : ''}`
  return new LrpError('INVALID_ARGUMENT', `${why}; choose from ${searchableFlags().join(', ')}`)
}

/** Settings of lists, where one value can stand for them as it does on the command line. */
const AS_LIST: Record<string, (value: Value) => Value> = {
  imageSize: (side) => [side, side],
  hiddenSize: (units) => [units],
  freeze: (match) => [match]
}

/** The settings of a trial. @throws LrpError INVALID_ARGUMENT naming the setting */
export function settingsFrom(base: TrainSettings, sample: Sample): TrainSettings {
  const values = Object.entries(sample).map(([name, value]) => {
    const list = Array.isArray(value) ? undefined : AS_LIST[name]
    return [name, list ? list(value) : value]
  })
  return checkSettings({ ...base, ...Object.fromEntries(values) }, 'the search space')
}

/**
 * Every value that a list names, the ends of every range and a place between them, whether or not a trial will have it.
 * @throws LrpError INVALID_ARGUMENT naming the setting; NOT_FOUND, INVALID_FILE for a file that a value names
 */
export async function checkValues(space: Space, base: TrainSettings): Promise<void> {
  const odd = 0.3141 // between the ends, no whole number: settings that are some need "integer"
  for (const [name, axis] of Object.entries(space)) {
    const values = choices(axis) ?? [0, odd, 1].map((share) => pointOf(axis, share))
    for (const value of values) {
      const { preprocess, model } = settingsFrom(base, { [name]: value })
      if (name === 'preprocess') await choosePreprocessing(preprocess!, [])
      if (name === 'model' && String(model).endsWith('.json')) await readLayers(String(model))
    }
  }
}

/** Trial `index` of a random search: depends on seed and index alone. */
export function randomSample(space: Space, seed: number, index: number): Sample {
  const random = xoroshiro128plus(seed * 1_000_003 + index)
  for (let i = 0; i < 8; i++) random.next()
  return Object.fromEntries(Object.entries(space).map(([name, axis]) => [name, pointOf(axis, uniformFloat64(random))]))
}

/**
 * Every combination; a range gives `points` values, its ends included.
 * @throws LrpError INVALID_ARGUMENT for more than 10,000 of them
 */
export function gridSamples(space: Space, points: number): Sample[] {
  let samples: Sample[] = [{}]
  for (const [name, axis] of Object.entries(space)) {
    const shares = Array.from({ length: points }, (_, i) => (points === 1 ? 0.5 : i / (points - 1)))
    const values = choices(axis) ?? [...new Set(shares.map((share) => pointOf(axis, share)))]
    if (samples.length * values.length > MOST_TRIALS)
      throw optionError(
        'space',
        ` has a grid of more than ${MOST_TRIALS} points: search fewer values, or use --method random`
      )
    samples = samples.flatMap((sample) => values.map((one) => ({ ...sample, [name]: one })))
  }
  return samples
}

/** The values of a list; undefined for a range. */
export function choices(axis: Axis): Value[] | undefined {
  if (Array.isArray(axis)) return axis
  return 'choice' in axis ? axis.choice : undefined
}

/** The value at a share from 0 to 1 of an axis. */
function pointOf(axis: Axis, share: number): Value {
  const list = choices(axis)
  if (list) return list[Math.min(list.length - 1, Math.floor(share * list.length))]!
  const { min, max, scale, integer } = axis as Exclude<Axis, unknown[] | { choice: unknown }>
  const found = scale === 'log' ? min * (max / min) ** share : min + (max - min) * share
  return integer ? Math.round(found) : Number(found.toPrecision(6))
}
