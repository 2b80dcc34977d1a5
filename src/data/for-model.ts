import { LrpError } from '../core/errors.js'
import type { DataTask } from '../core/graph.js'
import { resolve } from 'node:path'
import { pickOptions } from '../core/option.js'
import { withoutUndefined } from '../core/options.js'
import type { Experiment } from '../experiment/experiment.js'
import type { Model } from '../model/model.js'
import { neededPreprocessing, normaliseBytes } from '../model/preprocessing.js'
import { sizeOf, type Tensor } from '../core/tensor.js'
import { checkSplits, loadImages, storedShape, type Dataset, type Split, type SplitName } from './dataset.js'
import { datasetName, listDataset, openSplits } from './open.js'
import { dataOptions, type DataOptions } from './options.js'
import { checkShares } from './split.js'

/**
 * Opens the given data set, or the one that the model was trained on, with the model's preprocessing.
 * @param wanted the required splits: only their image files are read
 * @param testSplit share of the images for testing, unless the options set one or the model was trained on these images
 */
export async function openFor(
  model: Model,
  options: { data?: string | Dataset },
  wanted: readonly SplitName[],
  testSplit = 1
): Promise<Dataset> {
  const asked = pickOptions(dataOptions, options)
  if (typeof options.data === 'object') {
    checkShares(options.data.name, { valid: true, test: true }, asked)
    return checkSplits(options.data)
  }
  const preprocessing = model.inputKind === 'image' ? neededPreprocessing(model) : model.preprocessing
  const own = ownData(model, options)
  return openSplits({ testSplit, ...own, task: dataTask(model, own), preprocessing }, wanted, asked)
}

/** The task of a data set for a model: if the model's classes are independent, an image may have several labels. */
function dataTask(model: Model, own: DataOptions): DataTask {
  const trained = model.experiment && pickOptions(dataOptions, model.experiment.manifest.command).task
  const isTrained = trained === 'multilabel' && own.task === trained
  return model.multilabel && (isTrained || datasetName(own) === 'csv') ? 'multilabel' : model.task
}

/** Images `from` to `to` (exclusive) of a split, preprocessed for a model: [images, ...]. */
export async function readImages(
  { preprocessing }: Model,
  dataset: Dataset,
  split: SplitName,
  from: number,
  to: number
): Promise<Tensor> {
  const { bytes, shape } = await loadImages(dataset, split, from, to)
  return normaliseBytes(bytes, shape, preprocessing!)
}

/**
 * The named data set, or the one that the model's experiment was trained on. The latter is split as for training,
 * even if it is named.
 */
export function ownData({ experiment }: Pick<Model, 'experiment'>, options: object): DataOptions {
  const asked = pickOptions(dataOptions, options)
  if (!experiment || !isOwnData(experiment, asked)) return asked
  const trained = pickOptions(dataOptions, experiment.manifest.command)
  const { data, dataPath, validSplit, testSplit = 0.1, imageSize, channels, decode, seed, splitSeed = seed } = trained
  const own = { data, dataPath, validSplit, testSplit, imageSize, channels, decode, splitSeed, task: trained.task }
  return { ...withoutUndefined(own), ...asked }
}

/** Whether options name no data set, or the one that an experiment was trained on. */
export function isOwnData(experiment: Experiment, asked: { data?: string | Dataset; dataPath?: string }): boolean {
  const { data, dataPath } = pickOptions(dataOptions, experiment.manifest.command)
  const name = typeof asked.data === 'object' ? asked.data.name : asked.data
  if (name !== undefined && name !== data) return false
  return asked.dataPath === undefined || (dataPath !== undefined && resolve(asked.dataPath) === resolve(dataPath))
}

/**
 * Lists the image files of a model's own data set without reading them; undefined for data sets of other kinds. The
 * images are assumed to have the model's size.
 */
