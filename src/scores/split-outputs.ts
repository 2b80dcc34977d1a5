import { z } from 'zod'
import { plainOf, type Asked } from '../core/command-line.js'
import { checkNames, checkOptions } from '../core/options.js'
import type { Tensor } from '../core/tensor.js'
import { loadImages, type Dataset, type SplitName } from '../data/dataset.js'
import { fitTo, openFor } from '../data/for-model.js'
import { namesOf } from '../core/option.js'
import { dataOptions, type DataOptions } from '../data/options.js'
import { batchFor, shareOfImages, type ProcessGroup } from '../distributed/process-group.js'
import type { Model } from '../model/model.js'
import { normaliseBytes } from '../model/preprocessing.js'

export interface TestOptions extends Omit<DataOptions, 'data'> {
  data?: string | Dataset
  split?: SplitName
  limit?: number
  batchSize?: number
  /** Folder for metrics.json, confusion.csv, predictions.csv and charts; nothing is written without it. */
  output?: string
  /** Processes that each take a share of the images (`joinProcessGroup`); all have the result, rank 0 writes it. */
  group?: ProcessGroup
  onProgress?: (done: number, total: number) => void
  signal?: AbortSignal
}

const NAMES: Record<keyof TestOptions, true> = {
  ...namesOf(dataOptions),
  split: true,
  limit: true,
  batchSize: true,
  output: true,
  group: true,
  onProgress: true,
  signal: true
}

const schema = z.object({
  split: z.enum(['train', 'valid', 'test']).optional(),
  limit: z.int().positive().optional(),
  batchSize: z.int().positive().optional()
})

/** A network's outputs on a split. */
export interface SplitOutputs {
  /** With the images that were taken. */
  dataset: Dataset
  split: SplitName
  /** [images, outputs] */
  outputs: Tensor
  imagesPerSecond: number
}

/** @throws LrpError INVALID_ARGUMENT when images and model do not fit together */
export async function outputsOn(model: Model, options: TestOptions): Promise<SplitOutputs> {
  checkNames(options, NAMES)
  const { split = 'test', batchSize: given } = checkOptions(schema, options)
  const opened = typeof options.data === 'object' ? options.data : await openFor(model, options)
  const dataset = await fitTo(model, opened, split, options.limit)
  const total = dataset.splits[split].labels.length
  const batchSize = given ?? batchFor(256, total, options.group)
  return { dataset, split, ...(await forward(model, dataset, split, total, batchSize, options)) }
}

async function forward(
  model: Model,
  dataset: Dataset,
  split: SplitName,
  total: number,
  batchSize: number,
  options: TestOptions
): Promise<{ outputs: Tensor; imagesPerSecond: number }> {
  const { group } = options
  const [first, last] = shareOfImages(total, batchSize, group)
  const parts: Tensor[] = []
  let seconds = 0
  let timed = 0
  for (let from = first; from < last; from += batchSize) {
    const to = Math.min(last, from + batchSize)
    const { bytes, shape } = await loadImages(dataset, split, from, to)
    const input = normaliseBytes(bytes, shape, model.preprocessing!)
    const begun = performance.now()
    parts.push(await model.forward(input, { signal: options.signal }))
    if (from > first || to === last) {
      seconds += (performance.now() - begun) / 1000
      timed += to - from
    }
    options.onProgress?.(to - first, last - first)
  }
  const own = { parts, seconds, timed }
  const all = group ? await group.gather(own) : [own]
  const outputs = joinRows(all.flatMap((one) => one.parts))
  const slowest = Math.max(...all.map((one) => one.seconds))
  return { outputs, imagesPerSecond: all.reduce((sum, one) => sum + one.timed, 0) / slowest }
}

function joinRows(parts: Tensor[]): Tensor {
  const classes = parts[0]!.shape[1]!
  const data = new Float32Array(parts.reduce((sum, part) => sum + part.data.length, 0))
  let at = 0
  for (const part of parts) {
    data.set(part.data, at)
    at += part.data.length
  }
  return { data, shape: [data.length / classes, classes] }
}

/** The options of a test that its report shows. */
export function askedOf(options: TestOptions): Asked {
  return plainOf(options, ['data', 'dataPath', 'split', 'limit', 'batchSize'])
}

/** Of several processes one writes. */
export function writes({ output, group }: TestOptions): boolean {
  return output !== undefined && (group?.rank ?? 0) === 0
}
