import type { Command } from 'commander'
import type { ReportFormat } from '../../report/report.js'
import { LrpError } from '../../core/errors.js'
import { withCommonFlags, type CliContext, type CommonFlags } from '../context.js'

interface Flags extends CommonFlags {
  experiments?: string
  format?: string
  output?: string
}

const FORMATS = ['html', 'json', 'csv', 'md']

/** `lrp-native report` */
export function register(program: Command, context: CliContext): void {
  const command = program
    .command('report')
    .description('Gather experiments into one self-contained page.')
    .argument('[experiments...]', 'experiments (folders or names); by default the newest')
    .option('--experiments <folder>', 'where experiments lie', 'experiments')
    .option('--format <format>', 'html, json, csv, md', 'html')
    .option('--output <file>', "the file to write; by default report.<format> in the first experiment's folder")
  withCommonFlags(command, ['report', 'report mlp-digits lenet-digits --output comparison.html', 'report --format md'])
  command.action((names: string[], flags: Flags) => runReport(names, flags, context))
}

async function runReport(names: string[], flags: Flags, context: CliContext): Promise<void> {
  const output = await context.begin(flags)
  if (!FORMATS.includes(flags.format!))
    throw new LrpError('INVALID_ARGUMENT', `--format must be one of ${FORMATS.join(', ')}, not '${flags.format}'`)
  const { newestExperiment, openExperiment } = await import('../../experiment/experiment.js')
  const { report } = await import('../../report/report.js')
  const root = flags.experiments
  const experiments =
    names.length > 0
      ? await Promise.all(names.map((name) => openExperiment(name, root)))
      : [await newestExperiment(root)]
  const path = await report(experiments, { format: flags.format as ReportFormat, output: flags.output })
  output.result({ report: path, experiments: experiments.map(({ name }) => name) }, [`report: ${path}`])
}
