import sharp from 'sharp'
import { fitText, textPath } from './text.js'
import { colourMap } from './colour-maps.js'

/** An image of bytes, interleaved RGB. */
export interface Picture {
  data: Uint8Array
  width: number
  height: number
}

export interface HeatmapOptions {
  /** red-blue (default), bwr, seismic, coldnhot, hot, afmhot, viridis */
  colourMap?: string
  /** Relevance that gets the strongest colour; by default the image's largest magnitude. */
  scale?: number
  /** Share of the magnitudes below the strongest colour: 0.99 keeps single pixels from drowning the rest. */
  quantile?: number
}

/** Relevance [channels, height, width] summed over channels. */
export function sumOverChannels(relevance: ArrayLike<number>, shape: readonly number[]): Float32Array {
  const [channels, height, width] = shape as [number, number, number]
  const plane = height * width
  const sums = new Float32Array(plane)
  for (let c = 0; c < channels; c++) for (let i = 0; i < plane; i++) sums[i]! += relevance[c * plane + i]!
  return sums
}

/** Red positive, blue negative, white zero, symmetric about zero. */
export function heatmap(relevance: ArrayLike<number>, shape: readonly number[], options: HeatmapOptions = {}): Picture {
  const sums = sumOverChannels(relevance, shape)
  const scale = options.scale ?? strongest(sums, options.quantile ?? 1)
  const colour = colourMap(options.colourMap ?? 'red-blue')
  const data = new Uint8Array(sums.length * 3)
  sums.forEach((value, i) => data.set(colour(scale > 0 ? value / scale : 0), i * 3))
  return { data, height: shape[1]!, width: shape[2]! }
}

function strongest(values: Float32Array, quantile: number): number {
  const magnitudes = values.map(Math.abs).sort()
  return magnitudes[Math.max(0, Math.ceil(quantile * magnitudes.length) - 1)] ?? 0
}

/** Bytes [channels, height, width] as a picture; one channel becomes grey. */
export function imagePicture(bytes: ArrayLike<number>, shape: readonly number[]): Picture {
  const [channels, height, width] = shape as [number, number, number]
  const plane = height * width
  const data = new Uint8Array(plane * 3)
  for (let i = 0; i < plane; i++)
    for (let c = 0; c < 3; c++) data[i * 3 + c] = bytes[Math.min(c, channels - 1) * plane + i]!
  return { data, height, width }
}

/** Enlarged without smoothing, so that pixels stay pixels; large pictures stay as they are. */
function enlarged(picture: Picture, size: number): Promise<{ data: Buffer; width: number; height: number }> {
  const factor = Math.max(1, Math.floor(size / Math.max(picture.width, picture.height)))
  const [width, height] = [picture.width * factor, picture.height * factor]
  const raw = { width: picture.width, height: picture.height, channels: 3 as const }
  return sharp(picture.data, { raw })
    .resize(width, height, { kernel: 'nearest' })
    .png()
    .toBuffer()
    .then((data) => ({ data, width, height }))
}

export async function pictureToPng(picture: Picture, size = 0): Promise<Buffer> {
  return (await enlarged(picture, size)).data
}

export interface Panel {
  title: string
  picture: Picture
}

const MARGIN = 16
const LINE = 18

/** Pictures side by side (in rows of `columns`), a title above each and lines of text below all. */
export async function figure(
  panels: Panel[],
  captions: string[] = [],
  options: { columns?: number; size?: number } = {}
): Promise<Buffer> {
  const size = options.size ?? 256
  const images = await Promise.all(panels.map((panel) => enlarged(panel.picture, size)))
  const columns = Math.min(options.columns ?? panels.length, panels.length)
  const cellWidth = Math.max(...images.map((image) => image.width))
  const cellHeight = Math.max(...images.map((image) => image.height)) + LINE + 8
  const rows = Math.ceil(panels.length / columns)
  const width = Math.max(MARGIN + columns * (cellWidth + MARGIN), captions.length > 0 ? 360 : 0)
  const height = MARGIN + rows * (cellHeight + MARGIN) + captions.length * LINE + (captions.length > 0 ? 8 : 0)
  const place = (i: number): { left: number; top: number } => ({
    left: MARGIN + (i % columns) * (cellWidth + MARGIN),
    top: MARGIN + Math.floor(i / columns) * (cellHeight + MARGIN)
  })
  const titles = panels.map(({ title }, i) => {
    const { left, top } = place(i)
    return textPath(fitText(title, 13, cellWidth), left + images[i]!.width / 2, top + 13, 13, 'middle')
  })
  const lines = captions.map((text, i) =>
    textPath(fitText(text, 12, width - 2 * MARGIN), MARGIN, height - 8 - (captions.length - 1 - i) * LINE, 12)
  )
  const frames = images.map((image, i) => {
    const { left, top } = place(i)
    return `<rect x="${left - 0.5}" y="${top + LINE + 7.5}" width="${image.width + 1}" height="${image.height + 1}" fill="none" stroke="#bbb"/>`
  })
  const paths = [...titles, ...lines].map((d) => `<path d="${d}" fill="#222"/>`)
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}">${frames.join('')}${paths.join('')}</svg>`
  return sharp({ create: { width, height, channels: 3, background: '#fff' } })
    .composite([
      ...images.map((image, i) => ({ input: image.data, left: place(i).left, top: place(i).top + LINE + 8 })),
      { input: Buffer.from(svg), left: 0, top: 0 }
    ])
    .png()
    .toBuffer()
}
