import { existsSync } from 'node:fs'
import { readdir, rm } from 'node:fs/promises'
import { join, parse } from 'node:path'
import { z } from 'zod'
import type { Dataset } from '../data/dataset.js'
import { LrpError, isLrpError } from '../errors.js'
import { createExperiment, openExperiment, type Experiment } from '../experiment/experiment.js'
import { copyAtomic, makeFolder } from '../files.js'
import { checkContent, checkNames, checkOptions } from '../options.js'
import { checkEffects } from '../train/effects.js'
import { checkAugmentation } from '../train/augment.js'
import { checkSettings, type TrainSettings } from '../train/settings.js'
import { openTrainData, settingsOf, trainWith, TRAIN_NAMES, type TrainOptions } from '../train/train.js'
import { versions } from '../versions.js'
import { inParallel } from './parallel.js'
import { checkSpace, gridSamples, randomSample, type GivenSpace, type Sample } from './space.js'
import { ranked, readTrials, writeOutcome, writeTrials, type Measure, type Trial } from './trials.js'

export type { Trial } from './trials.js'
export type { GivenSpace } from './space.js'

const searchSchema = z.object({
  method: z.enum(['random', 'grid']).default('random'),
  /** random: number of trials. */
  trials: z.int().positive().default(16),
  /** grid: values of each range. */
  gridPoints: z.int().positive().default(3),
  /** Successive halving: of every so many trials one goes on to so many times the epochs; 1: all trials run to the end. */
  halving: z.int().positive().default(3),
  /** Trials at the same time; each keeps one of the four threads of Node.js's pool busy, and one must stay for files. */
  parallel: z.int().positive().max(3).default(1)
})

type Search = z.output<typeof searchSchema>

export interface TuneOptions extends Omit<TrainOptions, 'untilEpoch' | 'onProgress'>, z.input<typeof searchSchema> {
  /** What is searched: settings of `train`, each a list, `{ choice }`, or `{ min, max, scale?, integer? }`. */
  space?: GivenSpace
  onTrial?: (trial: Trial, trials: readonly Trial[]) => void
}

const { untilEpoch: _epoch, onProgress: _progress, ...KEPT } = TRAIN_NAMES
const NAMES: Record<keyof TuneOptions, true> = {
  ...KEPT,
  method: true,
  trials: true,
  gridPoints: true,
  halving: true,
  parallel: true,
  space: true,
  onTrial: true
}

export interface TuneResult {
  /** An experiment like any other, with the best trial's model; its trials/ hold the others. */
  experiment: Experiment
  /** Best first. */
  trials: Trial[]
  /** What trials are ranked by. */
  measure: Measure
  best: Trial | undefined
  /** False when it was stopped; `resume` goes on. */
  completed: boolean
}

/**
 * Searches settings of `train` by validation accuracy (regression: loss): random or grid search, hopeless trials ended early by successive
 * halving (Jamieson and Talwalkar 2016). Every trial is an experiment below trials/ and can be gone on with after a stop
 * or a crash. A trial whose loss is not finite counts as failed.
 * @throws LrpError as `train`; INVALID_ARGUMENT for a bad space or a data set without validation images
 */
export async function tune(options: TuneOptions): Promise<TuneResult> {
  checkNames(options, NAMES)
  const search = options.resume === undefined ? await begin(options) : await reopenSearch(options, options.resume)
  const { experiment, trials, dataset } = search
  if (dataset.splits.valid.labels.length === 0) {
    throw new LrpError('INVALID_ARGUMENT', `${dataset.name} has no validation images to choose by: give --valid-split`)
  }
  const stopped = !(await new Runner(search, options).run())
  const { measure } = search
  await writeOutcome(experiment, trials, measure)
  const best = ranked(trials, measure).find((trial) => trial.score !== null)
  if (best) await keepBest(experiment, best)
  const score = { [measure === 'loss' ? 'validLoss' : 'validAccuracy']: best?.score }
  const results = { completed: !stopped, best: best?.index, ...score, trials: trials.length }
  const { command } = experiment.manifest
  await experiment.record({ command: { ...command, ...best?.settings }, results })
  return { experiment, trials: ranked(trials, measure), measure, best, completed: !stopped }
}

interface OpenSearch {
  experiment: Experiment
  trials: Trial[]
  dataset: Dataset
  base: TrainSettings
  search: Search
  measure: Measure
}

/** Regression has no accuracy. */
function measureOf({ task }: TrainSettings): Measure {
  return task === 'regression' ? 'loss' : 'accuracy'
}

async function begin(options: TuneOptions): Promise<OpenSearch> {
  const search = checkOptions(searchSchema, options)
  const base = settingsOf(options)
  const space = checkSpace(options.space ?? {})
  checkEffects({ ...options, ...space }, base, Object.keys(space))
  const samples =
    search.method === 'grid'
      ? gridSamples(space, search.gridPoints)
      : Array.from({ length: search.trials }, (_, i) => randomSample(space, base.seed, i))
  const settings = samples.map((sample) => checkSettings({ ...base, ...sample }, 'the search space'))
  const dataset = await openTrainData(base, options)
  for (const { augment } of settings) checkAugmentation(augment, dataset)
  const trials = samples.map((settings, index): Trial => ({
    index,
    settings,
    epochs: 0,
    score: null,
    curve: [],
    state: 'waiting'
  }))
  const network = typeof base.model === 'string' ? parse(base.model).name : 'layers'
  const name = options.experimentName ?? `tune-${network}-${base.data.replace(/[^\w-]+/g, '-').replace(/^-+|-+$/g, '')}`
  const command = { name: 'tune', ...base, search, space }
  const experiment = await createExperiment(
    name,
    { command, versions: versions(), seed: base.seed },
    options.experimentsRoot
  )
  await writeTrials(experiment, trials)
  return { experiment, trials, dataset, base, search, measure: measureOf(base) }
}

