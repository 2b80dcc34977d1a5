import type { Command } from 'commander'
import { withCommonFlags, type CliContext, type CommonFlags } from '../context.js'
import { downloadProgress, leftOut } from '../data-progress.js'
import type { ClassificationMetrics } from '../../scores/classification.js'
import type { RegressionMetrics } from '../../scores/regression.js'
import { testOptions } from '../../scores/options.js'
import { counted } from '../../core/plural.js'
import { addFlags, optionsOf } from '../flags.js'
import { joinPeers, withPeerFlags, type PeerFlags } from '../peer-flags.js'
import { openModel, withModelFlags, type DataFlags, type ModelFlags } from '../shared-flags.js'

type Flags = CommonFlags & DataFlags & ModelFlags & PeerFlags

/** `lrp-native test` */
export function register(command: Command, context: CliContext): void {
  addFlags(withPeerFlags(withModelFlags(command)), testOptions)
  withCommonFlags(command, ['test', 'test mlp-digits --json', 'test path/to/model --data-path path/to/class-folders'])
  command.action((model: string | undefined, flags: Flags) => runTest(model, flags, context))
}

async function runTest(name: string | undefined, flags: Flags, context: CliContext): Promise<void> {
  const output = await context.begin(flags, { shared: true })
  const { testModel } = await import('../../scores/test-model.js')
  const { group, device } = await joinPeers(flags)
  const model = await openModel(name, { ...flags, device })
  const asked = optionsOf(testOptions, flags)
  const folder = asked.output ?? model.experiment?.path('test')
  const progress = output.progress(1, 'images')
  const options = {
    ...asked,
    onDownload: downloadProgress(output),
    output: folder,
    group,
    onProgress: (done: number, total: number): void => progress.updateLine(done, total),
    signal: context.signal
  }
  const { metrics, imagesPerSecond, files, skipped, task } = await testModel(model, options).finally(() => {
    progress.stop()
    model.dispose()
  })
  const line = task === 'regression' ? valuesLine(metrics) : classesLine(metrics)
  if (skipped.length > 0) output.note(leftOut(skipped))
  output.result({ ...metrics, imagesPerSecond, files, skipped }, [
    line,
    `${Math.round(imagesPerSecond)} images per second`,
    ...(folder ? [`written to ${folder}`] : [])
  ])
}

function classesLine(metrics: ClassificationMetrics): string {
  const { accuracy, images, macroF1, logLoss, perClass, rocAuc, averagePrecision } = metrics
  const two = perClass.length === 2
  const binary = two ? `, ROC AUC ${rocAuc.toFixed(4)}, average precision ${averagePrecision.toFixed(4)}` : ''
  return `accuracy ${accuracy.toFixed(4)} on ${counted(images, 'image')}, macro F1 ${macroF1.toFixed(4)}, log loss ${logLoss.toFixed(4)}${binary}`
}

/** How well values are predicted, in one line. */
export function valuesLine({ r2, mae, rmse, images }: RegressionMetrics): string {
  return `R2 ${r2.toFixed(4)} on ${counted(images, 'image')}, MAE ${mae.toPrecision(4)}, RMSE ${rmse.toPrecision(4)}`
}
