import { counted } from '../core/plural.js'
import { fitNormalisation } from './fit-normalisation.js'
import { classCounts, fingerprint, type Dataset, type OriginalSizes, type SplitName } from './dataset.js'
import { imageSheet } from './image-sheet.js'
import { kindsText } from './kinds-text.js'

/**
 * Return value of `inspectDataset`: number of images per split and class, mean and standard deviation, unreadable
 * files.
 */
export interface DatasetSummary {
  /** Name of the data set or of its folder. */
  name: string
  /** Names of the classes, or of the values for regression. */
  classes: string[]
  /** Channels, height, width. */
  imageShape: [number, number, number]
  /**
   * Number of images per split, and per class in the order of `classes`. For regression, the range of each value
   * replaces the numbers per class.
   */
  splits: Record<SplitName, { images: number; perClass?: number[]; ranges?: [number, number][] }>
  /** Mean per channel over the training images, from 0 to 1; missing without training images. */
  mean?: number[]
  /** Standard deviation per channel over the training images, from 0 to 1; missing without training images. */
  std?: number[]
  /** Height and width of the smallest and the largest image file in pixels, if they differ. */
  originalSizes?: OriginalSizes
  /** Unreadable files, including the files in `missing`. */
  skipped: string[]
  /** Listed files that do not exist. */
  missing?: string[]
  /** Notes on the data set, as sentences. */
  notes?: string[]
  /** SHA-256 over all images and labels. */
  fingerprint: string
}

const PER_CLASS = 10
const MANY_CLASSES = 20
const MOST_PANELS = 400

/** Counts the images of a data set, and computes its mean, standard deviation and fingerprint. */
export async function inspectDataset(dataset: Dataset): Promise<DatasetSummary> {
  const { name, classes, imageShape, originalSizes, skipped, missing, notes } = dataset
  const summary = (split: SplitName): DatasetSummary['splits'][SplitName] => {
    const { labels, values } = dataset.splits[split]
    const images = labels.length
    if (values && dataset.task !== 'multilabel')
      return { images, ranges: classes.map((_, output) => rangeOf(values, output, classes.length)) }
    return { images, perClass: classCounts(dataset.splits[split], classes.length) }
  }
  const splits = { train: summary('train'), valid: summary('valid'), test: summary('test') }
  const values = splits.train.images > 0 ? await fitNormalisation(dataset) : {}
  const left = { skipped, missing, ...(notes && { notes }) }
  return { name, classes, imageShape, originalSizes, splits, ...values, ...left, fingerprint: fingerprint(dataset) }
}

function rangeOf(values: Float32Array, output: number, outputs: number): [number, number] {
  let range: [number, number] = [Infinity, -Infinity]
  for (let i = output; i < values.length; i += outputs) {
    range = [Math.min(range[0], values[i]!), Math.max(range[1], values[i]!)]
  }
  return range
}

/**
 * Draws the first images of every class side by side, as PNG: ten of each class, or one of each if there are more than
 * 20 classes. For regression, it draws the first hundred images with their values.
 */
export async function contactSheet(dataset: Dataset, split: SplitName = 'train'): Promise<Buffer> {
  const { classes, imageShape, splits, task } = dataset
  const chosen = splits[split].values ? firstValues(dataset, split) : firstOfClasses(dataset, split)
  const images = `${counted(splits[split].labels.length, 'image')} of ${imageShape.join('x')}`
  const caption = `${dataset.name}, ${split}: ${images}, ${kindsText(classes.length, task)}`
  return imageSheet(dataset, split, chosen, caption, { columns: PER_CLASS, size: 96 })
}

function firstOfClasses({ classes, splits }: Dataset, split: SplitName): { title: string; index: number }[] {
  const few = classes.length <= MANY_CLASSES
  return classes.slice(0, few ? undefined : MOST_PANELS).flatMap((title, label) => {
    const indices: number[] = []
    for (let i = splits[split].labels.indexOf(label); i >= 0 && indices.length < (few ? PER_CLASS : 1);) {
      indices.push(i)
      i = splits[split].labels.indexOf(label, i + 1)
    }
    return indices.map((index) => ({ title, index }))
  })
}

function firstValues({ classes, splits, task }: Dataset, split: SplitName): { title: string; index: number }[] {
  const { labels, values } = splits[split]
  const valuesOf = (index: number): number[] =>
    Array.from(values!.subarray(index * classes.length, (index + 1) * classes.length))
  return Array.from({ length: Math.min(labels.length, PER_CLASS ** 2) }, (_, index) => ({
    title:
      task === 'multilabel'
        ? classes.filter((_, label) => valuesOf(index)[label] === 1).join(', ')
        : valuesOf(index)
            .map((value) => Number(value.toPrecision(4)))
            .join(', '),
    index
  }))
}
