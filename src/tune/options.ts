import * as z from 'zod'
import { callback, option } from '../core/option.js'
import { trainOptions } from '../train/options.js'
import { axisSchema, MOST_TRIALS } from './space.js'
import type { Measure, Trial } from './trials.js'

/** How settings are searched. */
export const searchOptions = z.object({
  method: option(z.enum(['random', 'grid']).default('random'), {
    help: 'method that chooses the settings of the trials',
    group: 'search'
  }),
  trials: option(z.int().min(1).max(MOST_TRIALS).default(16), {
    help: 'number of trials',
    group: 'search',
    only: { method: ['random'] }
  }),
  gridPoints: option(z.int().min(1).max(MOST_TRIALS).default(3), {
    help: 'number of grid values for each range, including both ends',
    group: 'search',
    only: { method: ['grid'] }
  }),
  halving: option(z.int().min(1).default(3), {
    help: 'factor N of successive halving: each round keeps 1/N of the trials and trains them N times as long; 1 disables halving',
    group: 'search'
  }),
  /**
   * Maximum number of parallel trials. Each trial uses one of the four threads of Node's pool, and one thread must
   * remain free for files.
   */
  parallel: option(z.int().min(1).max(3).default(1), {
    help: 'maximum number of trials that run at the same time; fewer run if memory is low',
    group: 'search',
    unit: 'trials',
    resume: false
  })
})

export type Search = z.output<typeof searchOptions>

const { untilEpoch: _epoch, onProgress: _progress, ...kept } = trainOptions.shape

/** Options of `tune`. */
export const tuneOptions = z.strictObject({
  space: option(z.union([z.record(z.string(), axisSchema), z.string()]), {
    help: 'JSON file with the settings of train to search over, such as {"learning-rate": {"min": 1e-4, "max": 0.1, "scale": "log"}, "batch-size": [16, 32]}',
    inPrograms: 'also an object',
    group: 'search',
    unit: 'file'
  }),
  ...searchOptions.shape,
  ...kept,
  onTrial: callback<(trial: Trial, trials: readonly Trial[], measure: Measure) => void>('called after every trial')
})

/** Options of `tune`: the options of `train`, the search space, the search (docs/options.md). */
export type TuneOptions = z.input<typeof tuneOptions>
/** A search space: settings of `train` by name, each with a list of values or a range. */
export type GivenSpace = Exclude<TuneOptions['space'], string | undefined>
