import { z } from 'zod'
import { loadImages, type Dataset, type SplitName } from '../data/dataset.js'
import { fitTo } from '../data/for-model.js'
import { checkSignal, LrpError } from '../core/errors.js'
import { makeFolder } from '../core/files.js'
import { readSafetensors, writeSafetensors } from '../model/import/safetensors.js'
import type { Model } from '../model/model.js'
import { normaliseBytes } from '../model/preprocessing.js'
import { callNative } from '../native/addon.js'
import { checkNames, checkOptions } from '../core/options.js'
import type { StateDict, Tensor } from '../core/tensor.js'
import { dirname } from 'node:path'

/** Which samples a unit's pattern is fitted to: all of them, or those that make it fire. */
const PATTERN_KINDS = ['all', 'positive'] as const
export type PatternKind = (typeof PATTERN_KINDS)[number]

export interface FitPatternsOptions {
  kind?: PatternKind
  /** Images per pass (64). */
  batchSize?: number
  /** At most so many images of the split; all by default. */
  limit?: number
  /** `train` by default. */
  split?: SplitName
  onProgress?: (done: number, total: number) => void
  signal?: AbortSignal
}

const NAMES: Record<keyof FitPatternsOptions, true> = {
  kind: true,
  batchSize: true,
  limit: true,
  split: true,
  onProgress: true,
  signal: true
}

const schema = z.object({
  kind: z.enum(PATTERN_KINDS).optional(),
  batchSize: z.int().positive().optional(),
  limit: z.int().positive().optional(),
  split: z.enum(['train', 'valid', 'test']).optional()
})

/**
 * Signal patterns of every weighted layer, by layer name, for PatternNet and PatternAttribution (Kindermans et al. 2018;
 * fitted as TorchLRP does). Any amount of data: batches stream by.
 * @param batches inputs as the network wants them
 */
export async function fitPatterns(
  model: Model,
  batches: Iterable<Tensor> | AsyncIterable<Tensor>,
  kind: PatternKind = 'positive',
  signal?: AbortSignal
): Promise<StateDict> {
  const patterns = await callNative(async (addon) => {
    const fitter = new addon.PatternFitter(model.handle, kind === 'positive')
    for await (const batch of batches) {
      checkSignal(signal)
      await fitter.add(batch)
    }
    return fitter.finish()
  })
  return new Map(Object.entries(patterns))
}

/** `fitPatterns` over a split of a data set. @throws LrpError INVALID_ARGUMENT when images and model do not fit together */
export async function fitPatternsToDataset(
  model: Model,
  given: Dataset,
  options: FitPatternsOptions = {}
): Promise<StateDict> {
  checkNames(options, NAMES)
  const { kind, batchSize = 64, limit, split = 'train' } = checkOptions(schema, options)
  const dataset = await fitTo(model, given, split, limit)
  const total = dataset.splits[split].labels.length
  async function* batches(): AsyncGenerator<Tensor> {
    for (let from = 0; from < total; from += batchSize) {
      const to = Math.min(total, from + batchSize)
      const { bytes, shape } = await loadImages(dataset, split, from, to)
      yield normaliseBytes(bytes, shape, model.preprocessing!)
      options.onProgress?.(to, total)
    }
  }
  return fitPatterns(model, batches(), kind, options.signal)
}

/** @throws LrpError IO */
export async function savePatterns(path: string, patterns: StateDict): Promise<void> {
  await makeFolder(dirname(path))
  await writeSafetensors(path, patterns)
}

/** @throws LrpError NOT_FOUND, INVALID_FILE, or INVALID_ARGUMENT where patterns and model do not belong together */
export async function loadPatterns(path: string, model: Model): Promise<StateDict> {
  const patterns = await readSafetensors(path)
  const names = new Set(model.graph.nodes.map((node) => node.name))
  const stranger = [...patterns.keys()].find((name) => !names.has(name))
  if (stranger !== undefined)
    throw new LrpError('INVALID_ARGUMENT', `${path} has a pattern for '${stranger}', a layer the model does not have`)
  return patterns
}
