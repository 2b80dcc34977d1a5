import type { Command } from 'commander'
import { counted } from '../../core/plural.js'
import { withCommonFlags, type CliContext, type Output } from '../context.js'
import { joinPeers, withPeerFlags, type PeerFlags } from '../peer-flags.js'
import { withDataFlags } from '../shared-flags.js'
import { dataProgress, leftOut } from '../data-progress.js'
import { trainOptions, trainProgress, withModelChoice, withTrainFlags, type TrainFlags } from '../train-flags.js'
import { valuesLine } from './test.js'
import type { ClassificationMetrics } from '../../scores/classification.js'
import type { TrainResult } from '../../train/train.js'

interface Flags extends TrainFlags, PeerFlags {
  from?: string
  architecture?: string
  resume?: string
}

/** `lrp-native train` */
export function register(command: Command, context: CliContext): void {
  withPeerFlags(withTrainFlags(withModelChoice(withDataFlags(command))))
    .option('--from <model>', 'experiment or model whose weights to start from')
    .option('--no-test', 'do not score the test split at the end')
    .option('--architecture <name>', 'network of a --from file that holds weights alone: .pth, .pt, .th, .safetensors')
    .option('--resume <experiment>', 'stopped experiment to continue')
  withCommonFlags(command, [
    'train',
    'train --model lenet --epochs 10 --augment rotation=10,translate=0.1',
    'train --data mnist --data-path path/to/mnist --hidden-size 512 256',
    'train --resume mlp-digits'
  ])
  command.action((flags: Flags) => runTrain(flags, context))
}

async function runTrain(flags: Flags, context: CliContext): Promise<void> {
  const output = await context.begin(flags, { shared: true })
  const { train } = await import('../../train/train.js')
  const { from, resume, architecture } = flags
  const load = architecture === undefined ? undefined : { architecture }
  const options = { ...(await trainOptions(flags)), from, load, resume, ...(await joinPeers(flags)) }
  const { stop, ...progress } = trainProgress(output)
  const shown = { ...dataProgress(output), ...progress, signal: context.signal }
  const result = await train({ ...options, ...shown }).finally(stop)
  await showTrained(result, output, 'train')
}

/**
 * The result of a run, or how to continue one that was stopped.
 * @throws LrpError ABORTED for a stopped run
 */
export async function showTrained(result: TrainResult, output: Output, command: string): Promise<void> {
  const { LrpError } = await import('../../core/errors.js')
  const { experiment, history, bestEpoch, completed, reason, shared } = result
  const [classes, values] = [result.test?.metrics, result.testRegression?.metrics]
  const json = {
    experiment: experiment.name,
    folder: experiment.folder,
    completed,
    reason,
    bestEpoch,
    ...shared,
    test: classes ?? values,
    history
  }
  result.model.dispose()
  const { skipped = [], missing } = (experiment.manifest.data ?? {}) as { skipped?: string[]; missing?: string[] }
  if (skipped.length > 0) output.note(leftOut(skipped, missing))
  if (shared?.gradients.startsWith('Gloo:')) output.note(`note: gradients passed over ${shared.gradients}`)
  if (!completed) {
    output.result(json, [])
    const resume = `continue with: lrp-native ${command} --resume ${experiment.name}`
    throw new LrpError(
      'ABORTED',
      `stopped after ${counted(history.length, 'epoch')}; all is saved in ${experiment.folder}; ${resume}`
    )
  }
  const best = history[bestEpoch - 1]
  const [accuracy, loss] = [best?.validAccuracy ?? NaN, best?.validLoss ?? NaN]
  const score = Number.isFinite(accuracy)
    ? `, validation accuracy ${accuracy.toFixed(4)}`
    : Number.isFinite(loss)
      ? `, validation loss ${loss.toPrecision(4)}`
      : ''
  const lines = classes ? classLines(classes) : values ? [`test ${valuesLine(values)}`] : []
  output.result(json, [...lines, `best epoch ${bestEpoch}${score}`, `experiment: ${experiment.folder}`])
}

function classLines({ accuracy, perClass }: ClassificationMetrics): string[] {
  const rows = perClass.map(
    (one) =>
      `  ${one.name}: TP ${one.truePositives}, FP ${one.falsePositives}, FN ${one.falseNegatives}, TN ${one.trueNegatives}`
  )
  return [`test accuracy ${accuracy.toFixed(4)}`, ...rows]
}
