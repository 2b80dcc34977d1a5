import { existsSync } from 'node:fs'
import { z } from 'zod'
import { fingerprint, type Dataset } from '../data/dataset.js'
import { datasetName, openDataset, type DataOptions } from '../data/open.js'
import { LrpError } from '../errors.js'
import { createExperiment, openExperiment, type Experiment } from '../experiment/experiment.js'
import { buildArchitecture } from '../model/architectures/index.js'
import { ACTIVATIONS } from '../model/architectures/mlp.js'
import { initialise } from '../model/builder.js'
import type { ModelParts } from '../model/graph.js'
import { loadModelParts } from '../model/load.js'
import { Model } from '../model/model.js'
import { saveParts } from '../model/save.js'
import { native } from '../native.js'
import { checkOptions } from '../options.js'
import { writeTrainingCharts } from '../plot/training-charts.js'
import { unknownName } from '../suggest.js'
import { versions } from '../versions.js'
import { readCheckpoint, writeCheckpoint, writeHistory } from './checkpoint.js'
import { fitNormalisation } from './fit-normalisation.js'
import type { BatchEvent, EpochEvent, Snapshot } from './native.js'
import { Latest } from './latest.js'
import { runTraining } from './run.js'

export const LOSSES = ['cross-entropy', 'nll', 'mse'] as const
export const OPTIMIZERS = ['sgd', 'adam', 'adamw', 'rmsprop'] as const

export interface TrainOptions extends Omit<DataOptions, 'data' | 'onProgress'> {
  /** Name of a data set (`digits` by default) or an opened one. */
  data?: string | Dataset
  /** `mlp` (default) or `lenet`. */
  model?: string
  /** mlp: units of each hidden layer (128, 64). */
  hiddenSize?: number[]
  activation?: string
  loss?: (typeof LOSSES)[number]
  optimizer?: (typeof OPTIMIZERS)[number]
  learningRate?: number
  /** sgd, rmsprop */
  momentum?: number
  weightDecay?: number
  batchSize?: number
  epochs?: number
  seed?: number
  device?: string
  /** Folder name below the experiments root; `<model>-<data set>` by default. */
  experimentName?: string
  experimentsRoot?: string
  /** Experiment or model whose weights the training starts from. */
  from?: string
  /** Stopped experiment to go on with, in its own folder and with its own settings. */
  resume?: string
  onProgress?: (event: BatchEvent | EpochEvent) => void
  signal?: AbortSignal
}

export interface TrainResult {
  experiment: Experiment
  model: Model
  history: EpochEvent[]
  /** Epoch with the lowest validation loss; its weights are kept. */
  bestEpoch: number
  /** False when it was stopped; `resume` goes on. */
  completed: boolean
}

/** What a run needs to be repeated or gone on with; written into experiment.json. */
const settingsSchema = z.object({
  data: z.string().default('digits'),
  dataPath: z.string().optional(),
  validSplit: z.number().min(0).lt(1).optional(),
  imageSize: z.tuple([z.int().positive(), z.int().positive()]).optional(),
  channels: z.union([z.literal(1), z.literal(3)]).optional(),
  model: z.string().default('mlp'),
  hiddenSize: z.array(z.int().positive()).min(1).default([128, 64]),
  activation: z.string().default('relu'),
  loss: z.string().default('cross-entropy'),
  optimizer: z.string().default('adam'),
  learningRate: z.number().positive().default(1e-3),
  momentum: z.number().min(0).lt(1).default(0),
  weightDecay: z.number().min(0).default(0),
  batchSize: z.int().positive().default(32),
  epochs: z.int().positive().default(20),
  seed: z.int().min(0).default(0),
  from: z.string().optional()
})

export type TrainSettings = z.infer<typeof settingsSchema>

/**
 * Trains a classifier and writes its experiment folder: settings, best weights, last checkpoint, history and charts.
 * The same seed on the same machine gives bit-identical weights. An abort ends it after the batch at hand; what is done
 * is saved.
 * @throws LrpError INVALID_ARGUMENT, NOT_FOUND, INVALID_FILE, IO, NUMERIC (a loss that is not finite)
 */
export async function train(options: TrainOptions = {}): Promise<TrainResult> {
  if (options.resume !== undefined) return resume(options)
  const given = typeof options.data === 'object' ? options.data : undefined
  const settings = checkOptions(settingsSchema, { ...options, data: given?.name ?? datasetName(options as DataOptions) }, 'train')
  checkNames(settings)
  const dataset = given ?? (await openDataset({ ...settings, strict: options.strict }))
  const parts = await startingParts(settings, dataset, options.experimentsRoot)
  const command = { name: 'train', ...settings }
  const about = { command, versions: versions(), seed: settings.seed, data: describe(dataset) }
  const model = await Model.create(parts, options.device)
  const name = options.experimentName ?? `${settings.model}-${settings.data.replace(/[^\w-]+/g, '-').replace(/^-+|-+$/g, '')}`
  const experiment = await createExperiment(name, about, options.experimentsRoot)
  return runAndSave({ experiment, model, dataset, settings, options, history: [] })
}

