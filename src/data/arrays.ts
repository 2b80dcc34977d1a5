import { existsSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { LrpError } from '../core/errors.js'
import type { DataTask } from '../core/graph.js'
import { checkDataset, type Dataset, type Split } from './dataset.js'
import { numbered } from './image-names.js'
import { noDataSet } from './no-data-set.js'
import { readNpy, readNpz, type NpyArray } from '../core/npy.js'
import { valueNames } from './regression.js'
import { complete, type SplitOptions } from './split.js'

/** Names that arrays of images and labels may have, ours first; Keras writes `x_train`. */
const IMAGES = ['images', 'x', 'data']
const LABELS = ['labels', 'y', 'targets']
const SPLITS = ['train', 'valid', 'test'] as const

type Arrays = (names: string[]) => Promise<(NpyArray & { name: string }) | undefined>
type Parts = { split: Split; shape: [number, number, number] }

export interface ArrayOptions extends SplitOptions {
  task?: DataTask
}

/** Whether a path is a pair of arrays that `openArrays` reads, or a folder that contains one. */
export function hasArrays(path: string): boolean {
  if (path.endsWith('.npz')) return true
  const names = [...namesOf(IMAGES), ...SPLITS.flatMap((split) => namesOf(IMAGES, split))]
  return names.some((name) => existsSync(join(path, `${name}.npy`)))
}

/**
 * Opens a data set of NumPy arrays: one `.npz` file, or a folder of `.npy` files, with `images` and `labels`, or with
 * `train_images`, `train_labels`, `test_images`, ... (also `x`, `y`, `x_train`, ...). Images are [N, H, W], [N, C, H,
 * W] or [N, H, W, C] with one or three channels: bytes, or real numbers from 0 to 1, which become bytes. Labels are
 * whole numbers from 0; for regression any numbers, [N] or [N, values]; for multilabel 0 and 1, [N, labels]. Missing
 * splits are taken from the training images. @throws LrpError NOT_FOUND, INVALID_FILE
 */
export async function openArrays(path: string, options: ArrayOptions = {}): Promise<Dataset> {
  const arrays = await sourceOf(path)
  const task = options.task === 'binary' ? 'classification' : options.task
  const parts: Partial<Record<(typeof SPLITS)[number], Parts>> = {}
  for (const split of SPLITS) parts[split] = await readPair(path, arrays, task, split)
  parts.train ??= await readPair(path, arrays, task)
  const { train, valid, test } = parts
  if (!train)
    throw new LrpError(
      'NOT_FOUND',
      `${path} must contain arrays named images and labels, or train_images and train_labels`
    )
  const [, ...others] = Object.values(parts).filter((part) => part !== undefined)
  for (const { shape, split } of others) {
    if (shape.join() !== train.shape.join())
      throw new LrpError('INVALID_FILE', `${path}: the images of all splits must have the same size`)
    if (valueCount(split) !== valueCount(train.split))
      throw new LrpError('INVALID_FILE', `${path}: the images of all splits must have the same number of values`)
  }
  const splits = complete(path, { train: train.split, valid: valid?.split, test: test?.split }, options)
  const classes = classNames(train.split, task)
  return checkDataset({ name: path, task, classes, imageShape: train.shape, splits, skipped: [] })
}

function valueCount({ values, labels }: Split): number {
  return values && labels.length > 0 ? values.length / labels.length : 1
}

function classNames(split: Split, task?: DataTask): string[] {
  if (task === 'regression') return valueNames(valueCount(split))
  return task === 'multilabel'
    ? Array.from({ length: valueCount(split) }, (_, i) => String(i))
    : classNumbers(split.labels)
}

function classNumbers(labels: Int32Array): string[] {
  const highest = labels.reduce((most, label) => Math.max(most, label), 0)
  return Array.from({ length: highest + 1 }, (_, label) => String(label))
}

async function sourceOf(path: string): Promise<Arrays> {
  if (!existsSync(path)) throw new LrpError('NOT_FOUND', `the file or folder ${path} with the data does not exist`)
  if (statSync(path).isDirectory()) {
    return async (names) => {
      const name = names.find((one) => existsSync(join(path, `${one}.npy`)))
      return name === undefined ? undefined : { ...(await readNpy(join(path, `${name}.npy`))), name }
    }
  }
  if (!path.endsWith('.npz')) throw noDataSet(path)
  const all = await readNpz(path)
  return async (names) => {
    const name = names.find((one) => all[one] !== undefined)
    return name === undefined ? undefined : { ...all[name]!, name }
  }
}

function namesOf(kinds: string[], split?: string): string[] {
  return split === undefined
    ? kinds
    : kinds.flatMap((kind) => [`${split}_${kind}`, `${split}-${kind}`, `${kind}_${split}`])
}

async function readPair(path: string, arrays: Arrays, task?: DataTask, split?: string): Promise<Parts | undefined> {
  const [images, labels] = [await arrays(namesOf(IMAGES, split)), await arrays(namesOf(LABELS, split))]
  if (!images) return undefined
  const what = split ? `the ${split} images` : 'the images'
  if (!labels) throw new LrpError('INVALID_FILE', `${path} contains no labels for ${what}`)
  const count = images.shape[0]
  const axes = task === 'regression' ? [1, 2] : task === 'multilabel' ? [2] : [1]
  if (!axes.includes(labels.shape.length) || labels.shape[0] !== count) {
    throw new LrpError(
      'INVALID_FILE',
      `${path}: ${what} have the shape ${images.shape.join('x')}, but their labels have the shape ${labels.shape.join('x')}`
    )
  }
  const { data, shape } = toPlanes(images, `${path}: ${what}`)
  const bytes = toBytes(data, images.dtype, `${path}: ${what}`)
  const names = numbered(images.name, count!)
  return { split: { images: bytes, ...labelsFrom(labels, path, task), names }, shape }
}

function labelsFrom({ data, shape }: NpyArray, path: string, task?: DataTask): Pick<Split, 'labels' | 'values'> {
  if (task === 'regression') {
    const wrong = data.find((value) => !Number.isFinite(value))
    if (wrong !== undefined) throw new LrpError('INVALID_FILE', `${path}: the value ${wrong} is not finite`)
    return { labels: new Int32Array(shape[0]!), values: Float32Array.from(data) }
  }
  if (task === 'multilabel') {
    const wrong = data.find((value) => value !== 0 && value !== 1)
    if (wrong !== undefined) throw new LrpError('INVALID_FILE', `${path}: the label ${wrong} is neither 0 nor 1`)
    return { labels: new Int32Array(shape[0]!), values: Float32Array.from(data) }
  }
  const fraction = data.find((label) => !Number.isInteger(label))
  if (fraction !== undefined) throw new LrpError('INVALID_FILE', `${path}: the label ${fraction} is not a whole number`)
  return { labels: Int32Array.from(data) }
}

function toPlanes({ data, shape }: NpyArray, what: string): { data: Float32Array; shape: [number, number, number] } {
  const isChannels = (axis?: number): boolean => axis === 1 || axis === 3
  const [count, a, b, c] = shape as [number, number, number, number]
  if (shape.length === 3) return { data, shape: [1, a, b] }
  if (shape.length !== 4 || !(isChannels(a) || isChannels(c))) {
    throw new LrpError(
      'INVALID_FILE',
      `${what} must have the shape [N, H, W], [N, C, H, W] or [N, H, W, C] with 1 or 3 channels, not ${shape.join('x')}`
    )
  }
  if (isChannels(a)) return { data, shape: [a, b, c] }
  const planes = new Float32Array(data.length)
  const plane = a * b
  for (let i = 0; i < count; i++) {
    const start = i * plane * c
    for (let j = 0; j < plane; j++) for (let k = 0; k < c; k++) planes[start + k * plane + j] = data[start + j * c + k]!
  }
  return { data: planes, shape: [c, a, b] }
}

/** Whole numbers are bytes. Real numbers are bytes too if one of them is above 1, otherwise values from 0 to 1. */
function toBytes(values: Float32Array, dtype: string, what: string): Uint8Array {
  let [low, high] = [0, 0]
  for (const value of values) {
    if (!Number.isFinite(value)) throw new LrpError('INVALID_FILE', `${what} contain a value that is not a number`)
    low = Math.min(low, value)
    high = Math.max(high, value)
  }
  if (low < 0 || high > 255)
    throw new LrpError(
      'INVALID_FILE',
      `${what} must contain values from 0 to 255 or from 0 to 1, not from ${low} to ${high}`
    )
  const unit = dtype.startsWith('f') && high <= 1 ? 255 : 1
  return Uint8Array.from(values, (value) => Math.round(value * unit))
}
