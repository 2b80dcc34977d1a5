import { existsSync } from 'node:fs'
import { readdir, rm } from 'node:fs/promises'
import { join, parse } from 'node:path'
import { LrpError, isLrpError, type ErrorCode } from '../core/errors.js'
import { createExperiment, openExperiment, type Experiment } from '../experiment/experiment.js'
import { CoalescingWriter } from '../core/coalescing-writer.js'
import { copyAtomic, makeFolder, readJson } from '../core/files.js'
import { pickOptions } from '../core/option.js'
import { checkContent, checkOptions, withoutUndefined } from '../core/options.js'
import { checkEffects, checkUnchanged } from '../core/option-effects.js'
import { checkAugmentation } from '../train/augment.js'
import { checkTrainEffects, resumedSettings, type TrainSettings } from '../train/settings.js'
import { checkContinues } from '../train/experiment.js'
import type { TrainOptions } from '../train/options.js'
import { settingsOf } from '../train/prepare.js'
import { trainWith } from '../train/train.js'
import { Model } from '../model/model.js'
import { provenanceOf, type Provenance } from '../model/provenance.js'
import { versions } from '../native/versions.js'
import { checkOpened, dataKey, DataSets } from './data-sets.js'
import { searchOptions, tuneOptions, type Search, type TuneOptions } from './options.js'
import { writeOutcome } from './outcome.js'
import { inParallel } from './parallel.js'
import { checkSpace, checkValues, gridSamples, randomSample, settingsFrom, type Sample, type Space } from './space.js'
import { ranked, readTrials, writeTrials, type Measure, type Trial } from './trials.js'

export type { Measure, Trial } from './trials.js'

/** Return value of `tune`: the experiment with the best model, and the trials, best first. */
export interface TuneResult {
  /** The experiment with the model of the best trial. Its folder `trials/` contains the experiments of all trials. */
  experiment: Experiment
  /** All trials, best first. */
  trials: Trial[]
  /** Measure that ranks the trials. */
  measure: Measure
  /** The trial with the best score; undefined if all failed. */
  best: Trial | undefined
  /** False if the search was stopped; `resume` continues it. */
  completed: boolean
  /** Version of lrp-native, SHA-256, precision and preprocessing of the best model. */
  provenance?: Provenance
}

/**
 * Searches for the best settings of `train` by random search or grid search. The measure is the validation accuracy;
 * for tasks other than classification, it is the validation loss. Successive halving stops the worst trials early
 * (Jamieson and Talwalkar 2016). Every trial is an experiment in `trials/` and is resumed after a stop or a crash. A
 * trial fails if its loss is not finite or its settings cannot be combined.
 * @throws LrpError as `train`; INVALID_ARGUMENT for an invalid search space or a data set without validation images;
 * NUMERIC if every trial failed
 */
export async function tune(options: TuneOptions): Promise<TuneResult> {
  checkOptions(tuneOptions, options)
  const search = options.resume === undefined ? await begin(options) : await reopenSearch(options, options.resume)
  try {
    return await run(search, options)
  } finally {
    search.experiment.release()
  }
}

async function run(search: OpenSearch, options: TuneOptions): Promise<TuneResult> {
  const { experiment, trials, base, space, measure } = search
  const stopped = !(await new Runner(search, options).run())
  await writeOutcome(experiment, space, trials, measure)
  const best = ranked(trials, measure).find((trial) => trial.score !== null)
  if (best) await keepBest(experiment, best)
  const score = { [measure === 'loss' ? 'validLoss' : 'validAccuracy']: best?.score }
  const results = { completed: !stopped, best: best?.index, ...score, trials: trials.length }
  const { command } = experiment.manifest
  const provenance = best && (await provenanceOfExperiment(experiment, options.device))
  const end = { ...(best && { best: best.index, provenance }) }
  if (!stopped) await writeTrials(experiment, { measure, trials }, end)
  await experiment.record({
    command: { ...command, ...settingsFrom(base, best?.settings ?? {}) },
    results,
    ...(provenance && { provenance })
  })
  if (!stopped && !best) throw allFailed(experiment, trials)
  return { experiment, trials: ranked(trials, measure), measure, best, completed: !stopped, provenance }
}

