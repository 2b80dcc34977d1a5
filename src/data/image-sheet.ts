import { figure, type Panel } from '../plot/figure.js'
import { imagePicture } from '../plot/picture.js'
import { loadImages, type Dataset, type SplitName } from './dataset.js'

/** Images of a split side by side with titles, as PNG; `size` is the side of each in pixels. */
export async function imageSheet(
  dataset: Dataset,
  split: SplitName,
  images: { index: number; title: string | string[] }[],
  caption: string,
  { columns, size }: { columns: number; size: number }
): Promise<Buffer> {
  const panel = async ({ index, title }: { index: number; title: string | string[] }): Promise<Panel> => {
    const { bytes } = await loadImages(dataset, split, index, index + 1)
    return { title, picture: imagePicture(bytes, dataset.imageShape) }
  }
  return figure(await Promise.all(images.map(panel)), [caption], { columns, size, shrink: true })
}
