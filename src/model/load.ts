import { existsSync, statSync } from 'node:fs'
import { LrpError } from '../core/errors.js'
import { findExperiment, openExperiment } from '../experiment/experiment.js'
import type { ModelParts } from '../core/graph.js'
import { holdsWeightsAlone, importModel, type ImportOptions } from './import/index.js'
import { choosePreprocessing } from './preprocessing.js'
import { optionError } from '../core/options.js'
import { isSavedModel, loadParts } from './save.js'

export interface LoadOptions extends ImportOptions {
  /** Where experiments are looked for by name; `experiments` by default. */
  experimentsRoot?: string
  /** `imagenet`, `cifar`, `none` or a JSON file, instead of what is stored with the model. */
  preprocess?: string
}

export const LOAD_NAMES: Record<keyof LoadOptions, true> = {
  architecture: true,
  experimentsRoot: true,
  preprocess: true
}

/** Everything of a model that lies in a folder, an experiment or a file. */
export async function loadModelParts(path: string, options: LoadOptions = {}): Promise<ModelParts> {
  const parts = await read(path, options)
  if (options.architecture !== undefined && !holdsWeightsAlone(path))
    throw optionError('architecture', `: ${path} knows its own network, a file of weights alone does not`)
  if (options.preprocess === undefined) return parts
  const shape = parts.graph.inputShape.slice(1).map((axis) => axis ?? 0)
  return { ...parts, preprocessing: await choosePreprocessing(options.preprocess, shape) }
}

async function read(path: string, options: LoadOptions): Promise<ModelParts> {
  const isFolder = existsSync(path) && statSync(path).isDirectory()
  if (existsSync(path) && !isFolder) return importModel(path, options)
  if (isFolder && isSavedModel(path)) return loadParts(path)
  if (isFolder && findExperiment(path, options.experimentsRoot) === undefined)
    throw new LrpError('NOT_FOUND', `${path} holds no model (model.json, weights.safetensors)`)
  const experiment = await openExperiment(path, options.experimentsRoot)
  return loadParts(experiment.folder)
}
