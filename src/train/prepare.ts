import { checkSplits, classCounts, type Dataset } from '../data/dataset.js'
import { readExclude, withoutListed } from '../data/exclude.js'
import { checkPatch } from '../data/patch.js'
import { checkShares } from '../data/split.js'
import { fitNormalisation } from '../data/fit-normalisation.js'
import { pickOptions } from '../core/option.js'
import { checkTwoClasses, datasetName, openSplits } from '../data/open.js'
import { dataOptions, type DataOptions } from '../data/options.js'
import { LrpError } from '../core/errors.js'
import type { ModelParts, Preprocessing } from '../core/graph.js'
import { counted } from '../core/plural.js'
import { chooseArchitecture } from '../model/architectures/choose.js'
import { initialise } from '../model/builder.js'
import { loadModel, type LoadedModel } from '../model/load.js'
import { inferFacts, shapesOf } from '../model/facts.js'
import { Model } from '../model/model.js'
import { loadOptions } from '../model/options.js'
import { choosePreprocessing, plainPreprocessing } from '../model/preprocessing.js'
import { featuresOf } from './features.js'
import { findHead, headGraph, outputsFor, taskOf, tensorsOf, withFittingHead, type Head } from './head.js'
import type { Job } from './job.js'
import { nativeOptions } from './native-options.js'
import type { GivenSettings, TrainOptions } from './options.js'
import { trainData } from './run.js'
import { checkSettings, type TrainSettings } from './settings.js'

/** A network and the images that it is trained on. */
export interface Start {
  parts: ModelParts
  dataset: Dataset
}

/**
 * The settings that options mean; an opened data set has its own name and task.
 * @throws LrpError INVALID_ARGUMENT, also for another task than that of an opened data set
 */
export function settingsOf(options: TrainOptions & Pick<GivenSettings, 'mode' | 'newHead'>): TrainSettings {
  const { data, task } = options
  const has = typeof data === 'object' ? (data.task ?? 'classification') : undefined
  const binary = has === 'classification' && task === 'binary'
  if (typeof data === 'object' && task !== undefined && task !== has && !binary) {
    throw new LrpError('INVALID_ARGUMENT', `the data set ${data.name} is for the task ${has}, not for ${task}`)
  }
  const own =
    typeof data === 'object'
      ? { data: data.name, task: binary ? task : data.task }
      : { data: datasetName(options as DataOptions) }
  return checkSettings({ ...options, ...own })
}

/**
 * The model of `from`, and the experiment that it is of. A file that names no preprocessing gets images of its own size, with
 * values from 0 to 1.
 */
export async function loadStart(
  from: string,
  options: Pick<TrainOptions, 'preprocess' | 'architecture' | 'inputShape' | 'experimentsRoot' | 'onDownload'>
): Promise<LoadedModel> {
  const { parts, experiment } = await loadModel(from, pickOptions(loadOptions.omit({ device: true }), options))
  const imageShape = parts.graph.inputShape.slice(1).map(Number)
  return { parts: { ...parts, preprocessing: parts.preprocessing ?? plainPreprocessing(imageShape) }, experiment }
}

/** What a run starts from: the network of `from` (`loaded`, where it is already), else a fresh one. */
export async function startOf(settings: TrainSettings, options: TrainOptions, loaded?: ModelParts): Promise<Start> {
  const { from, mode, newHead, seed } = settings
  const { experimentsRoot, onDownload } = options
  const asked = { ...settings, experimentsRoot, onDownload }
  const found = loaded ?? (from === undefined ? undefined : (await loadStart(from, asked)).parts)
  if (found) await checkTrainable(found)
  const dataset = await openTrainData(settings, options, found?.preprocessing)
  if (found) checkImages(found, dataset)
  checkClasses(dataset)
  const outputs = outputsFor(dataset, settings.task)
  if (!found) return { dataset, parts: await freshParts(settings, dataset) }
  if (mode === undefined) return { dataset, parts: await checkOutputs(found, dataset, outputs) }
  return { dataset, parts: await withFittingHead(found, dataset, outputs, seed, newHead) }
}

