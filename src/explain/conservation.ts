import { probabilities } from '../core/logits.js'
import { sizeOf } from '../core/tensor.js'
import type { AttributeResult, LayerConservation, NodeRule } from '../native/addon.js'
import type { Start } from './options.js'

interface Beginning {
  start?: Start
  multilabel?: boolean
}

/** What relevance started from: [targets, batch]. */
function startingRelevance(result: AttributeResult, { start = 'logit', multilabel }: Beginning): Float64Array {
  const [batch, classes] = result.logits.shape as [number, number]
  return Float64Array.from(result.targets, (target, i) => {
    const row = result.logits.data.subarray((i % batch) * classes, ((i % batch) + 1) * classes)
    if (start === 'one') return 1
    if (start === 'logit') return row[target]!
    if (start === 'difference')
      return row[target]! - Math.max(...(classes === 1 ? [0] : row.filter((_, c) => c !== target)))
    return probabilities({ data: row, shape: [1, classes] }, multilabel)[target]!
  })
}

/** |sum of relevance - start| / |start| for each explanation; with `together` one per image. */
export function conservationErrors(result: AttributeResult, options: Beginning & { together?: boolean }): Float64Array {
  const starts = startingRelevance(result, options)
  const batch = result.logits.shape[0]!
  return result.sums.map((sum, i) => {
    let start = starts[i]!
    for (let j = i + batch; options.together && j < starts.length; j += batch) start += starts[j]!
    return Math.abs(sum - start) / Math.max(Math.abs(start), 1e-12)
  })
}

/** Magnitudes of relevance, as multiples of what it started from, that no faithful explanation has. */
const TOO_MUCH = 1000
const TOO_LITTLE = 0.01

interface Conditions extends Beginning {
  concepts?: object
  topK?: number
}

/**
 * A sentence where relevance leaves all proportion on its way, with advice that fits the rule. With the sums of every layer
 * (`conservation`) it names the layer; without them it goes by the map alone.
 */
export function warningsOf(result: AttributeResult, rules: NodeRule[], options: Conditions): string[] {
  if (options.concepts || options.topK !== undefined) return [] // what is left out on purpose
  const scales = scalesOf(result, options)
  const most = (magnitudes: ArrayLike<number>, test: (ratio: number) => boolean): boolean =>
    scales.filter((scale, image) => test(magnitudes[image]! / scale)).length > scales.length / 2
  const map = mapMagnitudes(result)
  const layers = [...result.conservation].reverse()
  const exploding = layers.find(({ handedOnMagnitude }) => most(handedOnMagnitude, (ratio) => ratio > TOO_MUCH))
  if (exploding || most(map, (ratio) => ratio > TOO_MUCH))
    return [`relevance explodes${placeOf(exploding, `over ${TOO_MUCH} times`)}: ${remedy(exploding, rules)}`]
  if (!most(map, (ratio) => ratio < TOO_LITTLE)) return []
  const vanishing = layers.find(({ arrivingMagnitude, handedOnMagnitude }) =>
    most(handedOnMagnitude, () => sum(handedOnMagnitude) < TOO_LITTLE * sum(arrivingMagnitude))
  )
  return [`relevance vanishes${placeOf(vanishing, 'under 1 %')}: ${absorber(vanishing, rules)}`]
}

function placeOf(layer: LayerConservation | undefined, much: string): string {
  return `${layer ? ` at layer '${layer.node}'` : ' on its way'} (${much} of what it started from)`
}

/** What the relevance of each image is measured by: a logit near 0 makes no explanation explode. */
function scalesOf(result: AttributeResult, beginning: Beginning): Float64Array {
  const [images, classes] = result.logits.shape as [number, number]
  const starts = startingRelevance(result, beginning)
  const { start } = beginning
  return Float64Array.from({ length: images }, (_, i) => {
    const row = result.logits.data.subarray(i * classes, (i + 1) * classes)
    const largest = start === 'one' || start === 'probability' ? 0 : Math.max(...row.map(Math.abs))
    return Math.max(Math.abs(starts[i]!), largest, 1e-12)
  })
}

/** Sum of |relevance| in the first map of each image. */
function mapMagnitudes({ relevance, logits }: AttributeResult): Float64Array {
  const images = logits.shape[0]!
  const size = sizeOf(relevance.shape.slice(relevance.shape[0] === images ? 1 : 2))
  return Float64Array.from({ length: images }, (_, i) => {
    let total = 0
    for (let at = i * size; at < (i + 1) * size; at++) total += Math.abs(relevance.data[at]!)
    return total
  })
}

function remedy(layer: LayerConservation | undefined, rules: NodeRule[]): string {
  const rule = rules.find(({ node }) => node === layer?.node)
  if (!layer) return 'ask for conservation to see at which layer'
  if (rule?.rule.startsWith('pattern'))
    return `${rule.rule} does not conserve relevance; its parameter normalise limits it`
  if (rule?.rule === 'norm') return `what it adds up cancels; name the rule norm for it with a larger epsilon`
  if (rule && 'epsilon' in rule.parameters) return 'raise epsilon, or use gamma, zplus or alpha1beta0 there'
  return 'name another rule for it'
}

function absorber(layer: LayerConservation | undefined, rules: NodeRule[]): string {
  if (!layer) return 'little by little; ask for conservation to see what biases and stabilisers absorb'
  if (rules.find(({ node }) => node === layer.node)?.rule.startsWith('pattern'))
    return 'pattern rules do not conserve relevance; fit the patterns to more images'
  return Math.abs(sum(layer.absorbedByBias)) > Math.abs(sum(layer.absorbedByStabiliser))
    ? 'its biases absorb it; ignore biases'
    : 'its stabiliser absorbs it; lower epsilon'
}

function sum(values: Float64Array): number {
  return values.reduce((total, value) => total + value, 0)
}
