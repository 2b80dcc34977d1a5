import { existsSync } from 'node:fs'
import { appendFile, stat, truncate } from 'node:fs/promises'
import protobuf from 'protobufjs'
import type { Experiment } from '../experiment/experiment.js'
import { ioError, makeFolder } from '../core/files.js'
import type { EpochEvent } from '../native/train-types.js'

// The part of TensorBoard's event.proto and summary.proto that scalars need.
const { root } = protobuf.parse(
  `
  syntax = "proto3";
  message Value { string tag = 1; float simple_value = 2; }
  message Summary { repeated Value value = 1; }
  message Event { double wall_time = 1; int64 step = 2; string file_version = 3; Summary summary = 5; }
`,
  { keepCase: true }
)
const Event = root.lookupType('Event')

const TAGS: [string, keyof EpochEvent][] = [
  ['loss/train', 'trainLoss'],
  ['loss/valid', 'validLoss'],
  ['accuracy/train', 'trainAccuracy'],
  ['accuracy/valid', 'validAccuracy'],
  ['learning_rate', 'learningRate'],
  ['images_per_second', 'imagesPerSecond']
]

/**
 * `tensorboard/events.out.tfevents.*`: loss, accuracy and learning rate per epoch, as TensorBoard reads them during the
 * run. What the file lacks is appended; a record that a kill cut off is written again.
 * @throws LrpError IO
 */
export async function writeTensorboard(experiment: Experiment, history: EpochEvent[]): Promise<void> {
  const begun = Math.floor(Date.parse(experiment.manifest.created) / 1000)
  await makeFolder(experiment.path('tensorboard'))
  const path = experiment.path('tensorboard', `events.out.tfevents.${begun}.lrp-native`)
  try {
    const there = await sizeOf(path)
    let whole = 0
    const missing = eventRecords(history, begun).filter((one) => {
      if (whole + one.length > there) return true
      whole += one.length
      return false
    })
    if (missing.length === 0) return
    if (whole < there) await truncate(path, whole)
    await appendFile(path, Buffer.concat(missing))
  } catch (cause) {
    throw ioError(cause, `cannot write ${path}`)
  }
}

async function sizeOf(path: string): Promise<number> {
  return existsSync(path) ? (await stat(path)).size : 0
}

/** The records of an event file; times are those of the epochs' training, from `begun` (seconds since 1970) on. */
export function eventRecords(history: EpochEvent[], begun: number): Buffer[] {
  const records = [record({ wall_time: begun, file_version: 'brain.Event:2' })]
  let time = begun
  for (const event of history) {
    time += event.seconds
    const values = TAGS.map(([tag, key]) => ({ tag, simple_value: event[key] as number }))
    const known = values.filter((value) => Number.isFinite(value.simple_value))
    records.push(record({ wall_time: time, step: event.epoch, summary: { value: known } }))
  }
  return records
}

/** TFRecord: length, its checksum, the data, its checksum. */
function record(event: object): Buffer {
  const data = Buffer.from(Event.encode(Event.fromObject(event)).finish())
  const header = Buffer.alloc(12)
  header.writeBigUInt64LE(BigInt(data.length))
  header.writeUInt32LE(masked(crc32c(header.subarray(0, 8))), 8)
  const footer = Buffer.alloc(4)
  footer.writeUInt32LE(masked(crc32c(data)))
  return Buffer.concat([header, data, footer])
}

function masked(crc: number): number {
  return (((crc >>> 15) | (crc << 17)) + 0xa282ead8) >>> 0
}

const TABLE = Uint32Array.from({ length: 256 }, (_, i) => {
  let c = i
  for (let bit = 0; bit < 8; bit++) c = c & 1 ? (c >>> 1) ^ 0x82f63b78 : c >>> 1
  return c
})

/** CRC-32C (Castagnoli), which TFRecord uses; zlib has the other polynomial. */
export function crc32c(bytes: Uint8Array): number {
  let crc = 0xffffffff
  for (const byte of bytes) crc = TABLE[(crc ^ byte) & 255]! ^ (crc >>> 8)
  return (crc ^ 0xffffffff) >>> 0
}
