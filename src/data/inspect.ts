import { figure, type Panel } from '../plot/figure.js'
import { imagePicture } from '../plot/picture.js'
import { fitNormalisation } from '../train/fit-normalisation.js'
import { classCounts, fingerprint, loadImages, type Dataset, type SplitName } from './dataset.js'

export interface DatasetSummary {
  name: string
  classes: string[]
  /** Channels, height, width. */
  imageShape: [number, number, number]
  /** Images per split, and per class in the order of `classes`. */
  splits: Record<SplitName, { images: number; perClass: number[] }>
  /** Per channel over the training images, from 0 to 1; absent where there are none. */
  mean?: number[]
  std?: number[]
  /** Files that could not be read. */
  skipped: string[]
  /** SHA-256 over all images and labels. */
  fingerprint: string
}

const PER_CLASS = 10
const MANY_CLASSES = 20
const MOST_PANELS = 400

/** What a data set holds, in numbers. */
export async function inspectDataset(dataset: Dataset): Promise<DatasetSummary> {
  const { name, classes, imageShape, skipped } = dataset
  const summary = (split: SplitName): { images: number; perClass: number[] } => ({
    images: dataset.splits[split].labels.length,
    perClass: classCounts(dataset.splits[split], classes.length)
  })
  const splits = { train: summary('train'), valid: summary('valid'), test: summary('test') }
  const values = splits.train.images > 0 ? await fitNormalisation(dataset) : {}
  return { name, classes, imageShape, splits, ...values, skipped, fingerprint: fingerprint(dataset) }
}

/** The first images of every class side by side, as PNG: ten of each, or one where there are more than 20 classes. */
export async function contactSheet(dataset: Dataset, split: SplitName = 'train'): Promise<Buffer> {
  const { classes, imageShape, splits } = dataset
  const few = classes.length <= MANY_CLASSES
  const chosen = classes.slice(0, few ? undefined : MOST_PANELS).flatMap((title, label) => {
    const indices: number[] = []
    for (let i = splits[split].labels.indexOf(label); i >= 0 && indices.length < (few ? PER_CLASS : 1);) {
      indices.push(i)
      i = splits[split].labels.indexOf(label, i + 1)
    }
    return indices.map((i) => ({ title, i }))
  })
  const panel = async ({ title, i }: { title: string; i: number }): Promise<Panel> => {
    return { title, picture: imagePicture((await loadImages(dataset, split, i, i + 1)).bytes, imageShape) }
  }
  const caption = `${dataset.name}, ${split}: ${splits[split].labels.length} images of ${imageShape.join('x')} in ${classes.length} classes`
  return figure(await Promise.all(chosen.map(panel)), [caption], { columns: PER_CLASS, size: 96, shrink: true })
}