async function reopenSearch(options: TuneOptions, name: string): Promise<OpenSearch> {
  const experiment = await openExperiment(name, options.experimentsRoot)
  const { command } = experiment.manifest
  if (command.name !== 'tune')
    throw new LrpError('INVALID_ARGUMENT', `${experiment.name} is no search: "tune" makes one`)
  const search = checkContent(searchSchema, command.search, 'experiment.json')
  const base = checkSettings(command, 'experiment.json')
  const [trials, dataset] = [await readTrials(experiment), await openTrainData(base, options)]
  return { experiment, trials, dataset, base, search, measure: measureOf(base) }
}

/** Epochs of each round of successive halving, the last being all; the number of trials falls by `eta` each time. */
export function roundsOf(epochs: number, trials: number, eta: number): number[] {
  if (eta < 2) return [epochs]
  const count = Math.floor(Math.log(Math.min(epochs, trials)) / Math.log(eta) + 1e-9)
  return Array.from({ length: count + 1 }, (_, i) => Math.max(1, Math.round(epochs / eta ** (count - i))))
}

class Runner {
  constructor(
    private readonly open: OpenSearch,
    private readonly options: TuneOptions
  ) {}

  /** False when it was stopped. */
  async run(): Promise<boolean> {
    const { trials, base, search } = this.open
    const rounds = roundsOf(base.epochs, trials.length, search.halving)
    for (const [i, epochs] of rounds.entries()) {
      const alive = trials.filter((trial) => trial.state !== 'dropped' && trial.state !== 'failed')
      if (!(await this.round(alive, epochs))) return false
      const kept = Math.max(1, Math.floor(alive.length / search.halving))
      const last = i === rounds.length - 1
      const order = ranked(
        alive.filter((trial) => trial.state !== 'failed'),
        this.open.measure
      )
      order.forEach((trial, place) => {
        trial.state = last ? 'done' : place < kept ? 'waiting' : 'dropped'
      })
      await this.save()
    }
    return true
  }

  private round(alive: Trial[], epochs: number): Promise<boolean> {
    const waiting = alive.filter((trial) => trial.epochs < epochs)
    return inParallel(waiting, this.open.search.parallel, (trial) => this.trial(trial, epochs))
  }

  /** Trains one trial up to an epoch; false when it was stopped on the way. */
  private async trial(trial: Trial, epochs: number): Promise<boolean> {
    trial.state = 'running'
    try {
      const result = await trainWith({
        ...(await this.optionsOf(trial)),
        untilEpoch: epochs,
        signal: this.options.signal
      })
      result.model.dispose()
      const { measure } = this.open
      trial.curve = result.history.map((event) => (measure === 'loss' ? event.validLoss : event.validAccuracy))
      const best = measure === 'loss' ? Math.min : Math.max
      trial.score = trial.curve.length > 0 ? best(...trial.curve) : null
      const ended = result.reason === 'early-stopped'
      trial.epochs = ended ? Math.max(epochs, this.open.base.epochs) : result.history.length
      trial.state = 'waiting'
      await this.save()
      this.options.onTrial?.(trial, this.open.trials)
      return result.reason !== 'cancelled'
    } catch (error) {
      if (!isLrpError(error) || error.code !== 'NUMERIC') {
        if (isLrpError(error) && error.code === 'ABORTED') return false
        throw error
      }
      Object.assign(trial, { state: 'failed', score: null, error: error.message })
      await this.save()
      this.options.onTrial?.(trial, this.open.trials)
      return true
    }
  }

  private async optionsOf(trial: Trial): Promise<TrainOptions> {
    const { experiment, dataset, base } = this.open
    const experimentsRoot = experiment.path('trials')
    const name = trialName(trial)
    const common = { data: dataset, experimentsRoot, device: this.options.device }
    const folder = experiment.path('trials', name)
    if (existsSync(experiment.path('trials', name, 'checkpoints', 'last.safetensors')))
      return { ...common, resume: name }
    await rm(folder, { recursive: true, force: true }) // killed before its first epoch ended
    return { ...base, ...trial.settings, ...common, experimentName: name } as TrainOptions
  }

  private save(): Promise<void> {
    this.saved = this.saved.then(() => writeTrials(this.open.experiment, this.open.trials))
    return this.saved
  }
  private saved: Promise<void> = Promise.resolve()
}

function trialName(trial: { index: number }): string {
  return `trial-${String(trial.index).padStart(3, '0')}`
}

/** The best trial's model and history in the experiment's own folder. */
async function keepBest(experiment: Experiment, best: Trial): Promise<void> {
  const trial = experiment.path('trials', trialName(best))
  for (const name of ['model.json', 'weights.safetensors', 'history.csv']) {
    if (existsSync(join(trial, name))) await copyAtomic(join(trial, name), experiment.path(name))
  }
  await makeFolder(experiment.path('charts'))
  for (const name of existsSync(join(trial, 'charts')) ? await readdir(join(trial, 'charts')) : []) {
    await copyAtomic(join(trial, 'charts', name), experiment.path('charts', name))
  }
}

export type { Sample }
