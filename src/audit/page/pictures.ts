import { sharp } from '../../core/sharp.js'
import { heatmap, imagePicture, pictureToPng, type Picture } from '../../plot/picture.js'
import type { AuditSources } from '../sources.js'

/** Side of the thumbnails of the embedding, in pixels. */
export const THUMB = 44
export const SPRITE_COLUMNS = 20
const EXAMPLE_SIDE = 128

/** Thumbnails of images side by side in rows, as WebP. */
export async function sprite({ images }: AuditSources, indices: number[]): Promise<string> {
  const read = await images.read(indices)
  const pictures = read.map((bytes) => imagePicture(bytes, images.shape))
  return `data:image/webp;base64,${(await inRows(pictures, THUMB, SPRITE_COLUMNS)).toString('base64')}`
}

/** Some images of a cluster, each as WebP. */
export async function examples({ images }: AuditSources, indices: number[]): Promise<Buffer[]> {
  const read = await images.read(indices)
  return Promise.all(read.map((bytes) => example(imagePicture(bytes, images.shape))))
}

function example({ data, width, height }: Picture): Promise<Buffer> {
  const isSmall = Math.max(width, height) < EXAMPLE_SIDE
  return sharp(data, { raw: { width, height, channels: 3 } })
    .resize(EXAMPLE_SIDE, EXAMPLE_SIDE, { fit: 'inside', kernel: isSmall ? 'nearest' : 'lanczos3' })
    .webp({ quality: 85, effort: 2 })
    .toBuffer()
}

/** Pictures as squares of one side in rows; enlarged or reduced by taking pixels. */
async function inRows(pictures: Picture[], side: number, columns: number): Promise<Buffer> {
  const [width, height] = [columns * side, Math.ceil(pictures.length / columns) * side]
  const data = new Uint8Array(width * height * 3)
  pictures.forEach((picture, i) => {
    const scale = Math.max(picture.width, picture.height) / side
    const [left, top] = [(i % columns) * side, Math.floor(i / columns) * side]
    for (let y = 0; y < Math.min(side, picture.height / scale); y++)
      for (let x = 0; x < Math.min(side, picture.width / scale); x++) {
        const from = 3 * (Math.floor(y * scale) * picture.width + Math.floor(x * scale))
        data.set(picture.data.subarray(from, from + 3), 3 * ((top + y) * width + left + x))
      }
  })
  return sharp(data, { raw: { width, height, channels: 3 } })
    .webp({ quality: 85, effort: 2 })
    .toBuffer()
}

/** The mean of some images' maps, red for relevance and blue against it. */
export async function meanMap({ observed: { maps, grid } }: AuditSources, indices: number[]): Promise<Buffer> {
  const mean = new Float32Array(maps.width)
  for (const i of indices) for (let x = 0; x < maps.width; x++) mean[x]! += maps.data[i * maps.width + x]!
  return pictureToPng(heatmap(mean, [1, ...grid]), 160)
}
