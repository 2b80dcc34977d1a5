import type { Model } from '../model/model.js'
import type { FigureOptions, Panel } from '../plot/figure.js'
import { heatmap, joinWide } from '../plot/picture.js'
import { optionError } from '../core/options.js'
import { sizeOf, type Tensor } from '../core/tensor.js'
import type { Explanation } from './explain.js'
import { colourCaptions, coloursOf, legendOf } from './colours.js'
import { depictionOf, depictionOfFurther } from './depict.js'
import type { DrawOptions } from './file-options.js'
import {
  countedTargets,
  explainedText,
  mapTitle,
  predictionOf,
  predictionText,
  scoreNoun,
  targetCount,
  targetOutline,
  type Asked
} from './targets/describe.js'

/** A picture yet to be rendered. */
export interface Figure {
  name: string
  panels: Panel[]
  captions: string[]
  options: FigureOptions
}

interface Images {
  input: Tensor
  names: string[]
  labels?: Int32Array
}

const COLUMNS = 6

/** Per image: the original, and next to it every view of a map per target; nothing for inputs that cannot be shown. */
export async function drawMaps(
  model: Model,
  batch: Pick<Images, 'input' | 'names'>,
  explanation: Explanation,
  options: DrawOptions
): Promise<Panel[][]> {
  const { input, names } = batch
  const depiction = depictionOf(model, input)
  if (!depiction) return []
  const imageShape = input.shape.slice(1)
  const size = sizeOf(imageShape)
  const { relevance } = explanation
  const images = names.length
  const maps = relevance.data.length / (images * size)
  const colours = coloursOf(options.heatmap, explanation, size, depiction)
  const views = options.views ?? ['heatmap']
  const rows: Panel[][] = []
  for (let i = 0; i < images; i++) {
    const original = { title: depiction.title, picture: await depiction.original(i) }
    const row: Panel[] = [{ ...original, outlines: targetOutline(model, explanation, i, imageShape) }]
    for (let t = 0; t < maps; t++) {
      const at = t * images + i
      const map = relevance.data.subarray(at * size, (at + 1) * size)
      const title = maps > 1 ? `${explanation.name}, ${mapTitle(model, explanation, at)}` : explanation.name
      const sum = maps > 1 ? `, sum ${sumOf(map)}` : ''
      const region = targetOutline(model, explanation, at, imageShape)
      for (const view of views) {
        const { picture, outlines = [] } = await depiction.map(view, map, i, colours)
        const named = views.length > 1 || view === 'contours' ? `${title}, ${view}` : title
        const full = named + (view === 'contours' ? ' around half of the relevance' : sum)
        row.push({ title: full, picture, outlines: [...outlines, ...region] })
      }
      row.push(...(await drawFurther(input, explanation, at, i, maps * images, options.heatmap)))
    }
    rows.push(row)
  }
  return rows
}

/** A panel for each further input that is explained: its part of map `at`, on its own scale. */
async function drawFurther(
  { inputs }: Tensor,
  { name: method, inputs: relevance }: Explanation,
  at: number,
  image: number,
  maps: number,
  colours: DrawOptions['heatmap']
): Promise<Panel[]> {
  const panels: Panel[] = []
  for (const [name, { data }] of Object.entries(relevance)) {
    const size = data.length / maps
    const part = data.subarray(at * size, (at + 1) * size)
    const given = inputs?.[name]
    const depiction = depictionOfFurther(name, given, size)
    const { scale: _, ...own } = colours ?? {}
    const drawn = await depiction?.map('heatmap', part, given && given.shape[0]! > 1 ? image : 0, own)
    if (drawn) panels.push({ title: `${method}: ${name}, sum ${sumOf(part)}`, ...drawn })
  }
  return panels
}