export async function openTrainData(
  settings: TrainSettings,
  options: TrainOptions,
  preprocessing?: Preprocessing
): Promise<Dataset> {
  const { data, strict, onDownload, onData } = options
  if (settings.augment?.insert !== undefined) await checkPatch(settings.augment.insert)
  const exclude = await readExclude(settings.exclude)
  const randomCrop = settings.augment?.randomCrop
  const images = { preprocessing: preprocessing ?? (await givenPreprocessing(settings)), randomCrop }
  const how = { strict, ...images, onDownload }
  if (typeof data === 'object') checkShares(data.name, { valid: true, test: true }, options)
  const opened =
    typeof data === 'object'
      ? checkSplits(data)
      : await openSplits(pickOptions(dataOptions, { ...settings, ...how }), undefined, options)
  const dataset = exclude === undefined ? opened : withoutListed(opened, exclude, settings.dataPath)
  if (randomCrop && !dataset.storedShape) {
    const how = "open it with the option 'randomCrop'"
    throw new LrpError(
      'INVALID_ARGUMENT',
      `the data set ${dataset.name} does not keep larger images for random crops: ${how}`
    )
  }
  if (settings.task === 'binary') checkTwoClasses(dataset)
  onData?.(dataset)
  return dataset
}

/** What the training loop gets: everything of a job but its experiment. */
export async function prepare(
  { parts, dataset }: Start,
  settings: TrainSettings,
  options: TrainOptions
): Promise<Omit<Job, 'experiment'>> {
  const head = settings.mode === 'last-layer' ? findHead(parts.graph) : undefined
  const job =
    head && settings.augment === undefined
      ? await headAlone(parts, head, dataset, settings, options)
      : await wholeNetwork(parts, dataset, head ? withFrozenBody(settings, head) : settings, options)
  const { untilEpoch = Infinity, device, group, onProgress, signal } = options
  const { epochs, checkpointSeconds, tensorboard } = settings
  const common = { checkpointSeconds, tensorboard, device, group, onProgress, signal, paused: untilEpoch < epochs }
  return { ...job, ...common, options: { ...job.options, epochs: Math.min(epochs, untilEpoch) } }
}

type Trained = Pick<Job, 'model' | 'data' | 'options' | 'assemble'>

async function wholeNetwork(
  parts: ModelParts,
  dataset: Dataset,
  settings: TrainSettings,
  { device }: TrainOptions
): Promise<Trained> {
  const options = await nativeOptions(settings, dataset, parts.graph, parts.preprocessing!)
  const model = await Model.create(parts, device)
  const { name, graph, preprocessing, task, classes } = model
  const frame = { name, graph, preprocessing, task, multilabel: parts.multilabel, classes }
  return { model, data: trainData(dataset, settings.task), options, assemble: (tensors) => ({ ...frame, tensors }) }
}

/** The head alone is trained, on features that are computed here, once. */
async function headAlone(
  parts: ModelParts,
  head: Head,
  dataset: Dataset,
  settings: TrainSettings,
  options: TrainOptions
): Promise<Trained> {
  const { device, signal, onFeatures } = options
  using body = await Model.create(parts, device)
  const { graph, preprocessing, task } = body
  const features = (split: 'train' | 'valid') =>
    featuresOf(body, dataset, split, head.features, settings, signal, onFeatures)
  const [train, valid] = [(await features('train'))!, await features('valid')]
  body.dispose()
  const own = headGraph(graph, head, train.images.shape.slice(1))
  const native = await nativeOptions(settings, dataset, own, preprocessing!)
  const model = await Model.create({ name: parts.name, graph: own, tensors: tensorsOf(own, parts.tensors) }, device)
  const { multilabel, classes } = parts
  const frame = { name: parts.name, graph, preprocessing, task, multilabel, classes }
  return {
    model,
    data: { train, valid },
    options: { ...native, preprocessing: { scale: 1, mean: [], std: [], bgr: false } },
    assemble: (trained) => ({ ...frame, tensors: new Map([...parts.tensors, ...trained]) })
  }
}