async function provenanceOfExperiment(experiment: Experiment, device?: string): Promise<Provenance> {
  using model = await Model.load(experiment.folder, { device })
  return provenanceOf(model)
}

function allFailed(experiment: Experiment, trials: Trial[]): LrpError {
  const { index, error } = trials.find((trial) => trial.state === 'failed')!
  const where = `see ${experiment.path('tune.csv')} for all reasons`
  return new LrpError('NUMERIC', `no trial succeeded (${where}); trial ${index} failed: ${error}`)
}

/** Errors that are a trial's own; others end the search. */
const FAILURES: ErrorCode[] = ['NUMERIC', 'INVALID_ARGUMENT', 'UNSUPPORTED']

interface OpenSearch {
  experiment: Experiment
  trials: Trial[]
  datasets: DataSets
  /** Settings that are not searched. */
  base: TrainSettings
  space: Space
  search: Search
  measure: Measure
}

/** Regression has no accuracy. */
function measureOf({ task }: TrainSettings): Measure {
  return task === 'classification' ? 'accuracy' : 'loss'
}

async function begin(options: TuneOptions): Promise<OpenSearch> {
  const search = checkOptions(searchOptions, options)
  checkEffects(searchOptions, options, { method: search.method })
  const base = settingsOf(options)
  if (options.space === undefined)
    throw new LrpError('INVALID_ARGUMENT', "tune needs 'space' (the settings to search) or 'resume' (a stopped search)")
  const space = await givenSpace(options.space)
  await checkValues(space, base)
  checkOpened(options, space)
  checkTrainEffects({ ...options, ...space }, base, Object.keys(space))
  if ('epochs' in space && search.halving > 1) {
    const why = 'successive halving decides how many epochs a trial gets'
    throw new LrpError('INVALID_ARGUMENT', `the setting epochs can be searched only with --halving 1: ${why}`)
  }
  const samples =
    search.method === 'grid'
      ? gridSamples(space, search.gridPoints)
      : Array.from({ length: search.trials }, (_, i) => randomSample(space, base.seed, i))
  const datasets = new DataSets(options)
  const all = samples.map((sample) => settingsFrom(base, sample))
  await datasets.use(all[0]!, async (data) => {
    for (const settings of all) if (dataKey(settings) === dataKey(all[0]!)) checkAugmentation(settings.augment, data) // before a folder is made
  })
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
    options.experimentsRoot,
    options.experimentName !== undefined
  )
  options.onExperiment?.(experiment)
  const measure = measureOf(base)
  await writeTrials(experiment, { measure, trials })
  return { experiment, trials, datasets, base, space, search, measure }
}

/** What a stopped search depends on besides the settings of its trials; its rounds follow from the epochs. */
const resumed = searchOptions.extend({ space: tuneOptions.shape.space, epochs: searchOptions.shape.trials })

async function givenSpace(space: NonNullable<TuneOptions['space']>): Promise<Space> {
  return checkSpace(typeof space === 'string' ? await readJson(space) : space)
}

async function reopenSearch(options: TuneOptions, name: string): Promise<OpenSearch> {
  const experiment = await openExperiment(name, options.experimentsRoot)
  const { command } = experiment.manifest
  checkContinues(experiment, 'tune', options)
  const stored = checkContent(searchOptions, command.search, 'experiment.json')
  const search = { ...stored, parallel: options.parallel ?? stored.parallel }
  const base = resumedSettings(experiment, { ...options, epochs: undefined })
  const space = checkSpace(command.space)
  const given = withoutUndefined(pickOptions(resumed, options))
  const now = { ...search, ...base, ...given, space: options.space && (await givenSpace(options.space)) }
  checkUnchanged(resumed, name, { ...search, epochs: base.epochs, space }, now, Object.keys(given))
  experiment.hold()
  const trials = await readTrials(experiment)
  return { experiment, trials, datasets: new DataSets(options), base, space, search, measure: measureOf(base) }
}

