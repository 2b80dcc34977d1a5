import { dirname } from 'node:path'
import { toCsv } from '../core/csv.js'
import { makeFolder, writeAtomic } from '../core/files.js'
import { checkOptions } from '../core/options.js'
import { newestExperiment, openExperiment, type Experiment } from '../experiment/experiment.js'
import { gather, type ExperimentReport } from './gather.js'
import { reportOptions, type ReportOptions } from './options.js'
import { reportHtml } from './page.js'
import { gap } from './removals.js'
import { classScores, valueScores } from './test-report.js'

/** Where a report was written, and of which experiments. */
export interface Reported {
  report: string
  experiments: string[]
}

/**
 * Gathers what experiments hold and writes `report.html` (one file, no network) with `report.json` next to it, or one of
 * the other formats.
 * @param given experiments, or their folders or names; by default the newest
 * @throws LrpError NOT_FOUND, IO
 */
export async function report(given: (Experiment | string)[] = [], options: ReportOptions = {}): Promise<Reported> {
  const { format, experimentsRoot, output: file } = checkOptions(reportOptions, options)
  const chosen = given.length > 0 ? given : [await newestExperiment(experimentsRoot)]
  const experiments = await Promise.all(
    chosen.map((one) => (typeof one === 'string' ? openExperiment(one, experimentsRoot) : one))
  )
  const gathered = await Promise.all(experiments.map(gather))
  const output = file ?? experiments[0]!.path(`report.${format}`)
  await makeFolder(dirname(output))
  const json = JSON.stringify({ experiments: gathered }, null, 2) + '\n'
  if (format === 'html') {
    await writeAtomic(output, reportHtml(gathered))
    await writeAtomic(output.replace(/\.html$/, '') + '.json', json)
  } else {
    await writeAtomic(
      output,
      format === 'json' ? json : format === 'csv' ? toCsv(table(gathered)) : toMarkdown(table(gathered))
    )
  }
  return { report: output, experiments: experiments.map(({ name }) => name) }
}

function table(experiments: ExperimentReport[]): (string | number)[][] {
  const rows = experiments.map(({ name, network, test, history, evaluation, removals }) => [
    name,
    network,
    history.length,
    classScores(test)?.accuracy ?? '',
    classScores(test)?.macroF1 ?? '',
    classScores(test)?.logLoss ?? '',
    valueScores(test)?.r2 ?? '',
    evaluation ? `${evaluation.result.methods[0]!.name} (${evaluation.result.rankedBy})` : '',
    removals.map(({ name: rule, result }) => `${rule} ${gap(result).toFixed(3)}`).join('; ')
  ])
  const scores = ['accuracy', 'macro F1', 'log loss', 'R2']
  return [['experiment', 'model', 'epochs', ...scores, 'best method', 'removal gap'], ...rows]
}

function toMarkdown(rows: (string | number)[][]): string {
  const line = (row: (string | number)[]): string => `| ${row.join(' | ')} |`
  return [line(rows[0]!), line(rows[0]!.map(() => '---')), ...rows.slice(1).map(line)].join('\n') + '\n'
}
