import { existsSync, statSync } from 'node:fs'
import { dirname, extname, relative, sep } from 'node:path'
import type { Dataset, SplitName } from '../data/dataset.js'
import { fitTo, listFor, openFor, ownData, placesByChoice, readImages } from '../data/for-model.js'
import { isImageFile } from '../core/image-file.js'
import { listImages, noImages } from '../data/image-files.js'
import { medicalAdvice } from '../data/medical.js'
import { readNpy } from '../core/npy.js'
import { LrpError } from '../core/errors.js'
import { optionError } from '../core/options.js'
import { counted } from '../core/plural.js'
import { checkModel } from '../model/check-arguments.js'
import type { Model } from '../model/model.js'
import { ImageStore } from '../data/image-store.js'
import { nounOf } from '../model/input-kind.js'
import { asNetwork, isOfFile, TO_LAST } from '../model/layout.js'
import { inputRange, neededPreprocessing, normaliseBytes } from '../model/preprocessing.js'
import { sizeOf, type Tensor } from '../core/tensor.js'
import { sliceBatch } from './batches.js'
import type { InputOptions } from './file-options.js'

export interface Batch {
  /** The preprocessed images, [batch, ...]. */
  input: Tensor
  /** Name of each image: its file name, or its position in the data set. */
  names: string[]
  /** Paths of the images, if they are files. */
  paths?: string[]
  /** Numbers of the images in the split or array, if they are not files. */
  places?: readonly number[]
  /** Class of each image, if the data set has labels. */
  labels?: Int32Array
}

/** Images that are read when they are needed. */
export interface Inputs {
  names: string[]
  /** Paths of the images, if they are files. */
  paths?: string[]
  /** Numbers of the images in the split or array, if they are not files. */
  places?: readonly number[]
  labels?: Int32Array
  /** Notes on the images, as sentences. */
  notes: string[]
  /** Number of images in an array, or of named files, including those that are left out. */
  total?: number
  /** Unreadable images of a data set or folder, which were skipped. */
  skipped: string[]
  /**
   * Reads and preprocesses images `from` to `to` (exclusive).
   * @throws LrpError NOT_FOUND, INVALID_FILE naming the image
   */
  read: (from: number, to: number) => Promise<Tensor>
}

/** @throws LrpError NOT_FOUND, INVALID_FILE, INVALID_ARGUMENT for what is neither an image nor an array */
export async function openInputs(model: Model, options: InputOptions): Promise<Inputs> {
  checkModel(model)
  return withRows(model, await imagesOf(model, options))
}

/**
 * The rows of further inputs come with the images that they are for.
 * @throws LrpError INVALID_ARGUMENT if it is not clear which row belongs to which image
 */
function withRows({ parts: { rows } }: Model, inputs: Inputs): Inputs {
  const { names, places = names.map((_, i) => i), skipped, total = names.length } = inputs
  for (const [name, { shape }] of Object.entries(rows ?? {})) {
    if (shape[0] === 1) continue
    if (shape[0] === total && skipped.length === 0) continue
    const found = counted(total - skipped.length, 'readable image')
    throw optionError(
      'constant',
      `: the array for '${name}' has ${counted(shape[0]!, 'row')}, but there are ${found}: give one row for each`
    )
  }
  if (!rows) return inputs
  const picked = (all: Tensor, from: number, to: number): Tensor => {
    const { data, shape } = all
    if (shape[0] === 1) return all
    const size = sizeOf(shape.slice(1))
    const chosen = places.slice(from, to).flatMap((place) => [...data.subarray(place * size, (place + 1) * size)])
    return { data: Float32Array.from(chosen), shape: [to - from, ...shape.slice(1)] }
  }
  const read = async (from: number, to: number): Promise<Tensor> => ({
    ...(await inputs.read(from, to)),
    inputs: Object.fromEntries(Object.entries(rows).map(([name, all]) => [name, picked(all, from, to)]))
  })
  return { ...inputs, read }
}

