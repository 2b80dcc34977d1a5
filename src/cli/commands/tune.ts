import { LrpError } from '../../core/errors.js'
import { toKebab, valueText } from '../../core/flag-names.js'
import { counted } from '../../core/plural.js'
import { tuneOptions } from '../../tune/options.js'
import { tune, type Measure, type Trial, type TuneResult } from '../../tune/tune.js'
import { defineCommand } from '../command.js'
import { dataProgress } from '../data-progress.js'
import { alignedRows } from '../table.js'
import { noteEmptied } from '../train-progress.js'

/** Trials that the table shows. */
const SHOWN = 10

export const register = defineCommand({
  options: [tuneOptions],
  examples: [
    'tune --space space.json --epochs 27 --trials 27',
    'tune --space space.json --method grid --halving 1 --model lenet',
    'tune --resume tune-mlp-digits'
  ],
  run: async ({ given, output, context: { signal } }) => {
    const onTrial = (trial: Trial, _: unknown, measure: Measure): void => output.note(progressLine(trial, measure))
    const shown = { ...dataProgress(output), onTrial, onExperiment: noteEmptied(output) }
    const result = await tune({ ...given(tuneOptions), ...shown, signal })
    const { experiment, best, completed, trials, provenance } = result
    output.result({ experiment: experiment.name, folder: experiment.folder, completed, best, trials, provenance }, [
      ...tableOf(result),
      `experiment: ${experiment.folder}`
    ])
    if (completed) return
    const message = `the search was stopped and saved in ${experiment.folder}; continue with: npx lrp-native tune --resume ${experiment.name}`
    throw new LrpError('ABORTED', message)
  }
})

function progressLine({ index, state, error, score, epochs }: Trial, measure: Measure): string {
  if (state === 'failed') return `trial ${index} failed: ${error}`
  return `trial ${index}: ${score === null ? state : `${measure} ${score.toFixed(4)}`} after ${counted(epochs, 'epoch')}`
}

/** The best trials first. */
function tableOf({ trials, measure, experiment }: TuneResult): string[] {
  const names = Object.keys(trials[0]!.settings)
  const rows = trials.slice(0, SHOWN).map(({ index, score, epochs, state, settings }) => {
    const values = names.map((name) => valueText(settings[name]))
    return [String(index), score === null ? '-' : score.toFixed(4), String(epochs), state, ...values]
  })
  const rest = trials.length - rows.length
  const headings = ['trial', `valid ${measure}`, 'epochs', 'state', ...names.map(toKebab)]
  return [...alignedRows([headings, ...rows]), ...(rest > 0 ? [`${rest} more: ${experiment.path('tune.csv')}`] : [])]
}
