import { existsSync } from 'node:fs'
import * as z from 'zod'
import type { Experiment } from '../experiment/experiment.js'
import { toCsv } from '../core/csv.js'
import { LrpError } from '../core/errors.js'
import { makeFolder, parseJson, readBytes, writeAtomic } from '../core/files.js'
import { readSafetensors, writeSafetensors } from '../model/import/safetensors.js'
import type { RawTensor } from '../core/tensor.js'
import type { EpochEvent, Snapshot } from '../native/train-types.js'

/** What `checkpoints/last.safetensors` holds: a snapshot and the history so far. */
export interface Checkpoint {
  snapshot: Snapshot
  history: EpochEvent[]
}

/**
 * Weights, optimiser state, progress and history in one file, so that a run killed while writing leaves the checkpoint
 * before it whole. Progress and history are in it as a tensor of bytes, `state.json`.
 */
export async function writeCheckpoint(experiment: Experiment, checkpoint: Checkpoint): Promise<void> {
  await makeFolder(experiment.path('checkpoints'))
  const { weights, optimizer, state } = checkpoint.snapshot
  const text = JSON.stringify({ state, history: checkpoint.history })
  const bytes = new TextEncoder().encode(text)
  const entries: [string, RawTensor][] = [
    ...Object.entries(weights).map(([name, tensor]) => [`weights/${name}`, tensor] as [string, RawTensor]),
    ...Object.entries(optimizer).map(([name, tensor]) => [`optimizer/${name}`, tensor] as [string, RawTensor]),
    ['state.json', { dtype: 'u8', shape: [bytes.length], data: bytes }]
  ]
  await writeSafetensors(experiment.path('checkpoints', 'last.safetensors'), entries)
}

/**
 * Whether a run has written a checkpoint.
 * @throws LrpError NOT_FOUND if it had one that is gone: beginning again would replace a model that is there
 */
export function hasCheckpoint(experiment: Experiment): boolean {
  const path = experiment.path('checkpoints', 'last.safetensors')
  if (existsSync(path)) return true
  if (!existsSync(experiment.path('history.csv'))) return false // it is written after the first checkpoint
  throw new LrpError('NOT_FOUND', `the run cannot continue, because ${path} is missing: train again with another name`)
}

const number = z.number()
const checkpointSchema = z.object({
  state: z.object({
    ...{ epoch: number, batch: number, step: number, lossSum: number, correct: number, seen: number },
    best: z.object({ loss: number, accuracy: number, epoch: number, epochsSince: number }),
    plateau: z.object({ factor: number, best: number, badEpochs: number })
  }),
  history: z.array(z.looseObject({ epoch: number }))
})

/** @throws LrpError NOT_FOUND, INVALID_FILE */
export async function readCheckpoint(experiment: Experiment): Promise<Checkpoint> {
  const path = experiment.path('checkpoints', 'last.safetensors')
  if (!hasCheckpoint(experiment))
    throw new LrpError('NOT_FOUND', `the experiment ${experiment.name} has no checkpoint to resume from`)
  const tensors = await readSafetensors(path)
  const text = tensors.get('state.json')
  if (!text) throw new LrpError('INVALID_FILE', `${path} is not a checkpoint of lrp-native`)
  const group = (prefix: string): Record<string, RawTensor> =>
    Object.fromEntries(
      [...tensors].filter(([name]) => name.startsWith(prefix)).map(([name, t]) => [name.slice(prefix.length), t])
    )
  const content = checkpointSchema.safeParse(parseJson(new TextDecoder().decode(text.data), path))
  if (!content.success) throw new LrpError('INVALID_FILE', `${path} is not a checkpoint of lrp-native`)
  const { state, history } = content.data
  return {
    snapshot: { weights: group('weights/'), optimizer: group('optimizer/'), state },
    history: history.map((event) => withNaN(event as unknown as EpochEvent))
  }
}

/** JSON has no NaN: it reads as null. */
function withNaN(event: EpochEvent): EpochEvent {
  const { trainAccuracy, validLoss, validAccuracy } = event
  return {
    ...event,
    trainAccuracy: trainAccuracy ?? NaN,
    validLoss: validLoss ?? NaN,
    validAccuracy: validAccuracy ?? NaN
  }
}

/** Columns of history.csv and what they are called in it. */
const COLUMNS = {
  epoch: 'epoch',
  trainLoss: 'train_loss',
  trainAccuracy: 'train_accuracy',
  validLoss: 'valid_loss',
  validAccuracy: 'valid_accuracy',
  learningRate: 'learning_rate',
  imagesPerSecond: 'images_per_second',
  seconds: 'seconds',
  best: 'best'
} as const
const KEYS = Object.keys(COLUMNS) as (keyof typeof COLUMNS)[]

/** history.csv: one line per epoch. */
export async function writeHistory(experiment: Experiment, history: EpochEvent[]): Promise<void> {
  const rows = history.map((event) => KEYS.map((key) => Number(event[key])))
  await writeAtomic(experiment.path('history.csv'), toCsv([Object.values(COLUMNS), ...rows]))
}

/** history.csv of an experiment, read back. @throws LrpError INVALID_FILE */
export async function readHistory(experiment: Experiment): Promise<EpochEvent[]> {
  const path = experiment.path('history.csv')
  if (!existsSync(path)) return []
  const [header = '', ...lines] = (await readBytes(path)).toString().trim().split('\n')
  const names = header.split(',')
  if (
    Object.values(COLUMNS).some((name) => !names.includes(name)) ||
    lines.some((line) => line.split(',').length !== names.length)
  )
    throw new LrpError('INVALID_FILE', `${path} is damaged: it does not contain a training history`)
  return lines.map((line) => {
    const values = line.split(',').map(Number)
    const of = (key: keyof typeof COLUMNS): number => values[names.indexOf(COLUMNS[key])] ?? NaN
    const numbers = Object.fromEntries(KEYS.map((key) => [key, of(key)]))
    return { ...numbers, kind: 'epoch', best: of('best') === 1 } as EpochEvent
  })
}
