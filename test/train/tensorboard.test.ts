import { appendFileSync, mkdtempSync, readFileSync, readdirSync, rmSync, truncateSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from '@jest/globals'
import protobuf from 'protobufjs'
import type { EpochEvent } from '../../src/native/train-types.js'
import { createExperiment } from '../../src/experiment/experiment.js'
import { crc32c, eventRecords, writeTensorboard } from '../../src/train/tensorboard.js'

const event: EpochEvent = {
  kind: 'epoch',
  epoch: 1,
  trainLoss: 0.5,
  trainAccuracy: 0.75,
  validLoss: NaN,
  validAccuracy: NaN,
  learningRate: 0.125,
  imagesPerSecond: 1000,
  seconds: 2,
  best: true
}

test('the checksum is CRC-32C', () => {
  expect(crc32c(Buffer.from('123456789'))).toBe(0xe3069283)
  expect(crc32c(Buffer.alloc(32))).toBe(0x8a9136aa)
})

test('an event file is a sequence of TFRecords: the version, then one event per epoch', () => {
  const file = Buffer.concat(eventRecords([event, { ...event, epoch: 2, validLoss: 0.25 }], 100))
  const events: { step: number; time: number; version?: string; scalars: Record<string, number> }[] = []
  for (let at = 0; at < file.length;) {
    const length = Number(file.readBigUInt64LE(at))
    const data = file.subarray(at + 12, at + 12 + length)
    const unmask = (value: number): number => {
      const rotated = (value - 0xa282ead8) >>> 0
      return ((rotated >>> 17) | (rotated << 15)) >>> 0
    }
    expect(unmask(file.readUInt32LE(at + 8))).toBe(crc32c(file.subarray(at, at + 8)))
    expect(unmask(file.readUInt32LE(at + 12 + length))).toBe(crc32c(data))
    events.push(decode(data))
    at += length + 16
  }
  const common = { 'loss/train': 0.5, 'accuracy/train': 0.75, learning_rate: 0.125, images_per_second: 1000 }
  expect(events).toEqual([
    { step: 0, time: 100, version: 'brain.Event:2', scalars: {} },
    { step: 1, time: 102, version: undefined, scalars: common },
    { step: 2, time: 104, version: undefined, scalars: { ...common, 'loss/valid': 0.25 } }
  ])
})

test('epochs are appended as they end; what a kill cut off is written again', async () => {
  const root = mkdtempSync(join(tmpdir(), 'lrp-events-'))
  const manifest = { command: { name: 'train' }, seed: 0, versions: {} }
  const experiment = await createExperiment('run', manifest as never, root)
  const history = [1, 2, 3].map((epoch) => ({ ...event, epoch }))
  const begun = Math.floor(Date.parse(experiment.manifest.created) / 1000)
  const whole = Buffer.concat(eventRecords(history, begun))
  const path = (): string => experiment.path('tensorboard', readdirSync(experiment.path('tensorboard'))[0]!)
  await writeTensorboard(experiment, history.slice(0, 2))
  const first = readFileSync(path())
  expect(first).toEqual(whole.subarray(0, first.length))
  await writeTensorboard(experiment, history)
  expect(readFileSync(path())).toEqual(whole)
  for (const cut of [5, first.length - 1, first.length, first.length + 7]) {
    truncateSync(path(), cut)
    await writeTensorboard(experiment, history)
    expect(readFileSync(path())).toEqual(whole)
  }
  appendFileSync(path(), 'an epoch that the checkpoint does not know of')
  await writeTensorboard(experiment, history)
  expect(readFileSync(path()).subarray(0, whole.length)).toEqual(whole)
  rmSync(root, { recursive: true })
})

/** By field numbers alone, so that a wrong number in the writer is seen. */
function decode(data: Buffer): { step: number; time: number; version?: string; scalars: Record<string, number> } {
  const result = { step: 0, time: 0, version: undefined as string | undefined, scalars: {} as Record<string, number> }
  const reader = protobuf.Reader.create(data)
  while (reader.pos < reader.len) {
    const tag = reader.uint32()
    if (tag === 9) result.time = reader.double()
    else if (tag === 16) result.step = Number(reader.int64())
    else if (tag === 26) result.version = reader.string()
    else if (tag === 42) readSummary(protobuf.Reader.create(reader.bytes()), result.scalars)
    else throw new Error(`unexpected field ${tag}`)
  }
  return result
}

function readSummary(reader: protobuf.Reader, scalars: Record<string, number>): void {
  while (reader.pos < reader.len) {
    expect(reader.uint32()).toBe(10)
    const value = protobuf.Reader.create(reader.bytes())
    expect(value.uint32()).toBe(10)
    const tag = value.string()
    expect(value.uint32()).toBe(21)
    scalars[tag] = value.float()
  }
}
