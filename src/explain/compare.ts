import type { Model } from '../model/model.js'
import { sizeOf, type Tensor } from '../core/tensor.js'
import { pickOptions } from '../core/option.js'
import { effective } from '../core/option-effects.js'
import { explain, type Explanation } from './explain.js'
import type { DrawOptions } from './file-options.js'
import { explainOptions, type ExplainOptions } from './options.js'
import { drawMaps, isTogether, whichTarget, type Figure } from './figures.js'
import { namedMethod } from './named-method.js'
import { mapTitle } from './targets/describe.js'
import { colourBar } from '../plot/colour-bar.js'
import { colourMapNames } from '../plot/colour-maps.js'
import { strongest, sumOverChannels } from '../plot/picture.js'

/** Options of the given explanation that the compared methods do not take over. */
const OWN = {
  method: 'lrp' as const,
  rule: undefined,
  composite: undefined,
  rules: undefined,
  layers: undefined,
  attentionHeads: undefined,
  conservation: undefined
}

/**
 * Draws a grid of methods (columns) and images (rows): the first maps of the given explanation, and those of the
 * named rules, composites and methods for the same classes. @throws LrpError as `explain`; INVALID_ARGUMENT for an
 * unknown name
 */
export async function drawComparison(
  model: Model,
  batch: { input: Tensor; names: string[] },
  explanation: Explanation,
  methods: string[],
  options: ExplainOptions & DrawOptions
): Promise<Figure[]> {
  const chosen = methods.map(namedMethod)
  if (model.inputKind === 'array') return []
  const images = batch.names.length
  const targets = explanation.targets.subarray(0, images)
  const together = isTogether(model, explanation)
  const explanations = [explanation]
  for (const method of chosen) {
    const same = together ? {} : { targets, target: undefined }
    const how = { ...options, ...OWN, ...same, ...method }
    const own = effective(explainOptions, pickOptions(explainOptions, how), { method: how.method })
    explanations.push(await explain(model, batch.input, own))
  }
  const maps = explanations.map((one) => asShares(firstTarget(one, batch.input)))
  const { quantile = COMMON_QUANTILE, scale } = options.heatmap ?? {}
  const common = typeof scale === 'number' ? scale : Math.max(...maps.map((one) => strongestOf(one, quantile)))
  const { colourMap = colourMapNames()[0]! } = options.heatmap ?? {}
  const heatmap = { ...options.heatmap, colourMap, scale: common }
  const columns = await Promise.all(
    maps.map((one, i) => {
      // only LRP explains several classes together
      const alone = together && !isTogether(model, explanations[i]!) ? `, ${mapTitle(model, one, 0)}` : ''
      return drawMaps(model, batch, { ...one, name: one.name + alone }, { ...options, heatmap })
    })
  )
  const panels = batch.names.flatMap((_, i) => [
    { ...columns[0]![i]![0]!, title: together ? 'original' : mapTitle(model, explanation, i) },
    ...columns.flatMap((column) => column[i]!.slice(1))
  ])
  const most = `${(100 * common).toPrecision(2)} %`
  const captions = [
    ...whichTarget(model, explanation),
    `Each map is divided by its total |relevance|, so that methods can be compared. The last panel is the colour scale: the strongest colours mark pixels with at least ${most} of this total.`
  ]
  const bar = { title: `-${most} to ${most}`, picture: colourBar(heatmap) }
  return [
    { name: 'compare', panels: [...panels, bar], captions, options: { columns: panels.length / images, size: 160 } }
  ]
}

/** Quantile of the common scale: a few strong pixels of one map must not make all others pale. */
const COMMON_QUANTILE = 0.995

/** Every map divided by its sum of magnitudes: rules and methods have scales of their own. */
function asShares(explanation: Explanation): Explanation {
  const { data, shape } = explanation.relevance
  const size = sizeOf(shape.slice(1))
  const shares = data.slice()
  for (let from = 0; from < shares.length; from += size) {
    const map = shares.subarray(from, from + size)
    const sum = map.reduce((total, value) => total + Math.abs(value), 0)
    if (sum > 0) map.forEach((value, i) => (map[i] = value / sum))
  }
  return { ...explanation, relevance: { data: shares, shape } }
}

/** The strongest pixel of all maps. */
function strongestOf({ relevance }: Explanation, quantile?: number): number {
  const size = sizeOf(relevance.shape.slice(1))
  const images = Array.from({ length: relevance.data.length / size }, (_, i) =>
    strongest(sumOverChannels(relevance.data.subarray(i * size, (i + 1) * size), relevance.shape.slice(1)), quantile)
  )
  return Math.max(...images)
}

function firstTarget(explanation: Explanation, input: Tensor): Explanation {
  const data = explanation.relevance.data.subarray(0, sizeOf(input.shape))
  return { ...explanation, relevance: { data, shape: input.shape } }
}
