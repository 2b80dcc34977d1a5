import type { Command } from 'commander'
import { counted } from '../../core/plural.js'
import { removeFeaturesOptions } from '../../evaluate/options.js'
import { withCommonFlags, type CliContext, type CommonFlags } from '../context.js'
import { downloadProgress } from '../data-progress.js'
import { addFlags, optionsOf } from '../flags.js'
import { openModel, withModelFlags, type DataFlags, type ModelFlags, type RuleFlags } from '../shared-flags.js'

const { output } = removeFeaturesOptions.shape
const options = removeFeaturesOptions.extend({
  output: output.optional().meta({ ...output.meta(), default: "the experiment's feature_removal/<rule>" })
})

interface Flags extends CommonFlags, DataFlags, ModelFlags, RuleFlags {
  input?: string[]
}

/** `lrp-native remove-features` */
export function register(command: Command, context: CliContext): void {
  addFlags(withModelFlags(command), options)
  withCommonFlags(command, [
    'remove-features --rule alpha2beta1',
    'remove-features mlp-digits --rule epsilon --fraction 0.2 0.4 --fill mean'
  ])
  command.action((model: string | undefined, flags: Flags) => runRemoval(model, flags, context))
}

async function runRemoval(name: string | undefined, flags: Flags, context: CliContext): Promise<void> {
  const output = await context.begin(flags)
  const { removeFeatures } = await import('../../evaluate/remove-features.js')
  const model = await openModel(name, flags)
  const { output: asked, ...rest } = optionsOf(options, flags)
  const method = flags.method ?? flags.rule ?? flags.composite ?? 'auto'
  const folder = asked ?? model.resultFolder('feature_removal', method)
  const progress = output.progress(1, 'images')
  const given = {
    ...rest,
    onDownload: downloadProgress(output),
    output: folder,
    onProgress: (done: number, total: number): void => progress.updateLine(done, total),
    signal: context.signal
  }
  const result = await removeFeatures(model, given).finally(() => progress.stop())
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
