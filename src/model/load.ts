import { existsSync, statSync } from 'node:fs'
import { LrpError } from '../core/errors.js'
import { findExperiment, openExperiment } from '../experiment/experiment.js'
import type { ModelParts } from '../core/graph.js'
import { importFolder, isPublishedFolder } from './import/folder.js'
import { holdsWeightsAlone, importModel, type ImportOptions } from './import/index.js'
import { readClasses } from './classes.js'
import { choosePreprocessing } from './preprocessing.js'
import { optionError } from '../core/options.js'
import { isSavedModel, loadParts } from './save.js'

export interface LoadOptions extends ImportOptions {
  /** Where experiments are looked for by name; `experiments` by default. */
  experimentsRoot?: string
  /** `imagenet`, `cifar`, `none` or a JSON file, instead of what is stored with the model. */
  preprocess?: string
  /** Names of the classes: `imagenet` or a file (a name on each line, JSON, a `config.json`). */
  classes?: string
}

export const LOAD_NAMES: Record<keyof LoadOptions, true> = {
  architecture: true,
  experimentsRoot: true,
  preprocess: true,
  classes: true,
  inputShape: true
}

/** Everything of a model that lies in a folder, an experiment or a file. */
export async function loadModelParts(path: string, options: LoadOptions = {}): Promise<ModelParts> {
  const parts = withInputShape(await read(path, options), options.inputShape)
  if (options.architecture !== undefined && !holdsWeightsAlone(path))
    throw optionError('architecture', `: ${path} knows its own network, a file of weights alone does not`)
  const { preprocess, classes } = options
  const shape = parts.graph.inputShape.slice(1).map((axis) => axis ?? 0)
  return {
    ...parts,
    ...(preprocess !== undefined && { preprocessing: await choosePreprocessing(preprocess, shape) }),
    ...(classes !== undefined && { classes: await readClasses(classes) })
  }
}

/** The same network for images of another size: they are resized to it. @throws LrpError INVALID_ARGUMENT for other axes */
function withInputShape(parts: ModelParts, shape?: [number, number, number]): ModelParts {
  if (shape === undefined) return parts
  const { graph, preprocessing } = parts
  const [batch, channels] = graph.inputShape
  const isImage = graph.inputShape.length === 4 && (channels ?? shape[0]) === shape[0]
  if (!isImage || shape.length !== 3 || !shape.every((axis) => Number.isInteger(axis) && axis > 0)) {
    const wanted = graph.inputShape.slice(1).map((axis) => axis ?? 'any')
    throw optionError('inputShape', `: ${parts.name} takes inputs of ${wanted.join('x')}, not of ${shape.join('x')}`)
  }
  const resize: [number, number] = [shape[1], shape[2]]
  return {
    ...parts,
    graph: { ...graph, inputShape: [batch ?? null, ...shape] },
    ...(preprocessing && { preprocessing: { ...preprocessing, resize, crop: undefined } })
  }
}

async function read(path: string, options: LoadOptions): Promise<ModelParts> {
  const isFolder = existsSync(path) && statSync(path).isDirectory()
  if (existsSync(path) && !isFolder) return importModel(path, options)
  if (isFolder && isSavedModel(path)) return loadParts(path)
  if (isFolder && isPublishedFolder(path)) return importFolder(path)
  if (isFolder && findExperiment(path, options.experimentsRoot) === undefined)
    throw new LrpError(
      'NOT_FOUND',
      `${path} holds no model (model.json, weights.safetensors; config.json of Hugging Face or timm)`
    )
  const experiment = await openExperiment(path, options.experimentsRoot)
  return loadParts(experiment.folder)
}
