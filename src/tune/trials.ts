import * as z from 'zod'
import { LrpError } from '../core/errors.js'
import type { Experiment } from '../experiment/experiment.js'
import { readJson, writeAtomic } from '../core/files.js'
import { provenanceSchema } from '../model/provenance.js'

export const trialSchema = z.object({
  index: z.int(),
  settings: z.record(z.string(), z.json()).describe('The searched options.'),
  epochs: z.int().describe('Epochs trained so far.'),
  score: z
    .number()
    .nullable()
    .describe('Best validation accuracy, or loss, so far; null before the first epoch and after a failure.'),
  curve: z.array(z.number()).describe('Validation accuracy, or loss, of every epoch.'),
  state: z
    .enum(['waiting', 'running', 'done', 'dropped', 'failed'])
    .describe('dropped: eliminated by successive halving. failed: error states the reason.'),
  error: z.string().optional()
})

/** One trial of `tune`: its settings, state, and scores so far. */
export type Trial = z.infer<typeof trialSchema>

const FILE = 'tune.json'

/** What tune.json holds. */
export const tuneSchema = z.object({
  measure: z.enum(['accuracy', 'loss']).describe('Measure for ranking trials: high accuracy or low loss.'),
  trials: z.array(trialSchema).describe('All trials, ordered by number.'),
  best: z.int().optional().describe('Number of the best trial, once the search has ended.'),
  provenance: provenanceSchema.optional().describe("Provenance of the best trial's model, once the search has ended.")
})

/** @param end what is known once the search has ended */
export async function writeTrials(
  experiment: Experiment,
  found: Pick<z.output<typeof tuneSchema>, 'measure' | 'trials'>,
  end: Partial<z.output<typeof tuneSchema>> = {}
): Promise<void> {
  await writeAtomic(experiment.path(FILE), JSON.stringify({ ...found, ...end }, null, 1) + '\n')
}

/** @throws LrpError NOT_FOUND, INVALID_FILE */
export async function readTrials(experiment: Experiment): Promise<Trial[]> {
  const path = experiment.path(FILE)
  const { success, data, error } = tuneSchema.safeParse(await readJson(path))
  if (success) return data.trials
  throw new LrpError('INVALID_FILE', `the file ${path} is damaged`, { cause: error })
}

/** Measure that ranks the trials: high accuracy or low loss. */
export type Measure = 'accuracy' | 'loss'

/** Best first: by score, then by number. */
export function ranked(trials: Trial[], measure: Measure): Trial[] {
  const value = ({ score }: Trial): number => (score === null ? -Infinity : measure === 'loss' ? -score : score)
  return [...trials].sort((a, b) => (value(a) === value(b) ? a.index - b.index : value(b) - value(a)))
}