export async function listFor(model: Model, options: object): Promise<Dataset | undefined> {
  const { imageShape } = model
  const own = ownData(model, options)
  const listed = await listDataset(
    { testSplit: 1, ...own, task: dataTask(model, own) },
    pickOptions(dataOptions, options)
  )
  return listed && { ...listed, imageShape: imageShape as Dataset['imageShape'], skipped: [] }
}

/**
 * Adapts a data set to a model: class numbers become those of the model's outputs. Each split keeps at most `limit`
 * images, evenly spaced if they are sorted by class, or the images at given places.
 * @throws LrpError INVALID_ARGUMENT if images, classes or values do not fit the model
 */
export async function fitTo(
  model: Model,
  dataset: Dataset,
  split: SplitName,
  which: number | readonly number[] = Infinity
): Promise<Dataset> {
  checkImages(model, dataset, split)
  const named = model.task === 'classification' ? await withClassesOf(model, dataset) : dataset
  const { labels } = named.splits[split]
  if (typeof which !== 'number') return taken(named, split, which)
  return which < labels.length ? taken(named, split, placesByChoice(labels, which).slice(0, which)) : named
}

function checkImages(model: Model, dataset: Dataset, split: SplitName): void {
  if (model.inputKind === 'image') neededPreprocessing(model) // it may make the images fit
  const fits = model.imageShape.every((axis, i) => axis === 0 || axis === dataset.imageShape[i]) // 0: of any size
  if (!fits) {
    const [wanted, has] = [model.imageShape, dataset.imageShape].map((shape) => shape.join('x'))
    throw new LrpError('INVALID_ARGUMENT', `the model needs images of ${wanted}, but ${dataset.name} has ${has}`)
  }
  neededPreprocessing(model)
  const task = dataset.task ?? 'classification'
  if (task === 'multilabel' ? !model.multilabel : task !== model.task) {
    throw new LrpError(
      'INVALID_ARGUMENT',
      `the model was made for the task ${model.task}, but the data set ${dataset.name} is for the task ${task}`
    )
  }
  if (task === 'regression' && model.classes && model.classes.length !== dataset.classes.length) {
    const [has, wanted] = [model.classes.length, dataset.classes.length]
    throw new LrpError(
      'INVALID_ARGUMENT',
      `the model predicts ${has} values, but each image of ${dataset.name} has ${wanted}`
    )
  }
  if (dataset.splits[split].labels.length === 0) {
    throw new LrpError('INVALID_ARGUMENT', `the ${split} split of ${dataset.name} is empty`)
  }
}

/** Matches classes by name, or by number if one side has no names. */
async function withClassesOf(model: Model, dataset: Dataset): Promise<Dataset> {
  const { classes, name } = dataset
  const outputs = model.classes?.length ?? Math.max(2, model.outputs()) // a single logit tells two classes apart
  const known = model.classes ?? classes
  const alike = classes.length <= outputs && (areNumbers(known) || areNumbers(classes) || same(known, classes))
  const all = Array.from({ length: outputs }, (_, i) => known[i] ?? classes[i] ?? String(i))
  if (alike && (dataset.task !== 'multilabel' || classes.length === outputs)) {
    const isGuess = !areNumbers(classes) && !same(known.slice(0, classes.length), classes)
    return { ...dataset, classes: all, ...((isGuess || !model.classes) && byOrder(dataset)) }
  }
  const places = classes.map((one, i) => (alike ? i : known.indexOf(one)))
  const unknown = places.indexOf(-1)
  if (unknown >= 0 || !model.classes) {
    const has = model.classes ? listed(known) : `${outputs} classes`
    const one = unknown >= 0 ? `the class '${classes[unknown]}'` : `${classes.length} classes`
    throw new LrpError(
      'INVALID_ARGUMENT',
      `${name} has ${one}, but the model has ${has}: use finetune to train a new last layer`
    )
  }
  const renumbered = (split: Split): Split =>
    split.values
      ? { ...split, values: moved(split.values, places, outputs) }
      : { ...split, labels: split.labels.map((label) => places[label]!) }
  const { train, valid, test } = dataset.splits
  const splits = { train: renumbered(train), valid: renumbered(valid), test: renumbered(test) }
  return { ...dataset, classes: all, splits }
}

