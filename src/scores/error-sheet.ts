import type { Dataset, SplitName } from '../data/dataset.js'
import { imageSheet } from '../data/image-sheet.js'

/** Images on a sheet of errors. */
export const WORST = 20

/**
 * The worst errors side by side.
 * @param worst numbers of images, the worst first; the first `WORST` are shown
 * @param titleOf lines above an image
 */
export function errorSheet(
  dataset: Dataset,
  split: SplitName,
  worst: number[],
  titleOf: (image: number) => string[],
  caption: string
): Promise<Buffer> {
  const images = worst.slice(0, WORST).map((index) => ({ index, title: titleOf(index) }))
  return imageSheet(dataset, split, images, caption, { columns: 5, size: 150 })
}
