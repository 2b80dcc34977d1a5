import type { Command } from 'commander'
import type { PatternKind } from '../../explain/patterns.js'
import { counted } from '../../core/plural.js'
import { wholeNumber, withCommonFlags, type CliContext, type CommonFlags } from '../context.js'
import { downloadProgress } from '../data-progress.js'
import { dataOf, openModel, withDataFlags, withModelFlags, type DataFlags, type ModelFlags } from '../shared-flags.js'

interface Flags extends CommonFlags, DataFlags, ModelFlags {
  kind?: string
  limit?: number
  batchSize?: number
  output?: string
}

/** `lrp-native fit-patterns` */
export function register(program: Command, context: CliContext): void {
  const command = program
    .command('fit-patterns')
    .description('Fit the signal patterns that the rules patternnet and patternattribution need.')
  withDataFlags(withModelFlags(command))
    .option('--kind <name>', 'positive (samples that make a unit fire; the default) or all', 'positive')
    .option('--limit <number>', 'at most so many training images (all)', wholeNumber('--limit', 1))
    .option('--batch-size <number>', 'images per pass', wholeNumber('--batch-size', 1))
    .option(
      '--output <file>',
      "where they go; by default the experiment's patterns.safetensors, where explain finds them"
    )
  withCommonFlags(command, [
    'fit-patterns',
    'fit-patterns mlp-digits --kind all',
    'explain mlp-digits --rule patternattribution'
  ])
  command.action((model: string | undefined, flags: Flags) => runFit(model, flags, context))
}

async function runFit(name: string | undefined, flags: Flags, context: CliContext): Promise<void> {
  const output = await context.begin(flags)
  const { fitPatternsToDataset, savePatterns } = await import('../../explain/patterns.js')
  const { openFor } = await import('../../data/for-model.js')
  const { model, experiment } = await openModel(name, flags)
  const progress = output.progress(1, 'images')
  try {
    const dataset = await openFor(model, {
      testSplit: 0.1,
      ...dataOf(flags, experiment),
      onDownload: downloadProgress(output)
    })
    const patterns = await fitPatternsToDataset(model, dataset, {
      kind: flags.kind as PatternKind,
      limit: flags.limit,
      batchSize: flags.batchSize,
      onProgress: (done, total) => progress.updateLine(done, total),
      signal: context.signal
    })
    const path = flags.output ?? experiment?.path('patterns.safetensors') ?? 'patterns.safetensors'
    await savePatterns(path, patterns)
    progress.stop()
    output.result({ patterns: path, kind: flags.kind, layers: [...patterns.keys()] }, [
      `fitted ${counted(patterns.size, 'layer')}: ${path}`
    ])
  } finally {
    progress.stop()
    model.dispose()
  }
}