/** Adds the note that classes were matched by number. */
function byOrder({ classes, notes = [] }: Dataset): Pick<Dataset, 'notes'> {
  if (areNumbers(classes)) return { notes }
  const pairs = classes.slice(0, 3).map((name, i) => `${name} is output ${i}`)
  const more = classes.length > pairs.length ? ', ...' : ''
  return {
    notes: [...notes, `the model has no such class names, so classes are matched by order: ${pairs.join(', ')}${more}`]
  }
}

/** Moves columns of [images, labels] to their places among this number of outputs. */
function moved(values: Float32Array, places: number[], outputs: number): Float32Array {
  const count = places.length
  const result = new Float32Array((values.length / count) * outputs)
  values.forEach((value, i) => (result[Math.floor(i / count) * outputs + places[i % count]!] = value))
  return result
}

/** Whether names are only numbers: 0, 1, 2, ... */
function areNumbers(names: string[]): boolean {
  return names.every((name, i) => name === String(i))
}

function same(a: string[], b: string[]): boolean {
  return a.length === b.length && a.every((name, i) => name === b[i])
}

function listed(names: string[]): string {
  return names.length > 8 ? `${names.slice(0, 8).join(', ')}, ...` : names.join(', ')
}

/** Whether images are sorted by class: then evenly spaced images are taken. */
function isSorted(labels: Int32Array): boolean {
  return labels.every((label, i) => i === 0 || labels[i - 1]! <= label)
}

/** At most `limit` evenly spaced places among `images`. */
export function spreadPlaces(images: number, limit: number): number[] {
  return Array.from({ length: limit }, (_, i) => Math.floor((i * images) / limit))
}

/**
 * All places of a split: first those that `fitTo` takes for this limit, then the others, which can replace unreadable
 * images.
 */
export function placesByChoice(labels: Int32Array, limit: number): number[] {
  const all = Array.from(labels, (_, i) => i)
  if (limit >= labels.length || !isSorted(labels)) return all
  const chosen = spreadPlaces(labels.length, limit)
  const taken = new Set(chosen)
  return [...chosen, ...all.filter((place) => !taken.has(place))]
}

function taken(dataset: Dataset, name: SplitName, places: readonly number[]): Dataset {
  const split = dataset.splits[name]
  const isBeginning = places.every((place, i) => place === i)
  const few = isBeginning ? firstOf(dataset, split, places.length) : rowsOf(dataset, split, places)
  return { ...dataset, splits: { ...dataset.splits, [name]: few } }
}

/** A split of the first images, which shares their memory. */
function firstOf(dataset: Dataset, { images, labels, values, paths, names }: Split, limit: number): Split {
  return {
    images: dataset.read ? images : images.subarray(0, limit * sizeOf(storedShape(dataset))),
    labels: labels.subarray(0, limit),
    ...(values && { values: values.subarray(0, limit * dataset.classes.length) }),
    ...(paths && { paths: paths.slice(0, limit) }),
    ...(names && { names: names.slice(0, limit) })
  }
}

function rowsOf(dataset: Dataset, split: Split, places: readonly number[]): Split {
  const { images, labels, values, paths, names } = split
  const rows = <T extends Uint8Array | Float32Array>(from: T, width: number): T => {
    const size = places.length * width
    // a copy: `slice` of a Buffer, which images of files are, is a view of the data set's own memory
    const result = (from instanceof Float32Array ? new Float32Array(size) : new Uint8Array(size)) as T
    places.forEach((place, i) => result.set(from.subarray(place * width, (place + 1) * width), i * width))
    return result
  }
  return {
    images: dataset.read ? images : rows(images, sizeOf(storedShape(dataset))),
    labels: Int32Array.from(places, (place) => labels[place]!),
    ...(values && { values: rows(values, dataset.classes.length) }),
    ...(paths && { paths: places.map((place) => paths[place]!) }),
    ...(names && { names: places.map((place) => names[place]!) })
  }
}