async function imagesOf(model: Model, options: InputOptions): Promise<Inputs> {
  if (!options.input || options.input.length === 0) {
    const own = Object.entries(model.parts.rows ?? {}).find(([, { shape }]) => shape[0] !== 1)
    if (own)
      throw optionError(
        'constant',
        `: the array for '${own[0]}' has one row for each image, so pass the images with --input`
      )
    return ofDataset(model, options)
  }
  if (options.data !== undefined || options.dataPath !== undefined)
    throw new LrpError('INVALID_ARGUMENT', 'pass either --input or a data set (--data, --data-path), not both')
  const arrays = options.input.filter((path) => extname(path) === '.npy')
  refuseIdle(options, arrays.length > 0)
  if (arrays.length === 0) return ofFiles(model, options.input, options)
  if (options.input.length > 1)
    throw new LrpError('INVALID_ARGUMENT', '--input takes either one .npy file or image files, not both')
  return ofArray(model, arrays[0]!, options)
}

/** @throws LrpError INVALID_ARGUMENT for an option that has no effect on images which are named */
function refuseIdle(options: InputOptions, isArray: boolean): void {
  const ofData = (['channels', 'validSplit', 'testSplit'] as const).find((name) => options[name] !== undefined)
  if (ofData !== undefined) throw optionError(ofData, ' works only with a data set, not with --input')
  const ofFiles = (['imageSize', 'decode'] as const).find((name) => options[name] !== undefined)
  if (isArray && ofFiles !== undefined)
    throw optionError(ofFiles, ' works only with image files, because a .npy array is not preprocessed')
}

/** The images as one tensor. @throws LrpError as `openInputs` and its `read` */
export async function readInputs(model: Model, options: InputOptions): Promise<Batch> {
  const inputs = await openInputs(model, options)
  return batchOf(inputs, 0, inputs.names.length)
}

export async function batchOf(inputs: Inputs, from: number, to: number): Promise<Batch> {
  const { names, paths, places, labels } = inputs
  const input = await inputs.read(from, to)
  return {
    input,
    names: names.slice(from, to),
    ...(paths && { paths: paths.slice(from, to) }),
    ...(places && { places: places.slice(from, to) }),
    ...(labels && { labels: labels.slice(from, to) })
  }
}

/** What one input must look like, in words: `signals of 2x160`. */
function wantedInputs({ inputKind, imageShape }: Model): string {
  return `${nounOf(inputKind)}s of ${imageShape.map((axis) => (axis === 0 ? 'any' : axis)).join('x')}`
}

/** @throws LrpError INVALID_ARGUMENT for images where the network takes something else */
function checkTakesImages(model: Model, given: string): void {
  if (model.inputKind === 'image') return
  const what = `${model.name} takes ${wantedInputs(model)}, not images (${given})`
  throw new LrpError('INVALID_ARGUMENT', `${what}: pass one .npy file instead`)
}

/** @throws LrpError INVALID_ARGUMENT for inputs of a shape that the network does not take */
function checkShape(model: Model, path: string, shape: readonly number[]): void {
  const { inputShape } = model.graph
  const wanted = isOfFile(model, { shape } as Tensor) ? TO_LAST.map((axis) => inputShape[axis]!) : inputShape
  const fits =
    shape.length === wanted.length && wanted.every((axis, i) => i === 0 || axis === null || axis === shape[i])
  if (fits) return
  const found = shape.slice(1).join('x')
  throw new LrpError(
    'INVALID_ARGUMENT',
    `${path} contains inputs of shape ${found}, but ${model.name} takes ${wantedInputs(model)}`
  )
}

