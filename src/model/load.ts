import { existsSync, statSync } from 'node:fs'
import { LrpError } from '../core/errors.js'
import { findExperiment, newestExperiment, openExperiment, type Experiment } from '../experiment/experiment.js'
import type { ModelParts } from '../core/graph.js'
import { readNpy } from '../core/npy.js'
import type { Tensor } from '../core/tensor.js'
import { publishedWeights } from './fetch-weights.js'
import { furtherInputs } from './further-inputs.js'
import { importFolder, isPublishedFolder } from './import/folder.js'
import { holdsWeightsAlone, importModel } from './import/index.js'
import { readClasses, readVocabulary } from './classes.js'
import { isInner, withHead } from './heads.js'
import type { LoadOptions } from './options.js'
import { channelsFirst } from './import/channels-first.js'
import { asBytes, choosePreprocessing, plainPreprocessing } from './preprocessing.js'
import { PUBLISHED_NETWORKS } from './published-networks.js'
import { checkPath, optionError } from '../core/options.js'
import { nearest, unknownName } from '../core/suggest.js'
import { isSavedModel, loadParts } from './save.js'

/** Everything of a model, and the experiment that it is of. */
export interface LoadedModel {
  parts: ModelParts
  experiment?: Experiment
}

/** Everything of a model that lies in a folder, an experiment or a file; by default of the newest experiment. */
export async function loadModel(path: string | undefined, options: LoadOptions = {}): Promise<LoadedModel> {
  const { architecture, preprocess, classes, task, vocabulary, experimentsRoot } = options
  if (path !== undefined) checkPath(path, 'the path of a model')
  if (path !== undefined && isPublishedNetwork(path, experimentsRoot)) return loadPublished(path, options)
  const experiment = await experimentOf(path, experimentsRoot)
  const found = experiment ? await loadParts(experiment.folder) : await readParts(path!, options)
  const sized = withInputShape(found, options.inputShape)
  const parts = options.head === undefined ? sized : headOf(sized, options.head)
  if (architecture !== undefined && (experiment || !holdsWeightsAlone(path!))) {
    const named = path ?? experiment!.name
    throw optionError('architecture', ` works only with a file of weights, but ${named} contains a network`)
  }
  if (options.explainInputs !== undefined && !furtherInputs(parts.graph).some(({ explained }) => explained))
    throw optionError(
      'explainInputs',
      ` works only with a network of several inputs, but ${parts.name} has no other input to explain`
    )
  if (experiment || (path !== undefined && isSavedModel(path))) refuseIdle(parts, options)
  const shape = parts.graph.inputShape.slice(1).map((axis) => axis ?? 0)
  const stored = parts.preprocessing ?? (parts.takesBytes && shape.length === 3 ? plainPreprocessing(shape) : undefined)
  const preprocessing = preprocess !== undefined ? await choosePreprocessing(preprocess, shape) : stored
  const given = {
    ...(preprocessing && { preprocessing: parts.takesBytes ? asBytes(preprocessing) : preprocessing }),
    ...(task !== undefined && { ...partsOf(task), inner: undefined }),
    ...(classes !== undefined && { classes: await readClasses(classes), inner: undefined }),
    ...(vocabulary !== undefined && { vocabulary: await readVocabulary(vocabulary) })
  }
  return { parts: withSizes({ ...parts, ...given }), experiment }
}

/** @throws LrpError INVALID_ARGUMENT for an option that only files of other tools have a use for */
function refuseIdle({ name, graph }: ModelParts, options: LoadOptions): void {
  const rows = furtherInputs(graph).length > 0 ? [] : (['constants'] as const)
  const idle = ([...rows, 'inputName', 'layout'] as const).find((option) => options[option] !== undefined)
  if (idle !== undefined)
    throw optionError(
      idle,
      ` works only with files of other tools, but ${name} is in the format of lrp-native, which defines the inputs`
    )
}

/** Whether a model argument means a published network: files, folders and experiments of that name go before it. */
function isPublishedNetwork(name: string, experimentsRoot?: string): boolean {
  return Object.hasOwn(PUBLISHED_NETWORKS, name) && !existsSync(name) && !findExperiment(name, experimentsRoot)
}

async function loadPublished(name: string, options: LoadOptions): Promise<LoadedModel> {
  if (options.architecture !== undefined)
    throw optionError('architecture', ` works only with a file of weights, but ${name} contains a network`)
  const { architecture } = PUBLISHED_NETWORKS[name]!
  const { parts } = await loadModel(await publishedWeights(name, options.onDownload), { ...options, architecture })
  return { parts: { ...parts, name } }
}

export async function loadModelParts(path: string, options: LoadOptions = {}): Promise<ModelParts> {
  return (await loadModel(path, options)).parts
}

/** The experiment that is meant by its folder or name, if it is one; a model file of the same name goes before a name. */
async function experimentOf(path: string | undefined, root?: string): Promise<Experiment | undefined> {
  if (path === undefined) return newestExperiment(root)
  const found = findExperiment(path, root)
  const meant = found || existsSync(path) ? undefined : nearest(path, Object.keys(PUBLISHED_NETWORKS))
  if (meant !== undefined)
    throw new LrpError('NOT_FOUND', `there is no experiment or file '${path}': did you mean the network '${meant}'?`)
  const isModel = existsSync(path) && (!statSync(path).isDirectory() || isSavedModel(path) || isPublishedFolder(path))
  return found !== path && (isModel || (!found && existsSync(path))) ? undefined : openExperiment(path, root)
}

