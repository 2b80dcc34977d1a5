import { createHash } from 'node:crypto'
import { LrpError } from '../errors.js'

/** Images of one split as bytes, one class number each. */
export interface Split {
  /** [images, channels, height, width], row-major. */
  images: Uint8Array
  labels: Int32Array
  /** File of each image, where images are files. */
  paths?: string[]
}

/** A set of labelled images, all of one size, in memory as bytes. */
export interface Dataset {
  name: string
  classes: string[]
  /** Channels, height, width. */
  imageShape: [number, number, number]
  splits: { train: Split; valid: Split; test: Split }
  /** Images that could not be read and were left out. */
  skipped: string[]
}

export type SplitName = keyof Dataset['splits']

/** Images `from` to `to` of a split, over the same memory. */
export function imagesOf(
  dataset: Dataset,
  split: SplitName,
  from: number,
  to: number
): { bytes: Uint8Array; shape: number[] } {
  const size = dataset.imageShape.reduce((product, axis) => product * axis, 1)
  return {
    bytes: dataset.splits[split].images.subarray(from * size, to * size),
    shape: [to - from, ...dataset.imageShape]
  }
}

/** SHA-256 over every image and label: two data sets with the same fingerprint are the same. */
export function fingerprint(dataset: Dataset): string {
  const hash = createHash('sha256').update(JSON.stringify([dataset.classes, dataset.imageShape]))
  for (const { images, labels } of Object.values(dataset.splits)) hash.update(images).update(labels)
  return hash.digest('hex')
}

/** Images per class of a split. */
export function classCounts(split: Split, classes: number): number[] {
  const counts = Array<number>(classes).fill(0)
  for (const label of split.labels) counts[label]!++
  return counts
}

/**
 * @throws LrpError INVALID_FILE when a label names no class, a split does not hold together, or a class has no training
 * image though others have.
 */
export function checkDataset(dataset: Dataset): Dataset {
  const size = dataset.imageShape.reduce((product, axis) => product * axis, 1)
  for (const [name, { images, labels }] of Object.entries(dataset.splits)) {
    if (images.length !== labels.length * size) {
      throw new LrpError(
        'INVALID_FILE',
        `data set ${dataset.name}: the ${name} split has ${images.length / size} images and ${labels.length} labels`
      )
    }
    const wrong = labels.find((label) => label < 0 || label >= dataset.classes.length)
    if (wrong !== undefined) {
      throw new LrpError(
        'INVALID_FILE',
        `data set ${dataset.name}: the ${name} split has the label ${wrong}, there are classes 0 to ${dataset.classes.length - 1}`
      )
    }
  }
  const { train } = dataset.splits
  const unseen = dataset.classes.find((_, label) => train.labels.length > 0 && !train.labels.includes(label))
  if (unseen !== undefined) {
    throw new LrpError('INVALID_FILE', `data set ${dataset.name}: the class '${unseen}' has no training image`)
  }
  return dataset
}