async function ofArray(model: Model, path: string, { limit = Infinity, images }: InputOptions): Promise<Inputs> {
  const { data, shape: found } = await readNpy(path)
  const shape = found.length === model.graph.inputShape.length - 1 ? [1, ...found] : found
  if (data.length === 0 || shape.length < 2) {
    throw new LrpError('INVALID_ARGUMENT', `${path} contains no images: its shape is [${found.join(', ')}]`)
  }
  checkShape(model, path, shape)
  const places = placesOf(path, shape[0]!, images) ?? Array.from({ length: Math.min(limit, shape[0]!) }, (_, i) => i)
  const size = sizeOf(shape.slice(1))
  const check = (place: number): void => {
    if (data.subarray(place * size, (place + 1) * size).every(Number.isFinite)) return
    throw new LrpError('NUMERIC', `image ${place} of ${path} contains values that are not finite`)
  }
  const read = async (from: number, to: number): Promise<Tensor> => {
    const wanted = places.slice(from, to)
    wanted.forEach(check)
    if (!images) return asNetwork(model, sliceBatch({ data, shape }, from, to))
    const rows = new Float32Array(wanted.length * size)
    wanted.forEach((place, i) => rows.set(data.subarray(place * size, (place + 1) * size), i * size))
    return asNetwork(model, { data: rows, shape: [wanted.length, ...shape.slice(1)] })
  }
  return {
    names: places.map(String),
    places,
    total: shape[0]!,
    skipped: [],
    notes: rangeNotes(model, data, path),
    read
  }
}

/** A note if values are outside those of preprocessed images by more than their whole range. */
function rangeNotes({ preprocessing, inputKind }: Model, data: Float32Array, path: string): string[] {
  if (!preprocessing || inputKind !== 'image') return []
  const { low, high } = inputRange(preprocessing)
  const [least, most] = [Math.min(...low), Math.max(...high)]
  const [from, to] = data.reduce(([a, b], value) => [Math.min(a, value), Math.max(b, value)], [Infinity, -Infinity])
  if (from >= 2 * least - most && to <= 2 * most - least) return []
  const [has, wanted] = [
    [from, to],
    [least, most]
  ].map((two) => two.map((value) => Number(value.toPrecision(3))).join(' to '))
  return [`${path} has values from ${has}, but the model expects ${wanted}: arrays are not preprocessed`]
}

/** The images that are requested by number. @throws LrpError INVALID_ARGUMENT if an image does not exist */
function placesOf(where: string, count: number, images: number[] | undefined): number[] | undefined {
  const beyond = images?.find((place) => place >= count)
  if (beyond === undefined) return images
  throw optionError('images', `: image ${beyond} does not exist, because ${where} has the images 0 to ${count - 1}`)
}

async function ofFiles(model: Model, inputs: string[], options: InputOptions): Promise<Inputs> {
  const { limit = Infinity, strict, imageSize: size, decode } = options
  if (options.images)
    throw optionError(
      'images',
      ' works only with a data set or a .npy file: pass just these image files to --input instead'
    )
  const imageSize: [number, number] | undefined = typeof size === 'number' ? [size, size] : size
  const found = inputs.flatMap((path) => {
    if (!existsSync(path)) throw new LrpError('NOT_FOUND', `the input ${path} does not exist`)
    const isFolder = statSync(path).isDirectory()
    return (isFolder ? listImages(path).map((one) => one.path) : [path]).map((file) => ({
      file,
      folder: isFolder ? path : undefined
    }))
  })
  if (found.length === 0) throw noImages(inputs.join(', '), inputs)
  const unknown = found.find(({ file }) => !isImageFile(file))
  if (unknown) {
    const advice = medicalAdvice(unknown.file) ?? 'is neither an image nor a .npy file'
    throw new LrpError('INVALID_ARGUMENT', `${unknown.file} ${advice}`)
  }
  checkTakesImages(model, found[0]!.folder ?? found[0]!.file)
  const preprocessing = neededPreprocessing(model)
  const folders = new Map(found.map(({ file, folder }) => [file, folder]))
  const store = await ImageStore.open(
    found.map(({ file }) => file),
    {
      preprocessing: { ...preprocessing, decode, ...(imageSize && { resize: imageSize, crop: undefined }) },
      most: limit,
      mustRead: (file) => strict === true || folders.get(file) === undefined,
      signal: options.signal
    }
  )
  if (store.paths.length === 0) throw new LrpError('INVALID_FILE', `${inputs.join(', ')} contains no readable image`)
  const names = store.paths.map((file) => relative(folders.get(file) ?? dirname(file), file))
  return { ...ofStore(model, store, names), total: found.length }
}

