import { z } from 'zod'
import { LrpError } from '../core/errors.js'
import type { Experiment } from '../experiment/experiment.js'
import { readJson, writeAtomic } from '../core/files.js'

const trialSchema = z.object({
  index: z.int(),
  settings: z.record(z.string(), z.json()),
  /** Epochs trained so far. */
  epochs: z.int(),
  /** Best validation accuracy (regression: loss) so far; null before the first epoch and after a failure. */
  score: z.number().nullable(),
  /** Validation accuracy, or loss, per epoch. */
  curve: z.array(z.number()),
  /** dropped: left behind by successive halving. failed: its loss was not finite, or its settings do not go together. */
  state: z.enum(['waiting', 'running', 'done', 'dropped', 'failed']),
  error: z.string().optional()
})

/** One trial of `tune`: its settings, state, and scores so far. */
export type Trial = z.infer<typeof trialSchema>

const FILE = 'tune.json'

export async function writeTrials(experiment: Experiment, trials: Trial[]): Promise<void> {
  await writeAtomic(experiment.path(FILE), JSON.stringify(trials, null, 1) + '\n')
}

/** @throws LrpError NOT_FOUND, INVALID_FILE */
export async function readTrials(experiment: Experiment): Promise<Trial[]> {
  const path = experiment.path(FILE)
  const { success, data, error } = z.array(trialSchema).safeParse(await readJson(path))
  if (success) return data
  throw new LrpError('INVALID_FILE', `${path} is damaged`, { cause: error })
}

/** What trials are ranked by: high accuracy or low loss. */
export type Measure = 'accuracy' | 'loss'

/** Best first: by score, then by number. */
export function ranked(trials: Trial[], measure: Measure): Trial[] {
  const value = ({ score }: Trial): number => (score === null ? -Infinity : measure === 'loss' ? -score : score)
  return [...trials].sort((a, b) => (value(a) === value(b) ? a.index - b.index : value(b) - value(a)))
}
