import type { Command } from 'commander'
import type { FinetuneMode } from '../../finetune/finetune.js'
import { withCommonFlags, type CliContext } from '../context.js'
import { joinPeers, withPeerFlags, type PeerFlags } from '../peer-flags.js'
import { withDataFlags } from '../shared-flags.js'
import { dataProgress } from '../data-progress.js'
import { trainOptions, trainProgress, withTrainFlags, type TrainFlags } from '../train-flags.js'
import { showTrained } from './train.js'

interface Flags extends TrainFlags, PeerFlags {
  mode?: FinetuneMode
  newHead?: boolean
  preprocess?: string
  architecture?: string
  resume?: string
}

/** `lrp-native finetune` */
export function register(command: Command, context: CliContext): void {
  command
    .argument('[model]', 'experiment (folder or name) or model file; by default the newest experiment')
    .option('--task <name>', "classification or regression; by default the model's own")
    .option('--mode <mode>', 'last-layer: the rest stays and is computed once; whole: every weight is trained')
    .option(
      '--new-head',
      'a new last layer even where the classes are the same; where class names are unknown or values: as many'
    )
    .option('--architecture <name>', 'network of a file that holds weights alone: .pth, .pt, .th, .safetensors')
    .option('--preprocess <name>', 'imagenet, cifar, none or a JSON file, instead of what is stored with the model')
    .option('--no-test', 'do not score the test split at the end')
    .option('--resume <experiment>', 'stopped fine-tuning to continue')
  withPeerFlags(withTrainFlags(withDataFlags(command)))
  withCommonFlags(command, [
    'finetune mlp-digits --data-path path/to/class-folders',
    'finetune vgg16.pth --architecture vgg16 --data-path path/to/class-folders --mode whole --learning-rate 0.0001'
  ])
  command.action((model: string | undefined, flags: Flags) => runFinetune(model, flags, context))
}

async function runFinetune(name: string | undefined, flags: Flags, context: CliContext): Promise<void> {
  const output = await context.begin(flags, { shared: true })
  const { finetune } = await import('../../finetune/finetune.js')
  const { newestExperiment } = await import('../../experiment/experiment.js')
  const { mode, newHead, architecture, resume } = flags
  const model = name ?? (resume === undefined ? (await newestExperiment(flags.experiments)).folder : undefined)
  const peers = await joinPeers(flags)
  const options = {
    ...(await trainOptions(flags)),
    ...peers,
    model,
    mode,
    newHead,
    resume,
    load: { architecture }
  }
  const { stop, ...progress } = trainProgress(output)
  const shown = { ...dataProgress(output), ...progress, signal: context.signal }
  const result = await finetune({ ...options, ...shown }).finally(stop)
  await showTrained(result, output, 'finetune')
}