/** @param names of the images' files, relative to where they were looked for */
function ofStore(model: Model, store: ImageStore, names: string[]): Inputs {
  const { paths, skipped, notes, imageShape } = store
  const read = async (from: number, to: number): Promise<Tensor> =>
    normaliseBytes(await store.read(from, to), [to - from, ...imageShape], model.preprocessing!)
  return { names: uniqueNames(names), paths, skipped, notes, read }
}

async function ofDataset(model: Model, options: InputOptions): Promise<Inputs> {
  const { split = 'test', limit = 10 } = options
  if (!model.experiment) checkTakesImages(model, 'a data set')
  if (typeof options.data !== 'object') {
    const listed = await listFor(model, options)
    if (listed) return ofListed(model, listed, split, limit, options)
  }
  const opened = await openFor(model, options, [split])
  const all = opened.splits[split].labels
  const places = placesOf(opened.name, all.length, options.images) ?? placesByChoice(all, limit).slice(0, limit)
  const dataset = await fitTo(model, opened, split, places)
  const { paths, labels } = dataset.splits[split]
  const names = paths ? namesBelow(paths) : places.map((place) => String(place).padStart(5, '0'))
  const read = (from: number, to: number): Promise<Tensor> => readImages(model, dataset, split, from, to)
  const { skipped, notes = [] } = dataset
  const where = paths ? { paths } : { places }
  return { names, ...where, skipped, notes, read, ...(hasClasses(dataset) && { labels }) }
}

/** Whether each image has exactly one class, as the target `label` requires. */
function hasClasses({ task = 'classification' }: Pick<Dataset, 'task'>): boolean {
  return task === 'classification'
}

/** Reads only the requested image files; other files replace the unreadable ones. */
async function ofListed(
  model: Model,
  listed: Dataset,
  split: SplitName,
  limit: number,
  options: InputOptions
): Promise<Inputs> {
  const { strict = false, signal, images } = options
  const { paths = [], labels } = (await fitTo(model, listed, split)).splits[split]
  const asked = placesOf(listed.name, labels.length, images)
  const places = asked ?? placesByChoice(labels, limit)
  const store = await ImageStore.open(
    places.map((place) => paths[place]!),
    {
      preprocessing: { ...neededPreprocessing(model), decode: ownData(model, options).decode },
      most: asked?.length ?? limit,
      mustRead: () => strict,
      signal
    }
  )
  if (store.paths.length === 0) throw new LrpError('INVALID_FILE', `${listed.name} contains no readable image`)
  const isOther = model.imageShape.some((axis, i) => axis > 0 && axis !== store.imageShape[i])
  if (isOther) {
    const [found, wanted] = [store.imageShape, model.imageShape].map((shape) => shape.join('x'))
    throw new LrpError('INVALID_ARGUMENT', `the model needs images of ${wanted}, but ${listed.name} has ${found}`)
  }
  const [names, known] = [namesBelow(paths), new Map(paths.map((path, place) => [path, place]))]
  const chosen = store.paths.map((path) => known.get(path)!)
  const inputs = ofStore(
    model,
    store,
    chosen.map((place) => names[place]!)
  )
  return { ...inputs, ...(hasClasses(listed) && { labels: Int32Array.from(chosen, (i) => labels[i]!) }) }
}

/** Names of files relative to the deepest folder that contains them all: `class/0000`. */
function namesBelow(paths: string[]): string[] {
  const parts = paths.map((path) => dirname(path).split(sep))
  const [first = [], ...others] = parts
  const common = first.findIndex((part, i) => others.some((other) => other[i] !== part))
  const folder = first.slice(0, common < 0 ? undefined : common).join(sep)
  return uniqueNames(paths.map((path) => relative(folder === '' ? '.' : folder, path)))
}

/** Names without extensions, with `/` between folders; a name that is already used gets a number. */
function uniqueNames(files: string[]): string[] {
  const seen = new Map<string, number>()
  return files.map((file) => {
    const name = file.slice(0, file.length - extname(file).length).replaceAll(sep, '/')
    const times = seen.get(name) ?? 0
    seen.set(name, times + 1)
    return times === 0 ? name : `${name}_${times}`
  })
}
