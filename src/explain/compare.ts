import type { Model } from '../model/model.js'
import { sizeOf, type Tensor } from '../core/tensor.js'
import { pickOptions } from '../core/option.js'
import { effective } from '../core/option-effects.js'
import { explain, type Explanation } from './explain.js'
import type { DrawOptions } from './file-options.js'
import { explainOptions, type ExplainOptions } from './options.js'
import { drawMaps, isTogether, mapTitle, whichTarget, type Figure } from './figures.js'
import { namedMethod } from './named-method.js'

/** What the given explanation alone is about. */
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
 * A grid of methods (columns) and images (rows): the given explanation's first maps, and those of the named rules,
 * composites and methods for the same classes. @throws LrpError as `explain`; INVALID_ARGUMENT for an unknown name
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
  const columns = await Promise.all(
    explanations.map((one) => {
      // only LRP explains several classes together
      const alone = together && !isTogether(model, one) ? `, ${mapTitle(model, one, 0)}` : ''
      return drawMaps(model, batch, { ...firstTarget(one, batch.input), name: one.name + alone }, options)
    })
  )
  const panels = batch.names.flatMap((_, i) => [
    columns[0]![i]![0]!,
    ...columns.flatMap((column) => column[i]!.slice(1))
  ])
  const captions = whichTarget(model, explanation)
  return [{ name: 'compare', panels, captions, options: { columns: panels.length / images, size: 160 } }]
}

function firstTarget(explanation: Explanation, input: Tensor): Explanation {
  const data = explanation.relevance.data.subarray(0, sizeOf(input.shape))
  return { ...explanation, relevance: { data, shape: input.shape } }
}
