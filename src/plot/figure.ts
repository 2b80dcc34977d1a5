import { sharp } from '../core/sharp.js'
import { pictureToPng, scaled, type Picture } from './picture.js'
import { fitText, textPath, textWidth, wrapText } from './text.js'
import type { Outline } from './overlay.js'

/** One picture of a figure, with its title. */
export interface Panel {
  /** The title: a string that is wrapped to at most two lines, or a list of lines. */
  title: string | string[]
  /** The pixels to show. */
  picture: Picture
  /** Lines drawn over the picture, in pixels of the picture. */
  outlines?: Outline[]
}

/** Layout of the panels of a figure. */
export interface FigureOptions {
  /** Number of panels in each row; by default, one row contains all panels. */
  columns?: number
  /** Whether the first panel is in a separate column to the left of all rows. */
  aside?: boolean
  /** Size in pixels up to which small pictures are enlarged (256). */
  size?: number
  /** Whether larger pictures are reduced to `size` (false). */
  shrink?: boolean
  /** Colour bar below the captions. */
  legend?: Legend
}

/** A colour bar with a text on its left and right. */
export interface Legend {
  picture: Picture
  from: string
  to: string
}

const MARGIN = 16
const LINE = 18
const TITLE = 13 // size of its letters
const CAPTION = 12
const LEAST_WIDTH = 360
const LEAST_COLUMN = 200 // where other columns are wider

/**
 * Draws pictures side by side as PNG, in rows of `columns` pictures. Each picture has a title above it; lines of text
 * follow below all pictures.
 */
export async function figure(panels: Panel[], captions: string[] = [], options: FigureOptions = {}): Promise<Buffer> {
  const { width, height, images, drawing } = await layOut(panels, captions, options)
  const page = { data: new Uint8Array(width * height * 3).fill(255), width, height }
  for (const image of images) paste(image, page)
  const drawn = await sharp(Buffer.from(svgOf(width, height, drawing)))
    .ensureAlpha()
    .raw()
    .toBuffer()
  blend(drawn, page.data)
  return pictureToPng(page)
}

function paste({ picture, left, top }: Placed, page: Picture): void {
  const row = picture.width * 3
  for (let y = 0; y < picture.height; y++)
    page.data.set(picture.data.subarray(y * row, (y + 1) * row), ((top + y) * page.width + left) * 3)
}

/** Lays RGBA pixels over RGB pixels. */
function blend(above: Uint8Array, below: Uint8Array): void {
  for (let i = 0, k = 0; i < above.length; i += 4, k += 3) {
    const alpha = above[i + 3]! / 255
    if (alpha === 0) continue
    for (let c = 0; c < 3; c++) below[k + c] = Math.round(alpha * above[i + c]! + (1 - alpha) * below[k + c]!)
  }
}

/** Draws the same figure as `figure`, but as SVG, with embedded pictures and text as paths. */
export async function figureSvg(
  panels: Panel[],
  captions: string[] = [],
  options: FigureOptions = {}
): Promise<string> {
  const { width, height, images, drawing } = await layOut(panels, captions, options)
  const embedded = await Promise.all(
    images.map(async ({ picture, left, top }) => {
      const png = (await pictureToPng(picture)).toString('base64')
      const place = `x="${left}" y="${top}" width="${picture.width}" height="${picture.height}"`
      return `<image ${place} href="data:image/png;base64,${png}"/>`
    })
  )
  return svgOf(width, height, `<rect width="100%" height="100%" fill="#fff"/>${embedded.join('')}${drawing}`)
}

function svgOf(width: number, height: number, content: string): string {
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}">${content}</svg>`
}

interface Placed {
  picture: Picture
  left: number
  top: number
}

interface Layout {
  width: number
  height: number
  images: Placed[]
  /** Frames, outlines and text as SVG elements. */
  drawing: string
}

