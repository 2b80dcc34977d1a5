import { recordedSettings } from '../core/command-line.js'
import { checkOptions } from '../core/options.js'
import type { Tensor } from '../core/tensor.js'
import type { Dataset, SplitName } from '../data/dataset.js'
import { readExclude, withoutListed } from '../data/exclude.js'
import { fitTo, openFor, ownData, readImages } from '../data/for-model.js'
import { batchFor, shareOfImages } from '../distributed/process-group.js'
import type { Model } from '../model/model.js'
import type { Provenance } from '../model/provenance.js'
import { testOptions, type TestOptions } from './options.js'

/** A network's outputs on a split. */
export interface SplitOutputs {
  /** With the images that were taken. */
  dataset: Dataset
  split: SplitName
  /** [images, outputs] */
  outputs: Tensor
  imagesPerSecond: number
}

/** Fields that all results of scoring a split contain besides the metrics. */
export interface SplitResult {
  /** Images per second of the forward passes, without the first batch (warm-up). */
  imagesPerSecond: number
  /** Images that could not be read and were skipped. */
  skipped: string[]
  /** Other notes on the images. */
  notes?: string[]
  /** Names of the written files, if any. */
  files: string[]
  /** Version of lrp-native, SHA-256 of the model, precision and preprocessing. */
  provenance: Provenance
}

/** @throws LrpError INVALID_ARGUMENT when images and model do not fit together */
export async function outputsOn(model: Model, options: TestOptions): Promise<SplitOutputs> {
  const { split, batchSize: given } = checkOptions(testOptions, options)
  const exclude = await readExclude(options.exclude)
  const opened = await openFor(model, options, options.thresholds === 'best' ? [split, 'valid'] : [split])
  const images = exclude === undefined ? opened : withoutListed(opened, exclude, ownData(model, options).dataPath)
  const dataset = await fitTo(model, images, split, options.limit)
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
    const input = await readImages(model, dataset, split, from, to)
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

/** What metrics.json says besides the metrics. */
export function headOf(
  dataset: Dataset,
  options: TestOptions,
  { provenance, imagesPerSecond, skipped }: { provenance: Provenance; imagesPerSecond: number; skipped: string[] }
): object {
  const settings = recordedSettings(testOptions, options)
  return { data: dataset.name, split: options.split ?? 'test', settings, provenance, imagesPerSecond, skipped }
}

/** Of several processes one writes. */
export function writes({ output, group }: TestOptions): boolean {
  return output !== undefined && (group?.rank ?? 0) === 0
}
