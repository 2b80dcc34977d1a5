import { existsSync } from 'node:fs'
import { basename, join, resolve } from 'node:path'
import { LrpError } from '../../core/errors.js'
import { readJson } from '../../core/files.js'
import type { ModelParts, Preprocessing } from '../../core/graph.js'
import type { StateDict } from '../../core/tensor.js'
import { huggingFaceNetwork } from '../architectures/published/hugging-face.js'
import { Config } from '../architectures/published/read-config.js'
import { timmNetwork } from '../architectures/published/timm.js'
import { classesFrom, imagenetClasses } from '../classes.js'
import { foreignPreprocessing } from '../preprocessing-files.js'
import { bindWeights } from './bind.js'
import { readPytorch } from './pytorch.js'
import { readSafetensors } from './safetensors.js'

const CONFIG = 'config.json'
const SHARDS = 'model.safetensors.index.json'

/** Whether a folder is a model as Hugging Face and timm publish it. */
export function isPublishedFolder(folder: string): boolean {
  return existsSync(join(folder, CONFIG))
}

/**
 * A folder of Hugging Face (`config.json`, `model.safetensors`, `preprocessor_config.json`) or of timm (`config.json` with
 * `pretrained_cfg`): the network with its weights, class names and preprocessing.
 * @throws LrpError UNSUPPORTED for a network or a setting that is unknown, INVALID_FILE
 */
export async function importFolder(folder: string): Promise<ModelParts> {
  const path = join(folder, CONFIG)
  const json = (await readJson(path)) as Record<string, unknown>
  const config = new Config(json, path)
  const weights = await weightsOf(folder)
  const preprocessing = await preprocessingOf(folder, json, path)
  const image = sizeOfImages(preprocessing)
  const isTimm = typeof json.architecture === 'string'
  const { architecture, ignored, derive } = isTimm
    ? timmNetwork(config, weights, [preprocessing?.channels ?? 3, ...image])
    : huggingFaceNetwork(config, namesOf(json), image, weights)
  await derive?.(weights)
  const tensors = bindWeights(architecture, weights, folder, ignored)
  const classes = await classesOf(json, isTimm, config)
  return { name: basename(resolve(folder)), graph: architecture.graph, tensors, preprocessing, classes }
}

function namesOf({ architectures }: Record<string, unknown>): string[] {
  return Array.isArray(architectures) ? architectures.map(String) : []
}

async function weightsOf(folder: string): Promise<StateDict> {
  const [whole, shards, pickled] = ['model.safetensors', SHARDS, 'pytorch_model.bin'].map((name) => join(folder, name))
  if (existsSync(whole!)) return readSafetensors(whole!)
  if (existsSync(shards!)) return readShards(folder, shards!)
  if (existsSync(pickled!)) return readPytorch(pickled!)
  throw new LrpError('NOT_FOUND', `${folder} contains ${CONFIG} but no weights (model.safetensors)`)
}

async function readShards(folder: string, path: string): Promise<StateDict> {
  const { weight_map: map } = (await readJson(path)) as { weight_map?: Record<string, string> }
  const files = [...new Set(Object.values(map ?? {}))]
  if (files.length === 0 || files.some((file) => file !== basename(file)))
    throw new LrpError('INVALID_FILE', `${path} does not list files of its own folder`)
  const weights: StateDict = new Map()
  for (const file of files)
    for (const [name, tensor] of await readSafetensors(join(folder, file))) weights.set(name, tensor)
  return weights
}

async function preprocessingOf(folder: string, config: unknown, path: string): Promise<Preprocessing | undefined> {
  const own = join(folder, 'preprocessor_config.json')
  return existsSync(own) ? foreignPreprocessing(await readJson(own), own) : foreignPreprocessing(config, path)
}

/** Height and width that the preprocessing makes, where it makes one size of all images; else ImageNet's. */
function sizeOfImages(preprocessing?: Preprocessing): [number, number] {
  const { crop, resize } = preprocessing ?? {}
  return crop ?? (Array.isArray(resize) ? resize : [224, 224])
}

/** Names in the file, unless they only count; of timm's networks without names, ImageNet's. */
async function classesOf(json: object, isTimm: boolean, config: Config): Promise<string[] | undefined> {
  const given = classesFrom(withNames(json))
  if (given && !given.every((name, i) => name === `LABEL_${i}`)) return given
  return isTimm && config.number('num_classes', 0) === 1000 ? imagenetClasses() : undefined
}

function withNames(json: object): object | undefined {
  const { id2label, label_names: names } = json as { id2label?: object; label_names?: object }
  return id2label ?? names
}
