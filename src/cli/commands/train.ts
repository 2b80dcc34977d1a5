import type { Command } from 'commander'
import { counted } from '../../core/plural.js'
import { withCommonFlags, type CliContext, type Output } from '../context.js'
import { joinPeers, withPeerFlags, type PeerFlags } from '../peer-flags.js'
import { withDataFlags } from '../shared-flags.js'
import { dataProgress, leftOut } from '../data-progress.js'
import { trainOptions, trainProgress, withModelChoice, withTrainFlags, type TrainFlags } from '../train-flags.js'
import type { TrainResult } from '../../train/train.js'

interface Flags extends TrainFlags, PeerFlags {
  from?: string
  architecture?: string
  resume?: string
}

/** `lrp-native train` */
export function register(program: Command, context: CliContext): void {
  const command = program.command('train').description('Train a network and write its experiment folder.')
  withPeerFlags(withTrainFlags(withModelChoice(withDataFlags(command))))
    .option('--from <model>', 'experiment or model whose weights to start from')
    .option('--architecture <name>', 'network of a --from file that holds weights alone: .pth, .pt, .th, .safetensors')
    .option('--resume <experiment>', 'stopped experiment to go on with')
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
  const progress = trainProgress(output, options.epochs ?? 20)
  const shown = { ...dataProgress(output), onProgress: progress.onProgress }
  const result = await train({ ...options, ...shown, signal: context.signal }).finally(progress.stop)
  await showTrained(result, output)
}

/**
 * The result of a run, or how to go on with one that was stopped; `more` goes into the JSON document, `lines` stand first.
 * @throws LrpError ABORTED for a stopped run
 */
export async function showTrained(
  result: TrainResult,
  output: Output,
  { command = 'train', ...more }: { command?: string; [key: string]: unknown } = {},
  lines: string[] = []
): Promise<void> {
  const { LrpError } = await import('../../core/errors.js')
  const { experiment, history, bestEpoch, completed, reason, shared } = result
  const json = {
    experiment: experiment.name,
    folder: experiment.folder,
    completed,
    reason,
    bestEpoch,
    ...shared,
    ...more,
    history
  }
  result.model.dispose()
  const { skipped = [], missing } = (experiment.manifest.data ?? {}) as { skipped?: string[]; missing?: string[] }
  if (skipped.length > 0) output.note(leftOut(skipped, missing))
  if (shared?.gradients.startsWith('Gloo:')) output.note(`note: gradients passed over ${shared.gradients}`)
  if (!completed) {
    output.result(json, [])
    const resume = `go on with: lrp-native ${command} --resume ${experiment.name}`
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
  output.result(json, [...lines, `best epoch ${bestEpoch}${score}`, `experiment: ${experiment.folder}`])
}
