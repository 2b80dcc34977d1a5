import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import type { Experiment } from '../experiment/experiment.js'
import { LrpError } from '../errors.js'
import { makeFolder, writeAtomic } from '../files.js'
import { readSafetensors, writeSafetensors } from '../model/import/safetensors.js'
import type { RawTensor } from '../tensor.js'
import type { EpochEvent, Snapshot } from './native.js'

/** What `checkpoints/last.safetensors` holds: a snapshot, the history so far, the best validation loss. */
export interface Checkpoint {
  snapshot: Snapshot
  history: EpochEvent[]
  best: number | undefined
}

/**
 * Weights, optimizer state, position and history in one file, so that a run killed while writing leaves the checkpoint
 * before it whole. Position and history stand in it as a tensor of bytes, `state.json`.
 */
export async function writeCheckpoint(experiment: Experiment, checkpoint: Checkpoint): Promise<void> {
  await makeFolder(experiment.path('checkpoints'))
  const { weights, optimizer, position } = checkpoint.snapshot
  const text = JSON.stringify({ position, history: checkpoint.history, best: checkpoint.best })
  const bytes = new TextEncoder().encode(text)
  const entries: [string, RawTensor][] = [
    ...Object.entries(weights).map(([name, tensor]) => [`weights/${name}`, tensor] as [string, RawTensor]),
    ...Object.entries(optimizer).map(([name, tensor]) => [`optimizer/${name}`, tensor] as [string, RawTensor]),
    ['state.json', { dtype: 'u8', shape: [bytes.length], data: bytes }]
  ]
  await writeSafetensors(experiment.path('checkpoints', 'last.safetensors'), entries)
}

/** @throws LrpError NOT_FOUND, INVALID_FILE */
export async function readCheckpoint(experiment: Experiment): Promise<Checkpoint> {
  const path = experiment.path('checkpoints', 'last.safetensors')
  if (!existsSync(path)) throw new LrpError('NOT_FOUND', `the experiment ${experiment.name} has no checkpoint to go on from`)
  const tensors = await readSafetensors(path)
  const state = tensors.get('state.json')
  if (!state) throw new LrpError('INVALID_FILE', `${path} is no checkpoint of ours`)
  const group = (prefix: string): Record<string, RawTensor> =>
    Object.fromEntries([...tensors].filter(([name]) => name.startsWith(prefix)).map(([name, t]) => [name.slice(prefix.length), t]))
  const { position, history, best } = JSON.parse(new TextDecoder().decode(state.data)) as Omit<Checkpoint, 'snapshot'> & Snapshot
  return { snapshot: { weights: group('weights/'), optimizer: group('optimizer/'), position }, history, best }
}

/** history.csv: one line per epoch. */
export async function writeHistory(experiment: Experiment, history: EpochEvent[]): Promise<void> {
  const header = 'epoch,train_loss,train_accuracy,valid_loss,valid_accuracy,seconds'
  const lines = history.map((e) => [e.epoch, e.trainLoss, e.trainAccuracy, e.validLoss, e.validAccuracy, e.seconds].join(','))
  await writeAtomic(experiment.path('history.csv'), [header, ...lines].join('\n') + '\n')
}

/** history.csv of an experiment, read back. */
export async function readHistory(experiment: Experiment): Promise<EpochEvent[]> {
  if (!existsSync(experiment.path('history.csv'))) return []
  const [, ...lines] = (await readFile(experiment.path('history.csv'), 'utf8')).trim().split('\n')
  return lines.map((line) => {
    const [epoch, trainLoss, trainAccuracy, validLoss, validAccuracy, seconds] = line.split(',').map(Number) as [number, number, number, number, number, number]
    return { kind: 'epoch', epoch, trainLoss, trainAccuracy, validLoss, validAccuracy, seconds }
  })
}
