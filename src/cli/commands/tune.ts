import type { Command } from 'commander'
import { toKebab, valueText } from '../../core/flag-names.js'
import { withoutUndefined } from '../../core/options.js'
import { counted } from '../../core/plural.js'
import type { GivenSpace, Measure, Trial, TuneResult } from '../../tune/tune.js'
import { wholeNumber, withCommonFlags, type CliContext } from '../context.js'
import { withDataFlags } from '../shared-flags.js'
import { dataProgress } from '../data-progress.js'
import { alignedRows } from '../table.js'
import { emptiedNote, trainOptions, withModelChoice, withTrainFlags, type TrainFlags } from '../train-flags.js'

/** Trials that the table shows. */
const SHOWN = 10

interface Flags extends TrainFlags {
  space?: string
  method?: 'random' | 'grid'
  trials?: number
  gridPoints?: number
  halving?: number
  parallel?: number
  resume?: string
}

/** `lrp-native tune` */
export function register(command: Command, context: CliContext): void {
  command
    .option(
      '--space <file>',
      'JSON: {"learningRate": {"min": 1e-4, "max": 0.1, "scale": "log"}, "batchSize": [16, 32]}'
    )
    .option('--method <name>', 'random or grid')
    .option('--trials <number>', 'random: number of trials (16)', wholeNumber('--trials', 1))
    .option('--grid-points <number>', 'grid: values of each range (3)', wholeNumber('--grid-points', 1))
    .option(
      '--halving <number>',
      'keep 1/N of the trials each round and train them N times longer (3); 1: all run to the end',
      wholeNumber('--halving', 1)
    )
    .option(
      '--parallel <number>',
      'trials at the same time, fewer while memory is short (1)',
      wholeNumber('--parallel', 1)
    )
    .option('--resume <experiment>', 'stopped search to continue')
  withTrainFlags(withModelChoice(withDataFlags(command)))
  withCommonFlags(command, [
    'tune --space space.json --epochs 27 --trials 27',
    'tune --space space.json --method grid --halving 1 --model lenet',
    'tune --resume tune-mlp-digits'
  ])
  command.action((flags: Flags) => runTune(flags, context))
}

async function runTune(flags: Flags, context: CliContext): Promise<void> {
  const { LrpError } = await import('../../core/errors.js')
  const { readJson } = await import('../../core/files.js')
  const { tune } = await import('../../tune/tune.js')
  const output = await context.begin(flags)
  if (flags.space === undefined && flags.resume === undefined) {
    throw new LrpError('INVALID_ARGUMENT', 'tune needs --space FILE (what to search) or --resume EXPERIMENT')
  }
  const { method, trials, gridPoints, halving, parallel, resume } = flags
  const search = { method, trials, gridPoints, halving, parallel }
  const given = withoutUndefined(search)
  const onTrial = (trial: Trial, _: unknown, measure: Measure): void => output.note(progressLine(trial, measure))
  const space = flags.space === undefined ? undefined : ((await readJson(flags.space)) as GivenSpace)
  const onExperiment = ({ emptied, folder }: TuneResult['experiment']): void => {
    if (emptied) output.note(emptiedNote(folder))
  }
  const shown = { ...dataProgress(output), onTrial, onExperiment }
  const result = await tune({
    ...(await trainOptions(flags)),
    ...given,
    ...shown,
    space,
    resume,
    signal: context.signal
  })
  const { experiment, best, completed } = result
  output.result({ experiment: experiment.name, folder: experiment.folder, completed, best, trials: result.trials }, [
    ...tableOf(result),
    `experiment: ${experiment.folder}`
  ])
  if (!completed) {
    const message = `stopped; all is saved in ${experiment.folder}; continue with: lrp-native tune --resume ${experiment.name}`
    throw new LrpError('ABORTED', message)
  }
}

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
