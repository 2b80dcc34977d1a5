import { existsSync, readFileSync, readdirSync } from 'node:fs'
import { join, sep } from 'node:path'
import type { Evaluation } from '../evaluate/summary.js'
import type { RemovalResult } from '../evaluate/remove-features.js'
import { toCsv } from '../scores/test-model.js'
import type { Experiment } from '../experiment/experiment.js'
import type { ExplainSummary } from '../explain/summary.js'
import { writeAtomic } from '../core/files.js'
import { readHistory } from '../train/checkpoint.js'
import type { EpochEvent } from '../native/train-types.js'
import { reportHtml } from './page.js'
import { classScores, valueScores, type TestReport } from './test-section.js'

/** Everything of one experiment that a report shows; the JSON beside the page. */
export interface ExperimentReport {
  name: string
  folder: string
  command: Record<string, unknown>
  versions: Record<string, string>
  data?: Record<string, unknown>
  results?: Record<string, unknown>
  history: EpochEvent[]
  test?: TestReport
  explanations: { name: string; summary: ExplainSummary; pictures: string[] }[]
  /** Comparison of methods. */
  evaluation?: { result: Evaluation; pictures: string[] }
  removals: { name: string; result: Omit<RemovalResult, 'files'>; pictures: string[] }[]
  /** Charts that exist, relative to the folder. */
  charts: string[]
}

export type ReportFormat = 'html' | 'json' | 'csv' | 'md'

/**
 * Gathers what experiments hold and writes `report.html` (one file, no network) with `report.json` beside it, or one of
 * the other formats. @throws LrpError IO
 */
export async function report(
  experiments: Experiment[],
  options: { output?: string; format?: ReportFormat } = {}
): Promise<string> {
  const gathered = await Promise.all(experiments.map(gather))
  const format = options.format ?? 'html'
  const output = options.output ?? experiments[0]!.path(`report.${format}`)
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
  return output
}

async function gather(experiment: Experiment): Promise<ExperimentReport> {
  const { command, versions, data, results } = experiment.manifest as unknown as ExperimentReport
  const charts = [
    'charts/loss.png',
    'charts/accuracy.png',
    'test/confusion.png',
    'test/per-class.png',
    'test/predictions.png',
    'test/worst-errors.png'
  ]
  return {
    name: experiment.name,
    folder: experiment.folder,
    command,
    versions,
    data,
    results,
    history: await readHistory(experiment),
    test: readJson(experiment.path('test', 'metrics.json')),
    explanations: folders(experiment.path('explanations')).flatMap((name) => {
      const summary = readJson<ExplainSummary>(experiment.path('explanations', name, 'explain.json'))
      return summary ? [{ name, summary, pictures: pictures(experiment, 'explanations', name) }] : []
    }),
    evaluation: evaluationOf(experiment),
    removals: folders(experiment.path('feature_removal')).flatMap((name) => {
      const result = readJson<RemovalResult>(experiment.path('feature_removal', name, 'removal.json'))
      return result ? [{ name, result, pictures: pictures(experiment, 'feature_removal', name) }] : []
    }),
    charts: charts.filter((path) => existsSync(experiment.path(path)))
  }
}

function evaluationOf(experiment: Experiment): ExperimentReport['evaluation'] {
  const result = readJson<Evaluation>(experiment.path('evaluation', 'evaluation.json'))
  const charts = ['morf', 'lerf', 'perturbed', 'randomisation'].map((name) => `evaluation/${name}.png`)
  return result && { result, pictures: charts.filter((path) => existsSync(experiment.path(path))) }
}

function folders(path: string): string[] {
  if (!existsSync(path)) return []
  return readdirSync(path, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map((entry) => entry.name)
    .sort()
}

function pictures(experiment: Experiment, ...parts: string[]): string[] {
  const names = readdirSync(experiment.path(...parts), { recursive: true, encoding: 'utf8' })
    .map((name) => name.replaceAll(sep, '/'))
    .filter((name) => name.endsWith('.png'))
    .sort()
  return names.slice(0, 20).map((name) => join(...parts, name))
}

function readJson<T>(path: string): T | undefined {
  return existsSync(path) ? (JSON.parse(readFileSync(path, 'utf8')) as T) : undefined
}

function table(experiments: ExperimentReport[]): (string | number)[][] {
  const rows = experiments.map(({ name, command, test, history, evaluation, removals }) => [
    name,
    String(command.model),
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

/** Mean distance between the two curves of a feature removal: how much better than its opposite an order is. */
export function gap(result: Omit<RemovalResult, 'files'>): number {
  const points = result.curve.filter((point) => point.fraction > 0)
  return points.reduce((sum, point) => sum + point.unimportant - point.important, 0) / points.length
}

function toMarkdown(rows: (string | number)[][]): string {
  const line = (row: (string | number)[]): string => `| ${row.join(' | ')} |`
  return [line(rows[0]!), line(rows[0]!.map(() => '---')), ...rows.slice(1).map(line)].join('\n') + '\n'
}
