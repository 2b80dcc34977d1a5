import type { Command } from 'commander'
import type { Fill } from '../../evaluate/perturbation/fills.js'
import { counted } from '../../core/plural.js'
import { collect, realNumber, wholeNumber, withCommonFlags, type CliContext, type CommonFlags } from '../context.js'
import { downloadProgress } from '../data-progress.js'
import {
  givenData,
  openModel,
  ruleOptions,
  withDataFlags,
  withModelFlags,
  withRuleFlags,
  type DataFlags,
  type ModelFlags,
  type RuleFlags
} from '../shared-flags.js'

interface RemovalFlags extends CommonFlags, DataFlags, ModelFlags, RuleFlags {
  input?: string[]
  limit?: number
  pictures?: number
  fraction?: number[]
  fill?: Fill
  output?: string
}

/** `lrp-native remove-features` */
export function register(command: Command, context: CliContext): void {
  addRemovalFlags(withDataFlags(withRuleFlags(withModelFlags(command))))
  withCommonFlags(command, [
    'remove-features --rule alpha2beta1',
    'remove-features mlp-digits --rule epsilon --fraction 0.2 0.4 --fill mean'
  ])
  command.action((model: string | undefined, flags: RemovalFlags) => runRemoval(model, flags, context))
}

/** What is removed, and how. */
function addRemovalFlags(command: Command): Command {
  return command
    .option('--input <paths...>', 'images or one .npy file instead of the test split')
    .option('--limit <number>', 'maximum number of images (all)', wholeNumber('--limit', 1))
    .option('--pictures <number>', 'images that get a folder of pictures and texts (10)', wholeNumber('--pictures', 0))
    .option(
      '--fraction <shares...>',
      'shares of pixels to remove (0.1 0.2 0.3 0.4 0.5)',
      collect(realNumber('--fraction'))
    )
    .option(
      '--fill <name>',
      'what replaces a pixel: zero (black), mean, noise, or another fill of docs/metrics.md (zero)'
    )
    .option('--output <folder>', "where results go; by default the experiment's feature_removal/<rule>/")
}

async function runRemoval(name: string | undefined, flags: RemovalFlags, context: CliContext): Promise<void> {
  const output = await context.begin(flags)
  const { removeFeatures } = await import('../../evaluate/remove-features.js')
  const model = await openModel(name, flags)
  const rule = { ...ruleOptions(flags), patterns: flags.patterns }
  const method = flags.method ?? flags.rule ?? flags.composite ?? 'epsilon'
  const folder = flags.output ?? model.resultFolder('feature_removal', method)
  const progress = output.progress(1, 'images')
  const { input, limit, pictures, fraction, fill } = flags
  const onProgress = (done: number, total: number): void => progress.updateLine(done, total)
  const options = {
    ...rule,
    ...givenData(flags),
    onDownload: downloadProgress(output),
    input,
    limit,
    pictures,
    fraction,
    fill,
    output: folder,
    onProgress,
    signal: context.signal
  }
  const result = await removeFeatures(model, options).finally(() => progress.stop())
  model.dispose()
  const lines = result.curve.map(
    (point) =>
      `${(point.fraction * 100).toFixed(0).padStart(3)} % removed: most relevant ${point.important.toFixed(4)}, least relevant ${point.unimportant.toFixed(4)}`
  )
  output.result({ ...result, folder }, [
    `mean confidence of the predicted class over ${counted(result.images, 'image')}, ${result.method}:`,
    ...lines,
    `written to ${folder}`
  ])
}
