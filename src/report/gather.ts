import { existsSync, readdirSync } from 'node:fs'
import { join, sep } from 'node:path'
import type { z } from 'zod'
import { LrpError } from '../core/errors.js'
import { readJson } from '../core/files.js'
import type { Evaluation, RemovalResult } from '../evaluate/results.js'
import type { Experiment } from '../experiment/experiment.js'
import type { ExplainSummary } from '../explain/summary.js'
import type { EpochEvent } from '../native/train-types.js'
import { RESULTS } from '../results/index.js'
import { readHistory } from '../train/checkpoint.js'
import type { TestReport } from './test-report.js'

/** Pictures of one method in a report. */
const MOST_PICTURES = 20

/** Everything that a report shows of one experiment; also its JSON. */
export interface ExperimentReport {
  name: string
  folder: string
  /** Name of the network. */
  network: string
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
  const { command, network, versions, data, results } = experiment.manifest as unknown as ExperimentReport
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
    network: network ?? String(command.model),
    command,
    versions,
    data,
    results,
    history: await readHistory(experiment),
    test: await readResult(experiment.path('test', 'metrics.json'), testSchema),
    explanations: await inFolders(experiment.path('explanations'), async (name) => {
      const path = experiment.path('explanations', name, 'explain.json')
      const summary = await readResult<ExplainSummary>(path, () => RESULTS.explain)
      return summary && { name, summary, pictures: pictures(experiment, 'explanations', name) }
    }),
    evaluation: await evaluationOf(experiment),
    removals: await inFolders(experiment.path('feature_removal'), async (name) => {
      const path = experiment.path('feature_removal', name, 'removal.json')
      const result = await readResult<RemovalResult>(path, () => RESULTS.removal)
      return result && { name, result, pictures: removalPictures(experiment, 'feature_removal', name) }
    }),
    charts: charts.filter((path) => existsSync(experiment.path(path)))
  }
}

async function evaluationOf(experiment: Experiment): Promise<ExperimentReport['evaluation']> {
  const path = experiment.path('evaluation', 'evaluation.json')
  const result = await readResult<Evaluation>(path, () => RESULTS.evaluation)
  const charts = ['morf', 'lerf', 'perturbed', 'randomisation'].map((name) => `evaluation/${name}.png`)
  return result && { result, pictures: charts.filter((path) => existsSync(experiment.path(path))) }
}

/** What is found in the folders below one, by name. */
async function inFolders<T>(path: string, read: (name: string) => Promise<T | undefined>): Promise<T[]> {
  if (!existsSync(path)) return []
  const folders = readdirSync(path, { withFileTypes: true }).filter((entry) => entry.isDirectory())
  const found: T[] = []
  for (const name of folders.map((entry) => entry.name).sort()) {
    const one = await read(name)
    if (one !== undefined) found.push(one)
  }
  return found
}

const withoutEnding = (name: string): string => name.slice(0, -'.png'.length)
const compare = (a: string, b: string): number => (a < b ? -1 : Number(a > b))

/** Pictures in a folder and those below it, by name: `a.png` before `a.layers.png`. */
function pngs(folder: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .map((name) => name.replaceAll(sep, '/'))
    .filter((name) => name.endsWith('.png'))
    .sort((a, b) => compare(withoutEnding(a), withoutEnding(b)))
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

/**
 * A result that a command wrote, by its published schema; undefined for a file without one.
 * @throws LrpError INVALID_FILE naming the file
 */
async function readResult<T>(path: string, schemaOf: (content: unknown) => z.ZodType): Promise<T | undefined> {
  if (!existsSync(path)) return undefined
  const content = await readJson(path)
  const { error } = schemaOf(content).safeParse(content)
  if (!error) return content as T
  const place = error.issues[0]!.path.join('.')
  const where = place === '' ? '' : `: see '${place}'`
  throw new LrpError('INVALID_FILE', `${path} is damaged, or another version of lrp-native wrote it${where}`)
}

function testSchema(content: unknown): z.ZodType {
  const { task = 'classification' } = (content ?? {}) as { task?: string }
  return task === 'multilabel' || task === 'regression' ? RESULTS[`test-${task}`] : RESULTS['test-classification']
}