async function resume(options: TrainOptions): Promise<TrainResult> {
  const experiment = await openExperiment(options.resume!, options.experimentsRoot)
  const checkpoint = await readCheckpoint(experiment)
  const settings = checkOptions(settingsSchema, { ...experiment.manifest.command, ...(options.epochs && { epochs: options.epochs }) }, 'experiment.json')
  const dataset = typeof options.data === 'object' ? options.data : await openDataset(settings)
  const kept = (experiment.manifest.data as { fingerprint?: string } | undefined)?.fingerprint
  if (kept !== fingerprint(dataset)) {
    throw new LrpError('INVALID_ARGUMENT', `the data set is not the one that ${experiment.name} was trained on`)
  }
  const saved = await loadModelParts(experiment.folder)
  const model = await Model.create({ ...saved, tensors: new Map(Object.entries(checkpoint.snapshot.weights)) }, options.device)
  const { optimizer, position } = checkpoint.snapshot
  return runAndSave({ experiment, model, dataset, settings, options, history: checkpoint.history, best: checkpoint.best, state: { optimizer, position } })
}

interface Run {
  experiment: Experiment
  model: Model
  dataset: Dataset
  settings: TrainSettings
  options: TrainOptions
  history: EpochEvent[]
  best?: number
  state?: Omit<Snapshot, 'weights'>
}

async function runAndSave({ experiment, model, dataset, settings, options, history, best, state }: Run): Promise<TrainResult> {
  const frame = { name: model.name, graph: model.graph, preprocessing: model.preprocessing, classes: model.classes }
  const checkpoints = new Latest((snapshot: Snapshot) => writeCheckpoint(experiment, { snapshot, history: [...history], best }))
  const bests = new Latest((parts: ModelParts) => saveParts(experiment.folder, parts))
  if (!existsSync(experiment.path('model.json'))) await saveParts(experiment.folder, await model.toParts())
  const onEpoch = (event: EpochEvent, snapshot: Snapshot): void => {
    history.push(event)
    const score = Number.isNaN(event.validLoss) ? event.trainLoss : event.validLoss
    if (best === undefined || score < best) {
      best = score
      bests.offer({ ...frame, tensors: new Map(Object.entries(snapshot.weights)) })
    }
    checkpoints.offer(snapshot)
    options.onProgress?.(event)
  }
  const callbacks = { onBatch: (event: BatchEvent) => options.onProgress?.(event), onEpoch }
  const result = await runTraining(model, dataset, { ...settings, state }, callbacks, options.signal)
  checkpoints.offer(result.snapshot)
  await Promise.all([checkpoints.settled(), bests.settled()])
  await writeHistory(experiment, history)
  if (history.length > 0) await writeTrainingCharts(experiment, history)
  const bestEpoch = history.find((event) => event.validLoss === best || event.trainLoss === best)?.epoch ?? 0
  await experiment.record({ results: { completed: result.completed, epochs: history.length, bestEpoch, ...history[bestEpoch - 1] } })
  model.dispose()
  return { experiment, model: await Model.load(experiment.folder, { device: options.device }), history, bestEpoch, completed: result.completed }
}

async function startingParts(settings: TrainSettings, dataset: Dataset, root?: string): Promise<ModelParts> {
  if (settings.from === undefined) {
    const { classes, imageShape } = dataset
    const architecture = buildArchitecture(settings.model, { ...settings, classes: classes.length, imageShape })
    const parts = await initialise(architecture, settings.seed, classes)
    return { ...parts, preprocessing: { ...parts.preprocessing!, ...fitNormalisation(dataset) } }
  }
  const parts = await loadModelParts(settings.from, { experimentsRoot: root })
  const wanted = parts.graph.inputShape.slice(1).join('x')
  if (wanted !== dataset.imageShape.join('x')) {
    throw new LrpError('INVALID_ARGUMENT', `the model of '${settings.from}' takes images of ${wanted}, ${dataset.name} has ${dataset.imageShape.join('x')}`)
  }
  if (parts.classes && parts.classes.length !== dataset.classes.length) {
    throw new LrpError('INVALID_ARGUMENT', `the model of '${settings.from}' has ${parts.classes.length} classes, ${dataset.name} has ${dataset.classes.length}`)
  }
  return parts
}

function checkNames({ activation, loss, optimizer }: TrainSettings): void {
  if (!(activation in ACTIVATIONS)) throw unknownName('activation', activation, Object.keys(ACTIVATIONS))
  if (!LOSSES.includes(loss as never)) throw unknownName('loss', loss, LOSSES)
  if (!OPTIMIZERS.includes(optimizer as never)) throw unknownName('optimizer', optimizer, OPTIMIZERS)
}

function describe(dataset: Dataset): Record<string, unknown> {
  const { name, classes, imageShape, splits } = dataset
  const counts = Object.fromEntries(Object.entries(splits).map(([split, { labels }]) => [split, labels.length]))
  return { name, classes, imageShape, counts, fingerprint: fingerprint(dataset), threads: native().info().threads }
}
