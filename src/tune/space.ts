import { xoroshiro128plus } from 'pure-rand/generator/xoroshiro128plus'
import { uniformFloat64 } from 'pure-rand/distribution/uniformFloat64'
import { z } from 'zod'
import { LrpError } from '../errors.js'
import { checkContent } from '../options.js'
import { unknownName } from '../suggest.js'
import { settingsSchema } from '../train/settings.js'

const value = z.union([z.string(), z.number(), z.boolean(), z.array(z.union([z.number(), z.string()]))])

const axisSchema = z.union([
  z.array(value).min(1),
  z.strictObject({ choice: z.array(value).min(1) }),
  z
    .strictObject({
      min: z.number(),
      max: z.number(),
      scale: z.enum(['linear', 'log']).default('linear'),
      /** Whole numbers only. */
      integer: z.boolean().default(false)
    })
    .refine(({ min, max }) => min < max, 'must have its min below its max')
    .refine(({ min, scale }) => scale !== 'log' || min > 0, 'must have a min above 0 for a log scale')
])

type Axis = z.output<typeof axisSchema>
export type Sample = Record<string, z.infer<typeof value>>

/** What is searched: settings of `train` by name, each a list of values or a range. */
export type GivenSpace = Record<string, z.input<typeof axisSchema>>
export type Space = Record<string, Axis>

/** @throws LrpError INVALID_ARGUMENT naming the axis; for an unknown setting with the nearest name */
export function checkSpace(given: unknown): Space {
  const space = checkContent(z.record(z.string(), axisSchema), given, 'the search space')
  const names = Object.keys(settingsSchema.shape)
  const fixed = ['data', 'dataPath', 'validSplit', 'testSplit', 'imageSize', 'channels', 'preprocess', 'epochs', 'from']
  const renamed = Object.entries(space).map(
    ([name, axis]) => [name.replace(/-(\w)/g, (_, c: string) => c.toUpperCase()), axis] as const
  )
  if (renamed.length === 0) throw new LrpError('INVALID_ARGUMENT', 'the search space is empty')
  for (const [name] of renamed) {
    if (!names.includes(name))
      throw unknownName(
        'setting',
        name,
        names.filter((one) => !fixed.includes(one))
      )
    if (fixed.includes(name))
      throw new LrpError('INVALID_ARGUMENT', `the setting '${name}' is the same for all trials: it cannot be searched`)
  }
  return Object.fromEntries(renamed)
}

/** Trial `index` of a random search: depends on seed and index alone. */
export function randomSample(space: Space, seed: number, index: number): Sample {
  const random = xoroshiro128plus(seed * 1_000_003 + index)
  for (let i = 0; i < 8; i++) random.next()
  return Object.fromEntries(Object.entries(space).map(([name, axis]) => [name, pointOf(axis, uniformFloat64(random))]))
}

/** Every combination; a range gives `points` values, its ends included. */
export function gridSamples(space: Space, points: number): Sample[] {
  let samples: Sample[] = [{}]
  for (const [name, axis] of Object.entries(space)) {
    const shares = Array.from({ length: points }, (_, i) => (points === 1 ? 0.5 : i / (points - 1)))
    const values = choices(axis) ?? [...new Set(shares.map((share) => pointOf(axis, share)))]
    samples = samples.flatMap((sample) => values.map((one) => ({ ...sample, [name]: one })))
  }
  return samples
}

function choices(axis: Axis): Sample[string][] | undefined {
  if (Array.isArray(axis)) return axis
  return 'choice' in axis ? axis.choice : undefined
}

/** The value at a share from 0 to 1 of an axis. */
function pointOf(axis: Axis, share: number): Sample[string] {
  const list = choices(axis)
  if (list) return list[Math.min(list.length - 1, Math.floor(share * list.length))]!
  const { min, max, scale, integer } = axis as Exclude<Axis, unknown[] | { choice: unknown }>
  const found = scale === 'log' ? min * (max / min) ** share : min + (max - min) * share
  return integer ? Math.round(found) : Number(found.toPrecision(6))
}
