import { existsSync, statSync } from 'node:fs'
import { basename, extname } from 'node:path'
import { loadImages, type Dataset, type SplitName } from '../data/dataset.js'
import { fitTo, openFor } from '../data/for-model.js'
import { isImageFile, listImages } from '../data/image-files.js'
import { readNpy } from '../data/npy.js'
import { DATA_NAMES, type DataOptions } from '../data/open.js'
import { LrpError } from '../core/errors.js'
import type { Preprocessing } from '../core/graph.js'
import type { Model } from '../model/model.js'
import { readImage } from '../data/read-image.js'
import { normaliseBytes } from '../model/preprocessing.js'
import { sizeOf, type Tensor } from '../core/tensor.js'
import { sliceBatch } from './batches.js'

/** Which images are meant. */
export interface InputOptions extends Omit<DataOptions, 'data' | 'seed'> {
  /** Images, folders of images, or one .npy file (taken as it is); instead of a data set. */
  input?: string[]
  data?: string | Dataset
  split?: SplitName
  /** At most so many images; 10 for data sets. */
  limit?: number
}

export const INPUT_NAMES: Record<keyof InputOptions, true> = { ...DATA_NAMES, input: true, split: true, limit: true }

export interface Batch {
  input: Tensor
  /** One name per image: its file, or its place in the data set. */
  names: string[]
  labels?: Int32Array
}

/** Images that are read when they are needed. */
export interface Inputs {
  names: string[]
  labels?: Int32Array
  /** Images of a data set or folder that could not be read and were left out. */
  skipped: string[]
  /** Images `from` to `to` as the network wants them. @throws LrpError NOT_FOUND, INVALID_FILE naming the image */
  read: (from: number, to: number) => Promise<Tensor>
}

/** @throws LrpError NOT_FOUND, INVALID_FILE, INVALID_ARGUMENT for what is neither an image nor an array */
export async function openInputs(model: Model, options: InputOptions): Promise<Inputs> {
  if (!options.input || options.input.length === 0) return ofDataset(model, options)
  const arrays = options.input.filter((path) => extname(path) === '.npy')
  if (arrays.length === 0) return ofFiles(model, options.input, options)
  if (options.input.length > 1) throw new LrpError('INVALID_ARGUMENT', 'give one .npy file, or images')
  return ofArray(model, arrays[0]!, options.limit)
}

/** The images as one tensor. @throws LrpError as `openInputs` and its `read` */
export async function readInputs(model: Model, options: InputOptions): Promise<Batch> {
  const inputs = await openInputs(model, options)
  return batchOf(inputs, 0, inputs.names.length)
}

export async function batchOf({ names, labels, read }: Inputs, from: number, to: number): Promise<Batch> {
  const input = await read(from, to)
  return { input, names: names.slice(from, to), ...(labels && { labels: labels.slice(from, to) }) }
}

async function ofArray(model: Model, path: string, limit = Infinity): Promise<Inputs> {
  const { data, shape: found } = await readNpy(path)
  const shape = found.length === model.graph.inputShape.length - 1 ? [1, ...found] : found
  if (data.length === 0 || shape.length < 2) {
    throw new LrpError('INVALID_ARGUMENT', `${path} holds no images: its shape is [${found.join(', ')}]`)
  }
  const names = Array.from({ length: Math.min(limit, shape[0]!) }, (_, i) => String(i))
  const size = sizeOf(shape.slice(1))
  const read = async (from: number, to: number): Promise<Tensor> => {
    for (let i = from * size; i < to * size; i++) {
      if (Number.isFinite(data[i])) continue
      throw new LrpError('NUMERIC', `${path}: image ${Math.floor(i / size)} holds values that are not finite`)
    }
    return sliceBatch({ data, shape }, from, to)
  }
  return { names, skipped: [], read }
}

async function ofFiles(model: Model, inputs: string[], { limit = Infinity, strict }: InputOptions): Promise<Inputs> {
  const { preprocessing } = model
  if (!preprocessing)
    throw new LrpError('INVALID_ARGUMENT', 'the model has no preprocessing for images: give --preprocess')
  const found = inputs.flatMap((path) => {
    if (!existsSync(path)) throw new LrpError('NOT_FOUND', `the input ${path} does not exist`)
    const isFolder = statSync(path).isDirectory()
    return (isFolder ? listImages(path) : [path]).map((file) => ({ file, isFolder }))
  })
  if (found.length === 0) throw new LrpError('NOT_FOUND', `${inputs.join(', ')} holds no images`)
  const unknown = found.find(({ file }) => !isImageFile(file))
  if (unknown) throw new LrpError('INVALID_ARGUMENT', `${unknown.file} is neither an image nor a .npy file`)
  const taken = found.slice(0, limit)
  const inFolders = strict ? [] : taken.filter(({ isFolder }) => isFolder).map(({ file }) => file)
  const skipped = await unreadable(inFolders, preprocessing)
  const chosen = taken.map(({ file }) => file).filter((file) => !skipped.includes(file))
  if (chosen.length === 0) throw new LrpError('INVALID_FILE', `${inputs.join(', ')} holds no image that can be read`)
  let first: string | undefined // all images have the size of the first
  const read = async (from: number, to: number): Promise<Tensor> => {
    const images = await Promise.all(chosen.slice(from, to).map((path) => readImage(path, preprocessing)))
    first ??= images[0]!.shape.join()
    const size = sizeOf(images[0]!.shape)
    const bytes = new Uint8Array(images.length * size)
    images.forEach((image, i) => {
      if (image.shape.join() !== first)
        throw new LrpError('INVALID_ARGUMENT', `${chosen[from + i]} has another size than the images before it`)
      bytes.set(image.bytes, i * size)
    })
    return normaliseBytes(bytes, [images.length, ...images[0]!.shape], preprocessing)
  }
  return { names: uniqueNames(chosen), skipped, read }
}

/** Those of the files that cannot be decoded, some at a time. */
async function unreadable(files: string[], preprocessing: Preprocessing): Promise<string[]> {
  const AT_ONCE = 16
  const broken: string[] = []
  for (let from = 0; from < files.length; from += AT_ONCE) {
    const some = files.slice(from, from + AT_ONCE)
    const read = await Promise.allSettled(some.map((path) => readImage(path, preprocessing)))
    broken.push(...some.filter((_, i) => read[i]!.status === 'rejected'))
  }
  return broken
}

async function ofDataset(model: Model, options: InputOptions): Promise<Inputs> {
  const { split = 'test', limit = 10 } = options
  const opened = typeof options.data === 'object' ? options.data : await openFor(model, options)
  const dataset = await fitTo(model, opened, split, limit)
  const { paths, labels } = dataset.splits[split]
  const names = paths ? uniqueNames(paths) : Array.from(labels, (_, i) => String(i).padStart(5, '0'))
  const read = async (from: number, to: number): Promise<Tensor> => {
    const { bytes, shape } = await loadImages(dataset, split, from, to)
    return normaliseBytes(bytes, shape, model.preprocessing!)
  }
  return { names, skipped: dataset.skipped, read, ...(model.task === 'classification' && { labels }) }
}

function uniqueNames(paths: string[]): string[] {
  const seen = new Map<string, number>()
  return paths.map((path) => {
    const name = basename(path, extname(path))
    const times = seen.get(name) ?? 0
    seen.set(name, times + 1)
    return times === 0 ? name : `${name}_${times}`
  })
}
