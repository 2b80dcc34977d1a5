import { dirname, join } from 'node:path'
import { toCsv } from '../core/csv.js'
import { isLrpError, type LrpError } from '../core/errors.js'
import { makeFolder, writeAtomic } from '../core/files.js'
import { checkOptions } from '../core/options.js'
import { EXPERIMENTS, openExperiment, requireExperiments, type Experiment } from '../experiment/experiment.js'
import { gather, type ExperimentReport } from './gather.js'
import { reportOptions, type ReportOptions } from './options.js'
import { reportHtml } from './page.js'
import { gap } from './removals.js'
import { classScores, valueScores } from './test-report.js'

/** Where a report was written, and of which experiments. */
export interface Reported {
  /** Path of the report. */
  report: string
  /** Names of the experiments, in the order of the report. */
  experiments: string[]
  /** If no experiments are named, a sentence for each experiment that could not be read and was skipped. */
  skipped: string[]
}

/**
 * Collects the results of experiments in `report.html`, a self-contained file, and in `report.json`. With the option
 * `format`, it writes only JSON, CSV or Markdown.
 * @param given experiments, or their folders or names; by default, all experiments in `experimentsRoot`, newest first
 * @throws LrpError NOT_FOUND if there is no experiment, INVALID_FILE for a damaged result of a named experiment, IO
 */
export async function report(given: (Experiment | string)[] = [], options: ReportOptions = {}): Promise<Reported> {
  const { format, experimentsRoot = EXPERIMENTS, output: file } = checkOptions(reportOptions, options)
  const { gathered, skipped } =
    given.length > 0 ? { gathered: await named(given, experimentsRoot), skipped: [] } : await all(experimentsRoot)
  const output = file ?? join(given.length > 0 ? gathered[0]!.folder : experimentsRoot, `report.${format}`)
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
  return { report: output, experiments: gathered.map(({ name }) => name), skipped }
}

/** @throws LrpError NOT_FOUND, INVALID_FILE */
async function named(given: (Experiment | string)[], root: string): Promise<ExperimentReport[]> {
  const experiments = await Promise.all(given.map((one) => (typeof one === 'string' ? openExperiment(one, root) : one)))
  return Promise.all(experiments.map(gather))
}

/** All experiments below a folder, newest first. @throws LrpError NOT_FOUND; INVALID_FILE if none can be read */
async function all(root: string): Promise<{ gathered: ExperimentReport[]; skipped: string[] }> {
  const gathered: ExperimentReport[] = []
  const errors: LrpError[] = []
  for (const name of requireExperiments(root)) {
    try {
      gathered.push(await gather(await openExperiment(join(root, name))))
    } catch (error) {
      if (!isLrpError(error)) throw error
      errors.push(error)
    }
  }
  if (gathered.length === 0) throw errors[0]!
  return { gathered, skipped: errors.map(({ message }) => message) }
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
