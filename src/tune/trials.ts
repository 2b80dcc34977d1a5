import { z } from 'zod'
import { LrpError } from '../errors.js'
import { toCsv } from '../evaluate/test.js'
import type { Experiment } from '../experiment/experiment.js'
import { readJson, writeAtomic } from '../files.js'
import { lineChart, scatterChart, writeChart } from '../plot/chart.js'

const value = z.union([z.string(), z.number(), z.boolean(), z.array(z.union([z.number(), z.string()]))])

const trialSchema = z.object({
  index: z.int(),
  settings: z.record(z.string(), value),
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

/** `tune.csv`, and charts of the score per trial, along the epochs and over each setting that is a number. */
export async function writeOutcome(experiment: Experiment, trials: Trial[], measure: Measure): Promise<void> {
  const names = Object.keys(trials[0]?.settings ?? {})
  const text = (one: Trial['settings'][string]): string | number =>
    typeof one === 'number' ? one : JSON.stringify(one)
  const rows = ranked(trials, measure).map((one) => [
    one.index,
    ...names.map((name) => text(one.settings[name]!)),
    one.epochs,
    one.score ?? '',
    one.state,
    one.error ?? ''
  ])
  await writeAtomic(
    experiment.path('tune.csv'),
    toCsv([['trial', ...names, 'epochs', `valid_${measure}`, 'state', 'error'], ...rows])
  )
  const curves = ranked(trials, measure)
    .slice(0, 10)
    .map((one) => ({ name: `trial ${one.index}`, points: one.curve.map((y, i) => [i + 1, y] as [number, number]) }))
    .filter((line) => line.points.length > 0)
  await writeChart(
    experiment.path('charts', 'trials'),
    await lineChart('The ten best trials', 'epoch', `validation ${measure}`, curves)
  )
  for (const name of names) {
    const points = trials.flatMap(({ settings, score }): [number, number][] => {
      const x = settings[name]
      return typeof x === 'number' && score !== null ? [[x, score]] : []
    })
    if (points.length < 2) continue
    const chart = await scatterChart(`Trials by ${name}`, name, `validation ${measure}`, [{ name: 'trials', points }])
    await writeChart(experiment.path('charts', `by-${name}`), chart)
  }
}