/** One figure per image: its maps, what was predicted, and the sum of relevance. */
export async function drawFigures(
  model: Model,
  batch: Images,
  explanation: Explanation,
  options: DrawOptions & Asked
): Promise<Figure[]> {
  const { input, names, labels } = batch
  if (options.wide && model.inputKind !== 'image') throw optionError('wide', ' works only with images')
  const size = sizeOf(input.shape.slice(1))
  const rows = await drawMaps(model, batch, explanation, options)
  const figures = rows.map((panels, i): Figure => {
    const map = explanation.relevance.data.subarray(i * size, (i + 1) * size)
    const truth = labels ? `, true class ${model.className(labels[i]!)}` : ''
    const isOutlined = targetOutline(model, explanation, i, input.shape.slice(1)).length > 0
    const several = targetCount(explanation) > 1
    const scores = [explanation.scores[i]!]
    const said = predictionText(predictionOf(model, explanation, i), scores, scoreNoun(explanation.kind))
    const captions = [
      said + truth,
      explainedOf(model, explanation, i, map, isOutlined, options),
      ...(map.every((value) => value === 0) && !several ? ['the relevance is 0 everywhere'] : []),
      ...colourCaptions(explanation, options)
    ]
    const perMap = (options.views?.length ?? 1) + Object.keys(explanation.inputs).length
    const legend = legendOf(model, input, explanation, i, options)
    return {
      name: names[i]!,
      panels,
      captions,
      options: { ...gridOf(panels.length, perMap), ...(legend && { legend }) }
    }
  })
  if (!options.wide) return figures
  const heatmaps = await drawMaps(model, batch, explanation, { ...options, views: ['heatmap'] })
  const panels = [
    { title: 'originals', picture: joinWide(rows.map(([original]) => original!.picture)) },
    { title: explanation.name, picture: joinWide(heatmaps.map(([, map]) => map!.picture)) }
  ]
  const captions = whichTarget(model, explanation)
  return [...figures, { name: 'wide', panels, captions, options: { columns: 1, size: 128 * names.length } }]
}

/** One strip per image: the relevance of the first target at every traced layer, each on its own scale. */
export function drawLayers(model: Model, names: string[], explanation: Explanation, options: DrawOptions): Figure[] {
  const layers = model.graph.nodes.flatMap(({ name }): [string, Tensor][] => {
    const relevance = explanation.layers[name]
    return relevance ? [[name, relevance]] : []
  })
  if (layers.length === 0) return []
  const colours = { ...options.heatmap, scale: undefined }
  const ops = new Map(model.graph.nodes.map((node) => [node.name, node.op]))
  const leading = hasMaps(model, explanation) ? 2 : 1 // targets and images
  const captions = ['Relevance at each layer, summed over channels; units without a position are drawn in rows']
  return names.map((name, i) => ({
    name: `${name}.layers`,
    panels: layers.map(([layer, { data, shape }]) => {
      const own = shape.slice(leading)
      const size = sizeOf(own)
      const { values, grid } = asGrid(data.subarray(i * size, (i + 1) * size), own)
      return { title: `${layer} ${ops.get(layer) ?? ''}`, picture: heatmap(values, grid, colours) }
    }),
    captions: [...captions, ...whichTarget(model, explanation)],
    options: { columns: COLUMNS, size: 160 }
  }))
}

/** What a figure of the first map alone says where there are several targets. */
export function whichTarget(model: Model, explanation: Explanation): string[] {
  const count = targetCount(explanation)
  if (count === 1) return []
  if (isTogether(model, explanation)) return [`${countedTargets(model, count)} explained together`]
  return [`shown: ${mapTitle(model, explanation, 0)}, the first of ${count} explained`]
}

/** Whether several targets started together, in one map. */
export function isTogether(model: Model, explanation: Explanation): boolean {
  return targetCount(explanation) > 1 && !hasMaps(model, explanation)
}

/** Whether there is a map per target: they lead as an axis. */
function hasMaps(model: Model, { relevance }: Explanation): boolean {
  return relevance.shape.length > model.graph.inputShape.length
}

/** @param isOutlined a region or a box has a line around it */
function explainedOf(
  model: Model,
  explanation: Explanation,
  i: number,
  map: Float32Array,
  isOutlined: boolean,
  asked: Asked
): string {
  const count = targetCount(explanation)
  if (hasMaps(model, explanation)) return `${countedTargets(model, count)} explained`
  const what = count > 1 ? `${countedTargets(model, count)} together` : explainedText(model, explanation, i, asked)
  const all =
    Object.keys(explanation.inputs).length > 0 ? `, over all inputs ${explanation.sums[i]!.toPrecision(4)}` : ''
  return `explained ${what}${isOutlined ? ' (green)' : ''}: sum of relevance ${sumOf(map)}${all}`
}

function sumOf(map: Float32Array): string {
  return map.reduce((total, value) => total + value, 0).toPrecision(4)
}

/** One row where there is room; else the original stands aside, and all views of a map in one row. */
function gridOf(panels: number, views = 1): FigureOptions {
  if (panels <= COLUMNS) return { columns: panels }
  const maps = Math.max(1, Math.floor((COLUMNS - 1) / views))
  return { columns: 1 + maps * views, aside: true }
}

/** [channels, height, width] as it is; a row of units as a grid that is about square. */
function asGrid(values: Float32Array, shape: number[]): { values: Float32Array; grid: number[] } {
  if (shape.length === 3) return { values, grid: shape }
  const width = shape.length === 2 ? shape[1]! : Math.ceil(Math.sqrt(values.length))
  const height = Math.ceil(values.length / width)
  const padded = new Float32Array(width * height)
  padded.set(values)
  return { values: padded, grid: [1, height, width] }
}
