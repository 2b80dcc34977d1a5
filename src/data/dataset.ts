import { createHash } from 'node:crypto'
import { LrpError } from '../core/errors.js'
import type { DataTask } from '../core/graph.js'
import { middleOf } from './arrange-image.js'
import { counted } from '../core/plural.js'
import { sizeOf } from '../core/tensor.js'

/** The images of one split, with their class numbers or values. */
export interface Split {
  /**
   * The images as bytes: [images, ...imageShape] (or `storedShape`), row-major. Empty if the data set reads its images
   * from `paths`.
   */
  images: Uint8Array
  /** Class numbers, counted from 0; all 0 for regression and multilabel. */
  labels: Int32Array
  /**
   * For regression, the values [images, values]. For multilabel, 0 or 1 for each class [images, classes]. Row-major.
   */
  values?: Float32Array
  /** Path of each image, if the images are files. */
  paths?: string[]
  /** Name of each image, if one file contains many images: the file name and the number of the image in it. */
  names?: string[]
}

/** A set of labelled images of one size. They are in memory as bytes, or are read from their files when needed. */
export interface Dataset {
  /** Name of the data set or of its folder. */
  name: string
  /** Task of the data set (`classification`). */
  task?: Exclude<DataTask, 'binary'>
  /** Names of the classes, or of the values for regression. */
  classes: string[]
  /** Channels, height and width of every image. */
  imageShape: [number, number, number]
  /**
   * Channels, height and width of the stored images, if they are larger than `imageShape`. Training can crop them at
   * random places; everything else uses the centre.
   */
  storedShape?: [number, number, number]
  /** Images and labels for training, validation and test. */
  splits: { train: Split; valid: Split; test: Split }
  /** Images that could not be read and were skipped. */
  skipped: string[]
  /** The skipped images that do not exist. */
  missing?: string[]
  /** Notes on the images, as sentences. */
  notes?: string[]
  /** Height and width of the smallest and the largest image file, if they differ. */
  originalSizes?: OriginalSizes
  /**
   * If images are not kept in memory, reads the file at one of `paths` into an array, as bytes of shape `imageShape`
   * (or `storedShape`).
   */
  read?: (path: string, into: Uint8Array) => Promise<void>
  /** If images are not kept in memory, returns the SHA-256 of the bytes of each file in `paths`. */
  digests?: Map<string, string>
}

export interface OriginalSizes {
  smallest: [number, number]
  largest: [number, number]
}

/** `train`, `valid` or `test`. */
export type SplitName = keyof Dataset['splits']

/**
 * Returns images `from` to `to` (exclusive) of a split that is in memory. The result shares memory with the split
 * unless the images are cropped.
 */
export function imagesOf(
  dataset: Dataset,
  split: SplitName,
  from: number,
  to: number
): { bytes: Uint8Array; shape: number[] } {
  const size = sizeOf(storedShape(dataset))
  return asSeen(dataset, dataset.splits[split].images.subarray(from * size, to * size))
}

/**
 * Loads images `from` to `to` (exclusive) of a split, from memory or from their files.
 * @throws LrpError if a file cannot be read
 */
export async function loadImages(
  dataset: Dataset,
  split: SplitName,
  from: number,
  to: number
): Promise<{ bytes: Uint8Array; shape: number[] }> {
  if (!dataset.read) return imagesOf(dataset, split, from, to)
  const indices = Array.from({ length: to - from }, (_, i) => from + i)
  return asSeen(dataset, await readChosen(dataset, dataset.splits[split], indices))
}

/**
 * Reads some images of a split that is not in memory, one after the other at their stored size, into `into` or a new
 * array.
 */
export async function readChosen(
  dataset: Dataset,
  split: Split,
  indices: number[],
  into?: Uint8Array
): Promise<Uint8Array> {
  const size = sizeOf(storedShape(dataset))
  const bytes = into ?? new Uint8Array(indices.length * size)
  const read = (index: number, i: number): Promise<void> =>
    dataset.read!(split.paths![index]!, bytes.subarray(i * size, (i + 1) * size))
  await Promise.all(indices.map(read))
  return bytes
}

/** Channels, height and width of the stored images. */
export function storedShape({ storedShape: stored, imageShape }: Dataset): [number, number, number] {
  return stored ?? imageShape
}

function asSeen(dataset: Dataset, stored: Uint8Array): { bytes: Uint8Array; shape: number[] } {
  const shape = storedShape(dataset)
  const bytes = dataset.storedShape ? middleOf(stored, shape, dataset.imageShape, dataset.name) : stored
  return { bytes, shape: [stored.length / sizeOf(shape), ...dataset.imageShape] }
}

/**
 * Computes a SHA-256 over all images and labels. Two data sets with the same fingerprint are equal. For images that are
 * not in memory, their digests are hashed instead, so the same images have a different fingerprint in memory.
 */
export function fingerprint(dataset: Dataset): string {
  const { digests } = dataset
  const hash = createHash('sha256').update(
    JSON.stringify([dataset.classes, dataset.imageShape, dataset.storedShape].filter(Boolean))
  )
  for (const { images, labels, values, paths } of Object.values(dataset.splits)) {
    if (digests) paths!.forEach((path) => hash.update(digests.get(path)!))
    hash.update(images).update(values ?? labels)
  }
  return hash.digest('hex')
}

/** Counts the images of each class in a split. An image with several classes counts for each of them. */
export function classCounts(split: Split, classes: number): number[] {
  const counts = Array<number>(classes).fill(0)
  split.values?.forEach((value, i) => (counts[i % classes]! += Number(value > 0.5)))
  if (split.values) return counts
  for (const label of split.labels) counts[label]!++
  return counts
}

/**
 * Checks that a data set is consistent.
 * @throws LrpError INVALID_FILE if a label names no class, or a split has images without labels
 */
export function checkSplits(dataset: Dataset): Dataset {
  const size = sizeOf(storedShape(dataset))
  for (const [name, { images, labels }] of Object.entries(dataset.splits)) {
    if (!dataset.read && images.length !== labels.length * size) {
      throw new LrpError(
        'INVALID_FILE',
        `data set ${dataset.name}: the ${name} split has ${counted(images.length / size, 'image')}, but ${counted(labels.length, 'label')}`
      )
    }
    const wrong = labels.find((label) => label < 0 || label >= dataset.classes.length)
    if (wrong !== undefined) {
      throw new LrpError(
        'INVALID_FILE',
        `data set ${dataset.name}: the ${name} split has the label ${wrong}, but the classes are 0 to ${dataset.classes.length - 1}`
      )
    }
  }
  return dataset
}

/**
 * Checks in addition that a data set can be used for training.
 * @throws LrpError INVALID_FILE also if only some of the classes have training images
 */
export function checkDataset(dataset: Dataset): Dataset {
  const { train } = checkSplits(dataset).splits
  if (dataset.task === 'regression') return dataset
  const counts = classCounts(train, dataset.classes.length)
  const unseen = dataset.classes.find((_, label) => train.labels.length > 0 && counts[label] === 0)
  if (unseen !== undefined) {
    throw new LrpError('INVALID_FILE', `data set ${dataset.name}: the class '${unseen}' has no training image`)
  }
  return dataset
}
