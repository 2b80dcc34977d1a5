import type { Command } from 'commander'
import type { AuditResult } from '../../audit/result.js'
import { counted } from '../../core/plural.js'
import { collect, wholeNumber, withCommonFlags, type CliContext, type CommonFlags } from '../context.js'
import { downloadProgress } from '../data-progress.js'
import {
  givenData,
  openModel,
  withDataFlags,
  withModelFlags,
  type DataFlags,
  type ModelFlags
} from '../shared-flags.js'

interface Flags extends CommonFlags, DataFlags, ModelFlags {
  split?: 'train' | 'valid' | 'test'
  limit?: number
  rule?: string
  composite?: string
  layer?: string
  format?: ('html' | 'virelay')[]
  exportLists?: boolean
  output?: string
}

/** `lrp-native audit` */
export function register(command: Command, context: CliContext): void {
  withDataFlags(withModelFlags(command))
    .option('--split <name>', 'train, valid or test (test)')
    .option('--limit <number>', 'maximum number of images (all)', wholeNumber('--limit', 1))
    .option('--rule <name>', 'explains every image, instead of a composite')
    .option('--composite <name>', 'explains every image (epsilon-plus-flat)')
    .option('--layer <name>', 'layer whose channels are looked at (the last convolution)')
    .option('--format <names...>', 'html, virelay (html)', collect(String))
    .option('--export-lists', 'also write the images of flagged clusters: flagged.csv')
    .option('--output <folder>', "where results go; by default the experiment's audit/")
  withCommonFlags(command, [
    'audit',
    'audit path/to/model --data-path path/to/class-folders --output audit',
    'audit lenet-mnist --export-lists --format html,virelay'
  ])
  command.action((model: string | undefined, flags: Flags) => runAudit(model, flags, context))
}

async function runAudit(name: string | undefined, flags: Flags, context: CliContext): Promise<void> {
  const output = await context.begin(flags)
  const { audit } = await import('../../audit/audit.js')
  const model = await openModel(name, flags)
  const folder = flags.output ?? model.resultFolder('audit')
  const progress = output.progress(1, 'images')
  const { split, limit, rule, composite, layer, format, exportLists } = flags
  const { result, files } = await audit(model, {
    ...givenData(flags),
    onDownload: downloadProgress(output),
    ...{ split, limit, rule, composite, layer, format, exportLists },
    output: folder,
    onProgress: (done, total) => progress.updateLine(done, total),
    signal: context.signal
  }).finally(() => {
    progress.stop()
    model.dispose()
  })
  output.result({ ...result, folder, files }, [...linesOf(result), `written to ${folder}`])
}

function linesOf({ accuracy, images, classes, flagged }: AuditResult): string[] {
  const clusters = classes.reduce((sum, one) => sum + one.clusters.length, 0)
  const first = `accuracy ${accuracy.toFixed(4)} on ${counted(images, 'image')}; ${counted(clusters, 'cluster')} of ${classes.length} classes tested`
  if (flagged.length === 0) return [first, 'nothing is flagged: no tested pattern decides a class by itself']
  return [first, ...flagged.map((one) => `FLAGGED class ${one.class}, cluster ${one.cluster}: ${one.reason}`)]
}