function withFrozenBody(settings: TrainSettings, head: Head): TrainSettings {
  const own = Object.values(head.node.parameters).map((name) => name.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'))
  return { ...settings, freeze: undefined, groups: [{ match: `^(?!(${own.join('|')})$)`, frozen: true }] }
}

async function givenPreprocessing({ preprocess }: TrainSettings): Promise<Preprocessing | undefined> {
  return preprocess === undefined || preprocess === 'none' ? undefined : choosePreprocessing(preprocess, [])
}

/** A fresh network sees images as they were read, whatever its architecture's published weights want. */
async function freshParts(settings: TrainSettings, dataset: Dataset): Promise<ModelParts> {
  const { classes, imageShape } = dataset
  const outputs = outputsFor(dataset, settings.task)
  const architecture = await chooseArchitecture(settings.model, { ...settings, classes: outputs, imageShape })
  const parts = { ...(await initialise(architecture, settings.seed, classes)), ...taskOf(dataset) }
  const preprocessing = (await givenPreprocessing(settings)) ?? plainPreprocessing(imageShape)
  const values = settings.normalise === 'fit' ? await fitNormalisation(dataset, preprocessing) : {}
  return { ...parts, preprocessing: { ...preprocessing, ...values } }
}

/** A loaded model, if it has the outputs of a data set. @throws LrpError INVALID_ARGUMENT */
async function checkOutputs(parts: ModelParts, dataset: Dataset, outputs: number): Promise<ModelParts> {
  const { task, classes } = dataset
  const has = await outputsOf(parts)
  if (has !== outputs) {
    throw new LrpError(
      'INVALID_ARGUMENT',
      task === 'regression'
        ? `the model has ${counted(has, 'output')}, but ${dataset.name} has ${counted(classes.length, 'value')}`
        : `the model has ${counted(has, 'class', 'classes')}, but ${dataset.name} needs ${outputs}: use finetune to train a new last layer`
    )
  }
  return { ...parts, ...taskOf(dataset), classes }
}

/** @throws LrpError UNSUPPORTED for segmentation networks, detectors and whatever else has no single row of outputs */
async function checkTrainable(parts: ModelParts): Promise<void> {
  const { name, graph } = parts
  const { output, shapes = shapesOf((await inferFacts(graph, parts.tensors)) ?? []) } = graph
  const [, ...shape] = shapes[output] ?? []
  if (shape.length < 2) return
  const what = `${name} has an output of ${shape.join('x')} for each image`
  throw new LrpError('UNSUPPORTED', `${what}: only networks with one row of classes or values can be trained`)
}

/** The number of outputs of a model. */
async function outputsOf(parts: ModelParts): Promise<number> {
  const { output, shapes } = parts.graph
  if (shapes) return shapes[output]!.at(-1)!
  using model = await Model.create(parts, 'cpu')
  return model.outputs()
}

/** @throws LrpError INVALID_ARGUMENT */
function checkImages(parts: ModelParts, dataset: Dataset): void {
  const wanted = parts.graph.inputShape.slice(1).join('x')
  if (wanted === dataset.imageShape.join('x')) return
  throw new LrpError(
    'INVALID_ARGUMENT',
    `the model needs images of ${wanted}, but ${dataset.name} has ${dataset.imageShape.join('x')}`
  )
}

/** @throws LrpError INVALID_ARGUMENT for an empty training split, or a class that it has no image of */
function checkClasses(dataset: Dataset): void {
  const { train } = dataset.splits
  if (train.labels.length === 0) throw new LrpError('INVALID_ARGUMENT', `the train split of ${dataset.name} is empty`)
  if (dataset.task === 'regression') return
  const missing = classCounts(train, dataset.classes.length).indexOf(0)
  if (missing >= 0) {
    throw new LrpError(
      'INVALID_ARGUMENT',
      `the train split of ${dataset.name} has no image of class '${dataset.classes[missing]}'`
    )
  }
}
