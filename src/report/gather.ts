import { existsSync, readFileSync, readdirSync } from 'node:fs'
import { join, sep } from 'node:path'
import { LrpError } from '../core/errors.js'
import type { Evaluation, RemovalResult } from '../evaluate/results.js'
import type { Experiment } from '../experiment/experiment.js'
import type { ExplainSummary } from '../explain/summary.js'
import type { EpochEvent } from '../native/train-types.js'
import { readHistory } from '../train/checkpoint.js'
import type { TestReport } from './test-report.js'

/** Pictures of one method in a report. */
const MOST_PICTURES = 20

/** Everything that a report shows of one experiment; also its JSON. */
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

/** Reads what an experiment's folder holds. */
export async function gather(experiment: Experiment): Promise<ExperimentReport> {
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
      return result ? [{ name, result, pictures: removalPictures(experiment, 'feature_removal', name) }] : []
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

/** Pictures in a folder and those below it, by name. */
function pngs(folder: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .map((name) => name.replaceAll(sep, '/'))
    .filter((name) => name.endsWith('.png'))
    .sort()
}

function pictures(experiment: Experiment, ...parts: string[]): string[] {
  return pngs(experiment.path(...parts))
    .slice(0, MOST_PICTURES)
    .map((name) => join(...parts, name))
}

/** The curve, and the sheet of each image, next to which a folder holds the single pictures. */
function removalPictures(experiment: Experiment, ...parts: string[]): string[] {
  const isSheet = (name: string): boolean =>
    name === 'curve.png' || existsSync(experiment.path(...parts, name.replace(/\.png$/, '')))
  return pngs(experiment.path(...parts))
    .filter(isSheet)
    .slice(0, MOST_PICTURES)
    .map((name) => join(...parts, name))
}

function readJson<T>(path: string): T | undefined {
  if (!existsSync(path)) return undefined
  try {
    return JSON.parse(readFileSync(path, 'utf8')) as T
  } catch (cause) {
    throw new LrpError('INVALID_FILE', `cannot read ${path}: ${(cause as Error).message}`, { cause })
  }
}
