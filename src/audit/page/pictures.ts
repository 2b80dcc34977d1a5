import sharp from 'sharp'
import { heatmap, imagePicture, pictureToPng, type Picture } from '../../plot/picture.js'
import type { AuditSources } from '../write-audit.js'

/** Side of the thumbnails of the embedding, in pixels. */
export const THUMB = 44
export const SPRITE_COLUMNS = 20
const EXAMPLES = 8
const EXAMPLE_SIDE = 96

/** Thumbnails of images side by side in rows, as WebP. */
export async function sprite({ images }: AuditSources, indices: number[]): Promise<string> {
  const rows = Math.ceil(indices.length / SPRITE_COLUMNS)
  const base = sharp({
    create: { width: SPRITE_COLUMNS * THUMB, height: rows * THUMB, channels: 3, background: '#000' }
  })
  const read = await images.read(indices)
  const cells = await Promise.all(
    read.map(async (bytes, i) => ({
      input: await resized(imagePicture(bytes, images.shape), THUMB),
      left: (i % SPRITE_COLUMNS) * THUMB,
      top: Math.floor(i / SPRITE_COLUMNS) * THUMB
    }))
  )
  const data = await base.composite(cells).webp({ quality: 80 }).toBuffer()
  return `data:image/webp;base64,${data.toString('base64')}`
}

/** Some images of a cluster in one row. */
export async function examples({ images }: AuditSources, indices: number[]): Promise<Buffer> {
  const read = await images.read(indices.slice(0, EXAMPLES))
  const gap = 4
  const cells = await Promise.all(
    read.map(async (bytes, i) => ({
      input: await resized(imagePicture(bytes, images.shape), EXAMPLE_SIDE),
      left: i * (EXAMPLE_SIDE + gap),
      top: 0
    }))
  )
  const width = cells.length * (EXAMPLE_SIDE + gap) - gap
  return sharp({ create: { width, height: EXAMPLE_SIDE, channels: 4, background: '#0000' } })
    .composite(cells)
    .webp({ quality: 85 })
    .toBuffer()
}

/** The mean of some images' maps, red for relevance and blue against it. */
export async function meanMap({ observed: { maps, grid } }: AuditSources, indices: number[]): Promise<Buffer> {
  const mean = new Float32Array(maps.width)
  for (const i of indices) for (let x = 0; x < maps.width; x++) mean[x]! += maps.data[i * maps.width + x]!
  return pictureToPng(heatmap(mean, [1, ...grid]), 160)
}

async function resized({ data, width, height }: Picture, side: number): Promise<Buffer> {
  const kernel = Math.max(width, height) < side ? 'nearest' : 'lanczos3'
  return sharp(data, { raw: { width, height, channels: 3 } })
    .resize(side, side, { fit: 'contain', kernel })
    .png()
    .toBuffer()
}
