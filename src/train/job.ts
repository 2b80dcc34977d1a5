import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import type { ProcessGroup } from '../distributed/process-group.js'
import type { Experiment } from '../experiment/experiment.js'
import type { ModelParts } from '../core/graph.js'
import { Model } from '../model/model.js'
import { provenanceOf } from '../model/provenance.js'
import { loadParts, saveParts } from '../model/save.js'
import { writeFilters } from '../plot/filters.js'
import { writeTrainingCharts } from './training-charts.js'
import type { StateDict } from '../core/tensor.js'
import { RunRecorder } from './recorder.js'
import type {
  BatchEvent,
  EpochEvent,
  NativeRun,
  NativeTrainData,
  NativeTrainOptions,
  NativeTrainResult,
  Snapshot
} from '../native/train-types.js'
import { runTraining } from './run.js'

/** One training run and the experiment that it fills. */
export interface Job {
  experiment: Experiment
  /** What is trained; disposed of afterwards. */
  model: Model
  data: NativeTrainData
  options: NativeTrainOptions
  /** The model to be saved, around the weights of what is trained. */
  assemble: (weights: StateDict) => ModelParts
  /** Where the run continues; without them, from the start. */
  history?: EpochEvent[]
  start?: NativeRun['start']
  checkpointSeconds: number
  tensorboard: boolean
  /** The run ends before the epochs that were asked for. */
  paused?: boolean
  device?: string
  /** Processes that share every batch; rank 0 alone writes the experiment. */
  group?: ProcessGroup
  onProgress?: (event: BatchEvent | EpochEvent) => void
  signal?: AbortSignal
}

export interface RunResult {
  /** The experiment, whose folder contains the model, charts and scores. */
  experiment: Experiment
  /** The model with the weights of the best epoch. */
  model: Model
  /** One event for each epoch, in order. */
  history: EpochEvent[]
  /**
   * Number of the best epoch: the highest validation accuracy, then the lowest loss; for tasks other than
   * classification, the lowest validation loss. Without validation images, it is the last epoch.
   */
  bestEpoch: number
  /** False if the run was stopped; `resume` continues it. */
  completed: boolean
  /** Reason why the training ended: all epochs done, early stopping, or the caller's signal. */
  reason: NativeTrainResult['reason']
  /** For several processes, their number, and the library that exchanged the gradients (`NCCL`, `Gloo`). */
  shared?: Shared
}

interface Shared {
  processes: number
  gradients: string
}

/** Runs a job; best weights, checkpoints and history are written during the run, charts and results at its end. */
export async function runJob(job: Job): Promise<RunResult> {
  try {
    return await run(job)
  } finally {
    job.model.dispose()
  }
}

async function run(job: Job): Promise<RunResult> {
  const { experiment, model, onProgress, group } = job
  await group?.agree('settings or data', fingerprintOf(job))
  const shared = group && { processes: group.size, gradients: await group.prepare(model.device) }
  if (group && group.rank > 0) return follow(job, group, shared)
  if (!existsSync(experiment.path('model.json'))) {
    await saveParts(experiment.folder, job.assemble(await model.stateDict()))
  }
  const failed = new AbortController()
  const signal = job.signal ? AbortSignal.any([job.signal, failed.signal]) : failed.signal
  const { assemble, history = [], checkpointSeconds, tensorboard } = job
  const recorder = new RunRecorder(experiment, assemble, history, () => failed.abort(), checkpointSeconds, tensorboard)
  const callbacks = {
    onBatch: (event: BatchEvent) => onProgress?.(event),
    onEpoch: (event: EpochEvent, snapshot: Snapshot) => {
      recorder.epoch(event, snapshot)
      onProgress?.(event)
    }
  }
  try {
    const where = { start: job.start, group: group?.handle }
    const result = await runTraining(model, job.data, job.options, where, callbacks, signal)
    recorder.checkpoint(result.snapshot)
    await recorder.settled()
    const { reason, snapshot } = result
    const completed = isComplete(job, reason)
    await finish(experiment, recorder.history, { ...result, completed }, shared)
    const best = await Model.load(experiment.folder, { device: job.device })
    await experiment.record({ provenance: await provenanceOf(best) })
    if (recorder.history.length > 0) await writeFilters(best, experiment.path('charts', 'filters.png'))
    return {
      experiment,
      model: best,
      history: recorder.history,
      bestEpoch: snapshot.state.best.epoch,
      completed,
      reason,
      shared
    }
  } finally {
    await recorder.settled().catch(() => undefined)
  }
}

function isComplete({ paused }: Job, reason: RunResult['reason']): boolean {
  return reason !== 'cancelled' && !(paused && reason === 'finished')
}

/** The part of a process that is not rank 0: it trains along and writes nothing. */
async function follow(job: Job, group: ProcessGroup, shared?: Shared): Promise<RunResult> {
  const { experiment, model, onProgress } = job
  const history = [...(job.history ?? [])]
  let best: StateDict | undefined
  const callbacks = {
    onBatch: (event: BatchEvent) => onProgress?.(event),
    onEpoch: (event: EpochEvent, snapshot: Snapshot) => {
      history.push(event)
      if (event.best) best = new Map(Object.entries(snapshot.weights))
      onProgress?.(event)
    }
  }
  const where = { start: job.start, group: group.handle }
  const { reason, snapshot } = await runTraining(model, job.data, job.options, where, callbacks, job.signal)
  const parts = best ? job.assemble(best) : await loadParts(experiment.folder)
  return {
    experiment,
    model: await Model.create(parts, job.device),
    history,
    bestEpoch: snapshot.state.best.epoch,
    completed: isComplete(job, reason),
    reason,
    shared
  }
}

/** What all processes must have alike, so that they take the same steps. */
function fingerprintOf({ options, model, data, start }: Job): string {
  const { train, valid } = data
  const labels = [train, valid].map((one) => one && createHash('sha256').update(one.labels.data).digest('hex'))
  const alike = { ...options, threads: undefined, graph: model.graph, state: start?.state, labels }
  return createHash('sha256').update(JSON.stringify(alike)).digest('hex')
}

async function finish(
  experiment: Experiment,
  history: EpochEvent[],
  result: NativeTrainResult & { completed: boolean },
  shared?: Shared
): Promise<void> {
  const { completed, reason, snapshot } = result
  if (history.length > 0) await writeTrainingCharts(experiment, history)
  const bestEpoch = snapshot.state.best.epoch
  const results = { completed, reason, epochs: history.length, bestEpoch, ...history[bestEpoch - 1], ...shared }
  await experiment.record({ results })
}
