import type { Command } from 'commander'
import { wholeNumber, withCommonFlags, type CliContext, type CommonFlags } from '../context.js'
import { downloadProgress, leftOut } from '../data-progress.js'
import type { RegressionMetrics } from '../../scores/regression.js'
import type { TestOptions } from '../../scores/test-model.js'
import type { Model } from '../../model/model.js'
import { counted } from '../../core/plural.js'
import { joinPeers, withPeerFlags, type PeerFlags } from '../peer-flags.js'
import { dataOf, openModel, withDataFlags, withModelFlags, type DataFlags, type ModelFlags } from '../shared-flags.js'

interface Flags extends CommonFlags, DataFlags, ModelFlags, PeerFlags {
  split?: 'train' | 'valid' | 'test'
  limit?: number
  batchSize?: number
  output?: string
}

/** `lrp-native test` */
export function register(program: Command, context: CliContext): void {
  const command = program
    .command('test')
    .description('Score a model on a data set: accuracy, confusion matrix or errors of values, throughput.')
  withPeerFlags(withDataFlags(withModelFlags(command)))
    .option('--split <name>', 'train, valid or test')
    .option('--limit <number>', 'at most so many images', wholeNumber('--limit', 1))
    .option('--batch-size <number>', 'images per pass', wholeNumber('--batch-size', 1))
    .option('--output <folder>', "where results go; by default the experiment's test/")
  withCommonFlags(command, ['test', 'test mlp-digits --json', 'test path/to/model --data-path path/to/class-folders'])
  command.action((model: string | undefined, flags: Flags) => runTest(model, flags, context))
}

async function runTest(name: string | undefined, flags: Flags, context: CliContext): Promise<void> {
  const output = await context.begin(flags, { shared: true })
  const { group, device } = await joinPeers(flags)
  const { model, experiment } = await openModel(name, { ...flags, device })
  const folder = flags.output ?? experiment?.path('test')
  const progress = output.progress(1, 'images')
  const { split, limit, batchSize } = flags
  const onProgress = (done: number, total: number): void => progress.updateLine(done, total)
  const options = {
    ...dataOf(flags, experiment),
    onDownload: downloadProgress(output),
    split,
    limit,
    batchSize,
    output: folder,
    group,
    onProgress,
    signal: context.signal
  }
  const score = model.task === 'regression' ? scoreValues : scoreClasses
  const { line, metrics, imagesPerSecond, files, skipped } = await score(model, options).finally(() => {
    progress.stop()
    model.dispose()
  })
  if (skipped.length > 0) output.note(leftOut(skipped))
  output.result({ ...metrics, imagesPerSecond, files, skipped }, [
    line,
    `${Math.round(imagesPerSecond)} images per second`,
    ...(folder ? [`written to ${folder}`] : [])
  ])
}

type Scored = { line: string; metrics: object; imagesPerSecond: number; files: string[]; skipped: string[] }

async function scoreClasses(model: Model, options: TestOptions): Promise<Scored> {
  const { test } = await import('../../scores/test-model.js')
  const { metrics, ...more } = await test(model, options)
  const { accuracy, images, macroF1, logLoss } = metrics
  const line = `accuracy ${accuracy.toFixed(4)} on ${counted(images, 'image')}, macro F1 ${macroF1.toFixed(4)}, log loss ${logLoss.toFixed(4)}`
  return { line, metrics, ...more }
}

async function scoreValues(model: Model, options: TestOptions): Promise<Scored> {
  const { testRegression } = await import('../../scores/regression.js')
  const { metrics, ...more } = await testRegression(model, options)
  return { line: valuesLine(metrics), metrics, ...more }
}

/** How well values are predicted, in one line. */
export function valuesLine({ r2, mae, rmse, images }: RegressionMetrics): string {
  return `R2 ${r2.toFixed(4)} on ${counted(images, 'image')}, MAE ${mae.toPrecision(4)}, RMSE ${rmse.toPrecision(4)}`
}
