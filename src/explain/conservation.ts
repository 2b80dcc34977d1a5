import type { AttributeResult, LayerConservation } from '../native/addon.js'
import type { Start } from './options.js'

/** What relevance started from: [targets, batch]. */
function startingRelevance(result: AttributeResult, start: Start): Float64Array {
  const [batch, classes] = result.logits.shape as [number, number]
  return Float64Array.from(result.targets, (target, i) => {
    const row = result.logits.data.subarray((i % batch) * classes, ((i % batch) + 1) * classes)
    if (start === 'one') return 1
    if (start === 'logit') return row[target]!
    if (start === 'difference') return row[target]! - Math.max(...row.filter((_, c) => c !== target))
    const largest = Math.max(...row)
    const sum = row.reduce((total, logit) => total + Math.exp(logit - largest), 0)
    return Math.exp(row[target]! - largest) / sum
  })
}

/** |sum of relevance - start| / |start| for each explanation; with `together` one per image. */
export function conservationErrors(
  result: AttributeResult,
  options: { start?: Start; together?: boolean }
): Float64Array {
  const starts = startingRelevance(result, options.start ?? 'logit')
  const batch = result.logits.shape[0]!
  return result.sums.map((sum, i) => {
    let start = starts[i]!
    for (let j = i + batch; options.together && j < starts.length; j += batch) start += starts[j]!
    return Math.abs(sum - start) / Math.max(Math.abs(start), 1e-12)
  })
}

const TOO_MUCH = 100
const TOO_LITTLE = 0.01

/** A sentence for the layer where relevance leaves all proportion, if there is one. */
export function warningsOf(layers: LayerConservation[]): string[] {
  const last = layers.at(-1)
  if (!last) return []
  const found: string[] = []
  for (let i = layers.length - 1; i >= 0 && found.length === 0; i--) {
    const layer = layers[i]!
    const ratios = Array.from(
      layer.handedOn,
      (sum, image) => Math.abs(sum) / Math.max(Math.abs(last.arriving[image]!), 1e-12)
    )
    const many = (test: (ratio: number) => boolean): boolean => ratios.filter(test).length > ratios.length / 2
    if (many((ratio) => ratio > TOO_MUCH)) {
      found.push(
        `relevance explodes at layer '${layer.node}' (over ${TOO_MUCH} times what it started from): raise epsilon, or use gamma, zplus or alpha1beta0 there`
      )
    } else if (many((ratio) => ratio < TOO_LITTLE)) {
      found.push(
        `relevance vanishes at layer '${layer.node}' (under 1 % of what it started from): its biases or stabiliser absorb it; lower epsilon or ignore biases`
      )
    }
  }
  return found
}