async function readParts(path: string, options: LoadOptions): Promise<ModelParts> {
  const isFolder = statSync(path).isDirectory()
  if (isFolder && isSavedModel(path)) return loadSaved(path, options)
  if (!isFolder || isPublishedFolder(path)) {
    const constants = await readConstants(options.constants)
    const read = isFolder ? await importFolder(path) : await importModel(path, { ...options, constants })
    const parts = withRows(read, constants)
    return options.layout === 'nhwc' && parts.layout === undefined ? channelsFirst(parts) : parts
  }
  const wanted = 'model.json, weights.safetensors; config.json of Hugging Face or timm'
  throw new LrpError('NOT_FOUND', `${path} contains no model (${wanted})`)
}

async function readConstants(given: LoadOptions['constants'] = {}): Promise<Map<string, Tensor>> {
  const constants = new Map<string, Tensor>()
  for (const [name, one] of Object.entries(given))
    constants.set(name, typeof one === 'string' ? await readNpy(one) : one)
  return constants
}

/** Axes that a file leaves open have the sizes of the images that preprocessing makes, where it makes one size. */
function withSizes(parts: ModelParts): ModelParts {
  const { graph, preprocessing } = parts
  const size = preprocessing?.crop ?? preprocessing?.resize
  if (!preprocessing || !Array.isArray(size) || graph.inputShape.length !== 4) return parts
  const sizes = [graph.inputShape[0], preprocessing.channels, ...size]
  return { ...parts, graph: { ...graph, inputShape: graph.inputShape.map((axis, i) => axis ?? sizes[i] ?? null) } }
}

/** A saved model keeps its further inputs; a call may give other rows, and choose which of them are explained. */
async function loadSaved(path: string, { constants, explainInputs = [] }: LoadOptions): Promise<ModelParts> {
  const parts = await loadParts(path)
  const rows = await readConstants(constants)
  const names = furtherInputs(parts.graph).map(({ name }) => name)
  if (rows.size > 0 && names.length === 0)
    throw optionError('constant', ` works only with a network of several inputs, but ${path} has only one`)
  for (const name of [...rows.keys(), ...(explainInputs === 'all' ? [] : explainInputs)])
    if (!names.includes(name)) throw unknownName(`additional input of ${path}`, name, names)
  const nodes = parts.graph.nodes.map((node) =>
    names.includes(node.name) && (explainInputs === 'all' || explainInputs.includes(node.name))
      ? { ...node, attributes: { ...node.attributes, explained: true } }
      : node
  )
  return withRows({ ...parts, graph: { ...parts.graph, nodes } }, rows)
}

/** Constants of further inputs stay next to the network, to be given with the images. */
function withRows(parts: ModelParts, constants: ReadonlyMap<string, Tensor>): ModelParts {
  const rows = furtherInputs(parts.graph).flatMap(({ name }): [string, Tensor][] => {
    const given = constants.get(name)
    return given ? [[name, given]] : []
  })
  return rows.length > 0 ? { ...parts, rows: Object.fromEntries(rows) } : parts
}

function partsOf(task: NonNullable<LoadOptions['task']>): Pick<ModelParts, 'task' | 'multilabel'> {
  return { task: task === 'regression' ? task : 'classification', multilabel: task === 'multilabel' }
}

/** The part that leads to another output, with its weights. The names of the classes are the first output's. */
function headOf({ classes, ...parts }: ModelParts, head: string | number): ModelParts {
  const graph = withHead(parts.graph, head)
  const own = graph.output === parts.graph.output && classes ? { classes } : {}
  const names = new Set(graph.nodes.flatMap((node) => Object.values(node.parameters)))
  const inner = isInner(parts.graph, graph.output) && { inner: true }
  return { ...parts, ...own, ...inner, graph, tensors: new Map([...parts.tensors].filter(([name]) => names.has(name))) }
}

/** The same network for images of another size: they are resized to it. @throws LrpError INVALID_ARGUMENT for other axes */
function withInputShape(parts: ModelParts, shape?: [number, number, number]): ModelParts {
  if (shape === undefined) return parts
  const { graph, preprocessing } = parts
  const [batch, channels] = graph.inputShape
  const isImage = graph.inputShape.length === 4 && (channels ?? shape[0]) === shape[0]
  if (!isImage || shape.length !== 3 || !shape.every((axis) => Number.isInteger(axis) && axis > 0)) {
    const wanted = graph.inputShape.slice(1).map((axis) => axis ?? 'any')
    throw optionError(
      'inputShape',
      ` cannot be ${shape.join('x')}: ${parts.name} takes only inputs of ${wanted.join('x')}`
    )
  }
  const resize: [number, number] = [shape[1], shape[2]]
  return {
    ...parts,
    graph: { ...graph, inputShape: [batch ?? null, ...shape], shapes: undefined },
    ...(preprocessing && { preprocessing: { ...preprocessing, resize, crop: undefined } })
  }
}