async function layOut(panels: Panel[], captions: string[], options: FigureOptions): Promise<Layout> {
  const pictures = await Promise.all(panels.map((panel) => scaled(panel.picture, options.size ?? 256, options.shrink)))
  const columns = Math.max(1, Math.min(options.columns ?? panels.length, panels.length))
  const aside = options.aside && columns > 1 ? 1 : 0
  const place = (i: number): { row: number; column: number } => ({
    row: Math.max(0, Math.floor((i - aside) / (columns - aside))),
    column: i < aside ? 0 : aside + ((i - aside) % (columns - aside))
  })
  const least = Math.min(LEAST_COLUMN, Math.max(...pictures.map((picture) => picture.width)))
  const widths = Array<number>(columns).fill(least)
  for (const [i, picture] of pictures.entries())
    widths[place(i).column] = Math.max(widths[place(i).column]!, picture.width)
  const leftOf = (column: number): number => widths.slice(0, column).reduce((left, own) => left + own + MARGIN, MARGIN)
  const titles = panels.map(({ title }, i) => titleLines(title, widths[place(i).column]!))
  const above = 8 + LINE * Math.max(1, ...titles.map((lines) => lines.length))
  const heights: number[] = []
  for (const [i, { height }] of pictures.entries()) {
    const { row } = place(i)
    heights[row] = Math.max(heights[row] ?? 0, height + above)
  }
  const topOf = (row: number): number => heights.slice(0, row).reduce((top, height) => top + height + MARGIN, MARGIN)
  const width = Math.max(leftOf(columns), captions.length > 0 ? LEAST_WIDTH : 0)
  const lines = captions.flatMap((text) => wrapText(text, CAPTION, width - 2 * MARGIN))
  const bottom = topOf(heights.length)
  const legend = options.legend && layOutLegend(options.legend, bottom + lines.length * LINE)
  const rows = lines.length + (legend ? 1 : 0)
  const height = bottom + rows * LINE + (rows > 0 ? 8 : 0)
  const images = pictures.map((picture, i) => ({
    picture,
    left: leftOf(place(i).column) + Math.floor((widths[place(i).column]! - picture.width) / 2),
    top: topOf(place(i).row) + above
  }))
  const drawn = panels.map((panel, i) => drawPanel(panel, images[i]!, titles[i]!))
  const text = lines.map((line, i) => pathOf(textPath(line, MARGIN, bottom + 14 + i * LINE, CAPTION)))
  const below = legend ? [legend.image] : []
  return { width, height, images: [...images, ...below], drawing: [...drawn, ...text, legend?.drawing].join('') }
}

/** A line of text with the colour bar in it. */
function layOutLegend({ picture: bar, from, to }: Legend, top: number): { image: Placed; drawing: string } {
  const left = MARGIN + Math.ceil(textWidth(from, CAPTION)) + 8
  const right = left + bar.width + 8
  const text = [textPath(from, MARGIN, top + 14, CAPTION), textPath(to, right, top + 14, CAPTION)].map(pathOf)
  const frame = `<rect x="${left - 0.5}" y="${top + 3.5}" width="${bar.width + 1}" height="${bar.height + 1}" fill="none" stroke="#bbb"/>`
  return { image: { picture: bar, left, top: top + 4 }, drawing: text.join('') + frame }
}

/** The lines of a title; text that does not fit is cut off. */
function titleLines(title: string | string[], room: number): string[] {
  if (Array.isArray(title)) return title.map((line) => fitText(line, TITLE, room))
  const [first = '', ...rest] = wrapText(title, TITLE, room)
  return rest.length === 0 ? [first] : [first, fitText(rest.join(' '), TITLE, room)]
}

function drawPanel({ picture, outlines = [] }: Panel, placed: Placed, titles: string[]): string {
  const { left, top } = placed
  const { width, height } = placed.picture
  const frame = `<rect x="${left - 0.5}" y="${top - 0.5}" width="${width + 1}" height="${height + 1}" fill="none" stroke="#bbb"/>`
  const factor = width / picture.width
  const contours = outlines.map(({ path, colour }) => {
    const place = `transform="translate(${left} ${top}) scale(${factor})"`
    return `<path ${place} d="${path}" fill="none" stroke="${colour}" stroke-width="${2 / factor}"/>`
  })
  const text = titles.map((line, i) => {
    const baseline = top - TITLE - (titles.length - 1 - i) * LINE
    return pathOf(textPath(line, left + width / 2, baseline, TITLE, 'middle'))
  })
  return frame + contours.join('') + text.join('')
}

const pathOf = (data: string): string => `<path d="${data}" fill="#222"/>`