/** Epochs of each round of successive halving, the last being all; the number of trials falls by `eta` each time. */
export function roundsOf(epochs: number, trials: number, eta: number): number[] {
  if (eta < 2) return [epochs]
  const count = Math.floor(Math.log(Math.min(epochs, trials)) / Math.log(eta) + 1e-9)
  return Array.from({ length: count + 1 }, (_, i) => Math.max(1, Math.round(epochs / eta ** (count - i))))
}

/** A trial, and how far it trains before others have their turn. */
interface Turn {
  trial: Trial
  settings: TrainSettings
  untilEpoch: number
}

/** Those on the same data set follow each other: it is opened once. */
function byData(turns: Turn[]): Turn[] {
  const keyOf = ({ settings }: Turn): string => dataKey(settings)
  return [...new Set(turns.map(keyOf))].flatMap((key) => turns.filter((turn) => keyOf(turn) === key))
}

class Runner {
  private readonly file = new CoalescingWriter((open: OpenSearch) =>
    writeTrials(open.experiment, { measure: open.measure, trials: open.trials })
  )

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
    const { base, search } = this.open
    const waiting = alive
      .map((trial) => ({ trial, settings: settingsFrom(base, trial.settings) }))
      .map((one) => ({ ...one, untilEpoch: search.halving > 1 ? epochs : one.settings.epochs }))
      .filter(({ trial, untilEpoch }) => trial.epochs < untilEpoch)
    return inParallel(byData(waiting), search.parallel, (one) => this.trial(one))
  }

  /** Trains one trial up to an epoch; false when it was stopped on the way. */
  private async trial({ trial, settings, untilEpoch }: Turn): Promise<boolean> {
    trial.state = 'running'
    try {
      const result = await this.open.datasets.use(settings, async (data) =>
        trainWith({
          ...(await this.optionsOf(trial, settings)),
          data,
          untilEpoch,
          test: false,
          signal: this.options.signal
        })
      )
      result.model.dispose()
      const { measure } = this.open
      trial.curve = result.history.map((event) => (measure === 'loss' ? event.validLoss : event.validAccuracy))
      const best = measure === 'loss' ? Math.min : Math.max
      trial.score = trial.curve.length > 0 ? best(...trial.curve) : null
      const ended = result.reason === 'early-stopped'
      trial.epochs = ended ? settings.epochs : result.history.length
      trial.state = 'waiting'
      await this.save()
      this.options.onTrial?.(trial, this.open.trials, this.open.measure)
      return result.reason !== 'cancelled'
    } catch (error) {
      if (isLrpError(error) && error.code === 'ABORTED') return false
      if (!isLrpError(error) || !FAILURES.includes(error.code)) throw error
      Object.assign(trial, { state: 'failed', score: null, error: error.message })
      await this.save()
      this.options.onTrial?.(trial, this.open.trials, this.open.measure)
      return true
    }
  }

  private async optionsOf(trial: Trial, settings: TrainSettings): Promise<TrainOptions> {
    const { experiment } = this.open
    const experimentsRoot = experiment.path('trials')
    const name = trialName(trial)
    const common = { experimentsRoot, device: this.options.device }
    const folder = experiment.path('trials', name)
    if (existsSync(experiment.path('trials', name, 'checkpoints', 'last.safetensors')))
      return { ...common, resume: name }
    await rm(folder, { recursive: true, force: true }) // killed before its first epoch ended
    return { ...settings, ...common, experimentName: name }
  }

  /** Trials that end at the same time share one writing. */
  private save(): Promise<void> {
    this.file.offer(this.open)
    return this.file.settled()
  }
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
