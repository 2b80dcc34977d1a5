import { sharp } from '../core/sharp.js'
import { colourMap, isDiverging, type Colour } from './colour-maps.js'
import { placeOf, type HeatmapOptions, type Picture } from './picture.js'

/** Renders SVG elements on a white background. */
export async function drawnPicture(width: number, height: number, elements: string): Promise<Picture> {
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}"><rect width="100%" height="100%" fill="#fff"/>${elements}</svg>`
  const { data, info } = await sharp(Buffer.from(svg)).removeAlpha().raw().toBuffer({ resolveWithObject: true })
  return { data: new Uint8Array(data), width: info.width, height: info.height }
}

/** The colour of each value as `rgb(...)`, as in a heat map with the same options. */
export function coloursOf(values: Float32Array, options: HeatmapOptions = {}): (value: number) => string {
  const name = options.colourMap ?? 'red-blue'
  const colour = colourMap(name)
  const place = placeOf(values, options, isDiverging(name))
  return (value) => rgb(colour(place(value)))
}

const rgb = (colour: Colour): string => `rgb(${colour.map(Math.round).join(',')})`
