import { sizeOf, type Tensor } from '../core/tensor.js'
import { heatmap, strongest } from '../plot/picture.js'
import type { AttentionRelevance } from '../native/addon.js'
import type { Explanation } from './explain.js'
import type { DrawOptions } from './file-options.js'
import type { Figure } from './figures.js'
import type { Model } from '../model/model.js'
import { colourBar } from '../plot/colour-bar.js'
import { mapTitle } from './targets/describe.js'

/** Relevance of one attention layer in `explain.json`, for the first target. */
export interface AttentionSummary {
  node: string
  /** Relevance of each token at the input of the layer's block. */
  tokens: number[]
  /** Relevance of each head. */
  heads: number[]
}

const PANEL = 72
const MOST_PREFIX = 16

/** The attention layers of one image, as `explain.json` contains them. */
export function summariseAttention(attention: AttentionRelevance[], image: number): AttentionSummary[] {
  return attention.map(({ node, tokens, heads }) => ({
    node,
    tokens: Array.from(rowOf(tokens, image, 1)),
    heads: Array.from(rowOf(heads, image, 1))
  }))
}

/** The arrays of `.npy` files: `tokens.<node>` [images, tokens] and `heads.<node>` [images, heads, tokens]. */
export function attentionArrays(attention: AttentionRelevance[]): Record<string, Tensor> {
  return Object.fromEntries(
    attention.flatMap(({ node, tokens, headTokens }) => [
      [`tokens.${node}`, tokens],
      [`heads.${node}`, headTokens]
    ])
  )
}

/**
 * Draws one figure per image: a row for each attention layer with the relevance of its block's tokens, and the
 * relevance that every head passes to each token, all heads on one scale. Tokens are drawn as patches of the image if
 * their number allows it, otherwise in a row.
 */
export function drawAttention(
  model: Model,
  imageShape: number[],
  names: string[],
  explanation: Explanation,
  options: DrawOptions
): Figure[] {
  const { attention, name } = explanation
  if (attention.length === 0) return []
  return names.map((image, i): Figure => {
    const rows = attention.map(({ tokens, headTokens }) => ({
      tokens: rowOf(tokens, i, 1),
      heads: splitRows(rowOf(headTokens, i, 2), headTokens.shape.at(-1)!)
    }))
    const ofHeads = rows.flatMap(({ heads }) => heads.flatMap((head) => Array.from(shown(head, imageShape).values)))
    const scale = strongest(Float32Array.from(ofHeads), options.heatmap?.quantile)
    const draw = (values: Float32Array, title: string, own: boolean): Figure['panels'][number] => {
      const { values: inside, grid } = shown(values, imageShape)
      return { title, picture: heatmap(inside, grid, { ...options.heatmap, scale: own ? undefined : scale }) }
    }
    const columns = 1 + Math.max(...rows.map(({ heads }) => heads.length))
    const panels = rows.flatMap(({ tokens, heads }, l) => [
      draw(tokens, `block ${l + 1}`, true),
      ...Array.from({ length: columns - 1 }, (_, h) =>
        heads[h] ? draw(heads[h], `head ${h + 1}`, false) : { title: '', picture: blank() }
      )
    ])
    const most = scale.toPrecision(2)
    const bar = { title: `heads: -${most} to ${most}`, picture: colourBar({ ...options.heatmap, scale }) }
    const captions = [
      `${image}, ${mapTitle(model, explanation, i)}. ${name}: relevance of the tokens at the input of each block, and relevance that each head passes to each token`,
      'Each block has its own scale; all heads share the scale of the last panel. Tokens that are not patches, such as the class token, are left out'
    ]
    return { name: `${image}.attention`, panels: [...panels, bar], captions, options: { columns, size: PANEL } }
  })
}

/** Patches by rows and columns, without the tokens before them; other tokens as one row. */
export function shown(values: Float32Array, imageShape: number[]): { values: Float32Array; grid: number[] } {
  const grid = patchGrid(values.length, imageShape)
  if (!grid) return { values, grid: [1, 1, values.length] }
  return { values: values.subarray(values.length - grid[0] * grid[1]), grid: [1, ...grid] }
}

/** The rows and columns of patches whose number, with the fewest tokens before them, is that of the tokens. */
function patchGrid(tokens: number, imageShape: number[]): [number, number] | undefined {
  if (imageShape.length !== 3) return undefined
  const aspect = imageShape[1]! / imageShape[2]!
  for (let before = 0; before <= Math.min(MOST_PREFIX, tokens - 4); before++) {
    const rows = Math.round(Math.sqrt((tokens - before) * aspect))
    const columns = (tokens - before) / rows
    if (rows > 0 && Number.isInteger(columns) && Math.abs(rows / columns - aspect) < 1e-6) return [rows, columns]
  }
  return undefined
}

/** The numbers of one image, of the first target; `axes` follow those of the images. */
function rowOf({ data, shape }: Tensor, image: number, axes: number): Float32Array {
  const size = sizeOf(shape.slice(shape.length - axes))
  return data.subarray(image * size, (image + 1) * size)
}

function splitRows(values: Float32Array, size: number): Float32Array[] {
  return Array.from({ length: values.length / size }, (_, i) => values.subarray(i * size, (i + 1) * size))
}

const blank = (): Figure['panels'][number]['picture'] => ({
  data: new Uint8Array([255, 255, 255]),
  width: 1,
  height: 1
})
