import { checkSignal } from '../core/errors.js'
import type { Preprocessing } from '../core/graph.js'
import { plainPreprocessing } from '../model/preprocessing.js'
import { arrangeImage, isArranged } from './arrange-image.js'
import { imagesOf, type Dataset, type SplitName } from './dataset.js'
import { checkMemory } from './memory.js'

export interface ArrangeOptions {
  /** Height and width of every image in pixels. */
  imageSize?: [number, number]
  channels?: 1 | 3
  /** Preprocessing of images to bytes, instead of imageSize and channels. */
  preprocessing?: Preprocessing
  signal?: AbortSignal
}

/** Number of images at the same time: what sharp's threads can use. */
const AT_ONCE = 8

/**
 * Resizes and crops the images of a data set in memory and converts their channels, as files are when they are read.
 * Returns the same data set if nothing changes.
 * @throws LrpError INVALID_ARGUMENT for a crop larger than the images, or more than memory holds
 */
export async function arranged(dataset: Dataset, options: ArrangeOptions): Promise<Dataset> {
  const [channels, height, width] = dataset.imageShape
  const shape = [options.channels ?? channels, ...(options.imageSize ?? [height, width])]
  const wanted = options.preprocessing ?? plainPreprocessing(shape)
  if (isArranged(dataset.imageShape, wanted)) return dataset
  const one = await arrangeImage(new Uint8Array(channels * height * width), dataset.imageShape, wanted, dataset.name)
  const imageShape = one.shape as Dataset['imageShape']
  const splits = { ...dataset.splits }
  const total = Object.values(splits).reduce((sum, { labels }) => sum + labels.length, 0)
  checkMemory(total, one.bytes.length)
  for (const name of Object.keys(splits) as SplitName[]) {
    splits[name] = {
      ...splits[name],
      images: await arrangedImages(dataset, name, wanted, one.bytes.length, options.signal)
    }
  }
  return { ...dataset, imageShape, splits }
}

async function arrangedImages(
  dataset: Dataset,
  split: SplitName,
  wanted: Preprocessing,
  size: number,
  signal?: AbortSignal
): Promise<Uint8Array> {
  const count = dataset.splits[split].labels.length
  const images = new Uint8Array(count * size)
  let next = 0
  const work = async (): Promise<void> => {
    for (let i = next++; i < count; i = next++) {
      checkSignal(signal)
      const { bytes } = imagesOf(dataset, split, i, i + 1)
      await arrangeImage(bytes, dataset.imageShape, wanted, dataset.name, images.subarray(i * size, (i + 1) * size))
    }
  }
  await Promise.all(Array.from({ length: AT_ONCE }, work))
  return images
}
