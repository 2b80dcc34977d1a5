import { existsSync } from 'node:fs'
import { dirname } from 'node:path'
import { fitTo, openFor, readImages } from '../data/for-model.js'
import { checkSignal, LrpError } from '../core/errors.js'
import { makeFolder } from '../core/files.js'
import { checkOptions } from '../core/options.js'
import type { StateDict, Tensor } from '../core/tensor.js'
import { readSafetensors, writeSafetensors } from '../model/import/safetensors.js'
import type { Model } from '../model/model.js'
import { callNative } from '../native/addon.js'
import { fitPatternsOptions, type FitPatternsOptions, type PatternKind } from './file-options.js'

/**
 * Fits the signal patterns of every weighted layer for PatternNet and PatternAttribution (Kindermans et al. 2018), in
 * the same way as TorchLRP. It returns the patterns by layer name. It reads the batches one after the other, so the
 * data may be larger than memory.
 * @param batches preprocessed inputs [images, ...]
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

/**
 * Fits patterns to a split of a data set (see `fitPatterns`). The default is the data set that the model was trained
 * on.
 * @throws LrpError INVALID_ARGUMENT if the images do not fit the model
 */
export async function fitPatternsToDataset(model: Model, options: FitPatternsOptions = {}): Promise<StateDict> {
  const { kind, batchSize, limit, split, signal, onProgress } = checkOptions(fitPatternsOptions, options)
  const opened = await openFor(model, options, [split], 0.1)
  const dataset = await fitTo(model, opened, split, limit)
  const total = dataset.splits[split].labels.length
  async function* batches(): AsyncGenerator<Tensor> {
    for (let from = 0; from < total; from += batchSize) {
      const to = Math.min(total, from + batchSize)
      yield await readImages(model, dataset, split, from, to)
      onProgress?.(to, total)
    }
  }
  return fitPatterns(model, batches(), kind, signal)
}

/**
 * Fitted patterns: the given ones, otherwise those of the model's experiment, if there are any.
 * @throws LrpError as `loadPatterns`
 */
export async function patternsFor(model: Model, given?: string | StateDict): Promise<StateDict | undefined> {
  const own = model.experiment?.path('patterns.safetensors')
  const found = given ?? (own !== undefined && existsSync(own) ? own : undefined)
  return typeof found === 'string' ? loadPatterns(found, model) : found
}

/** Writes fitted patterns as a safetensors file. @throws LrpError IO */
export async function savePatterns(path: string, patterns: StateDict): Promise<void> {
  await makeFolder(dirname(path))
  await writeSafetensors(path, patterns)
}

/**
 * Reads patterns that `savePatterns` wrote.
 * @throws LrpError NOT_FOUND, INVALID_FILE, or INVALID_ARGUMENT if the patterns do not fit the model
 */
export async function loadPatterns(path: string, model: Model): Promise<StateDict> {
  const patterns = await readSafetensors(path)
  const names = new Set(model.graph.nodes.map((node) => node.name))
  const stranger = [...patterns.keys()].find((name) => !names.has(name))
  if (stranger !== undefined)
    throw new LrpError(
      'INVALID_ARGUMENT',
      `${path} contains a pattern for the layer '${stranger}', which the model does not have`
    )
  return patterns
}
