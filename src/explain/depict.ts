import { optionError } from '../core/options.js'
import { sizeOf, type Tensor } from '../core/tensor.js'
import type { Preprocessing } from '../core/graph.js'
import { kindByAxes, planesOf, placesOf, type InputKind } from '../model/input-kind.js'
import type { Model } from '../model/model.js'
import { denormalise } from '../model/preprocessing.js'
import { barsPicture } from '../plot/bars.js'
import type { Panel } from '../plot/figure.js'
import { contours, overlay } from '../plot/overlay.js'
import { heatmap, imagePicture, sumOverChannels, type HeatmapOptions, type Picture } from '../plot/picture.js'
import { signalPicture } from '../plot/signal.js'
import { slicesOf } from '../plot/slices.js'
import { tokensPicture } from '../plot/tokens.js'
import type { View } from './file-options.js'

type Drawn = Pick<Panel, 'picture' | 'outlines'>

/** How inputs of one kind are shown, and maps of them. */
export interface Depiction {
  /** One input as it was before preprocessing, as far as it is known. */
  original: (image: number) => Promise<Picture>
  /** A map of one input. @throws LrpError INVALID_ARGUMENT for a view that only images have */
  map: (view: View, relevance: Float32Array, image: number, colours: HeatmapOptions) => Promise<Drawn>
  /** Relevance as colours show it: summed over channels where places have one colour. */
  sums: (relevance: Float32Array) => Float32Array
  /** What the title of the original says. */
  title: string
}

/** What is known of inputs besides their values. */
interface Known {
  kind: InputKind
  preprocessing?: Preprocessing
  /** Of a row of a table. */
  columnName: (column: number, row: Float32Array) => string
  word: (token: number) => string
}

/**
 * How inputs [N, ...] are shown: images as they are, volumes as slices, signals as lines, rows of a table as bars, tokens
 * as text. Undefined for inputs of another shape.
 */
export function depictionOf(model: Model, input: Tensor): Depiction | undefined {
  return depict(input, {
    kind: model.inputKind,
    preprocessing: model.preprocessing,
    columnName: (column) => model.parts.vocabulary?.[column] ?? `column ${column}`,
    word: (token) => model.wordFor(token)
  })
}

/** The same of rows of a further input; without rows, of `size` columns whose values are not known. */
export function depictionOfFurther(name: string, given: Tensor | undefined, size: number): Depiction | undefined {
  const rows = given ?? { data: new Float32Array(size), shape: [1, size] }
  const columnName = (column: number, row: Float32Array): string =>
    given ? `${name} ${column} = ${row[column]!.toPrecision(3)}` : `${name} ${column}`
  return depict(rows, { kind: kindByAxes(rows.shape.length - 1), columnName, word: String })
}

function depict(input: Tensor, known: Known): Depiction | undefined {
  const { kind, columnName, word } = known
  if (kind === 'array') return undefined
  const shape = input.shape.slice(1)
  const size = sizeOf(shape)
  const part = (image: number): Float32Array => input.data.subarray(image * size, (image + 1) * size)
  if (kind === 'image' || kind === 'volume') return ofPixels(known, input, shape)
  const sums = (relevance: Float32Array): Float32Array => relevance
  const drawn = {
    signal: (values: Float32Array, relevance?: Float32Array, colours?: HeatmapOptions) =>
      signalPicture(values, shape, relevance, colours),
    table: (values: Float32Array, relevance?: Float32Array, colours?: HeatmapOptions) =>
      barsPicture((column) => columnName(column, values), values, relevance, colours),
    tokens: (values: Float32Array, relevance?: Float32Array, colours?: HeatmapOptions) =>
      tokensPicture(Array.from(values, word), relevance, colours)
  }[kind]
  return {
    title: 'input',
    original: (image) => drawn(part(image)),
    map: async (view, relevance, image, colours) => {
      if (view !== 'heatmap')
        throw optionError(
          'views',
          ` must be heatmap for this input: the view ${view} works only with images and volumes`
        )
      return { picture: await drawn(part(image), relevance, colours) }
    },
    sums
  }
}

/** Images, and volumes as slices next to each other. */
function ofPixels({ kind, preprocessing }: Known, input: Tensor, shape: number[]): Depiction {
  const size = sizeOf(shape)
  let known: Uint8Array | undefined // of all images, for the first picture: many callers need none
  const bytes = (): Uint8Array => (known ??= preprocessing ? denormalise(input, preprocessing) : stretched(input))
  const slices = shape.length === 4 ? slicesOf(shape) : undefined
  const drawnShape = slices?.shape ?? shape
  const lay = <T extends ArrayLike<number>>(values: T, blank?: number): T | Float32Array =>
    slices?.lay(values, blank) ?? values
  const picture = (image: number): Picture =>
    imagePicture(lay(bytes().subarray(image * size, (image + 1) * size), 255), drawnShape)
  return {
    title: slices ? slicesTitle(slices.shown) : 'original',
    original: async (image) => picture(image),
    map: async (view, relevance, image, colours) => {
      const map = lay(relevance)
      if (view === 'contours') return { picture: picture(image), outlines: contours(map, drawnShape) }
      if (view === 'overlay') return { picture: overlay(picture(image), map, drawnShape, colours) }
      return { picture: heatmap(map, drawnShape, colours) }
    },
    sums: (relevance) => sumOverChannels(relevance, planesOf(placesOf(shape, kind)))
  }
}

/** `slices 0 to 11`, or their numbers where some are left out. */
function slicesTitle(shown: number[]): string {
  const isWhole = shown.length === shown.at(-1)! + 1
  return isWhole && shown.length > 1 ? `slices 0 to ${shown.at(-1)}, row by row` : `slices ${shown.join(', ')}`
}

/** Values without known preprocessing, stretched to the range of bytes for showing. */
function stretched(input: Tensor): Uint8Array {
  let [low, high] = [Infinity, -Infinity]
  for (const value of input.data) [low, high] = [Math.min(low, value), Math.max(high, value)]
  return Uint8Array.from(input.data, (value) => ((value - low) / Math.max(high - low, 1e-12)) * 255)
}
