import type { AttributeResult, LayerConservation, NodeRule } from '../native/addon.js'
import { counted } from '../core/plural.js'
import type { Start } from './options.js'

/** |sum of relevance - start| / |start| for each explanation; with `together` one per image. */
export function conservationErrors({ sums, starts }: AttributeResult): Float64Array {
  return sums.map((sum, i) => Math.abs(sum - starts[i]!) / Math.max(Math.abs(starts[i]!), 1e-12))
}

/** Of each image's first map: sum of |relevance| as a multiple of what it started from, or of the largest logit. */
export function magnitudesOf(result: AttributeResult, options: Conditions): Float64Array {
  const scales = scalesOf(result, options)
  return mapMagnitudes(result).map((magnitude, image) => magnitude / scales[image]!)
}

/**
 * Of each image's first map: relevance that neither arrived at the input nor was absorbed by biases or stabilisers, as a
 * share of the same. Empty without the sums of layers (`conservation`).
 */
export function unexplainedOf(result: AttributeResult, options: Conditions): Float64Array {
  if (result.conservation.length === 0) return new Float64Array(0)
  return scalesOf(result, options).map((scale, image) => {
    const absorbed = result.conservation.reduce(
      (total, layer) => total + layer.absorbedByBias[image]! + layer.absorbedByStabiliser[image]!,
      0
    )
    return Math.abs(result.starts[image]! - result.sums[image]! - absorbed) / scale
  })
}

/** Magnitudes of relevance, as multiples of what it started from, that no faithful explanation has. */
const TOO_MUCH = 1000
const TOO_LITTLE = 0.01

interface Conditions {
  start?: Start
  outputRelevance?: object
  reference?: unknown
  concepts?: object
  topK?: number
}

/**
 * A sentence where relevance leaves all proportion on its way, with advice that fits the rule. With the sums of every layer
 * (`conservation`) it names the layer; without them it goes by the map alone.
 * @param magnitude of each image's first map, as `magnitudesOf` has it
 */
export function warningsOf(
  result: AttributeResult,
  magnitude: Float64Array,
  rules: NodeRule[],
  options: Conditions
): string[] {
  if (options.concepts || options.topK !== undefined) return [] // what is left out on purpose
  const scales = scalesOf(result, options)
  const most = (magnitudes: ArrayLike<number>, test: (ratio: number) => boolean): boolean =>
    scales.filter((scale, image) => test(magnitudes[image]! / scale)).length > scales.length / 2
  const isMost = (test: (ratio: number) => boolean): boolean => magnitude.filter(test).length > magnitude.length / 2
  const layers = [...result.conservation].reverse()
  const exploding = layers.find(({ handedOnMagnitude }) => most(handedOnMagnitude, (ratio) => ratio > TOO_MUCH))
  if (exploding || isMost((ratio) => ratio > TOO_MUCH))
    return [`relevance explodes${placeOf(exploding, `over ${TOO_MUCH} times`)}: ${remedy(exploding, rules)}`]
  if (!isMost((ratio) => ratio < TOO_LITTLE)) return []
  const vanishing = layers.find(({ arrivingMagnitude, handedOnMagnitude }) =>
    most(handedOnMagnitude, () => sum(handedOnMagnitude) < TOO_LITTLE * sum(arrivingMagnitude))
  )
  if (!vanishing && layers.length > 0)
    return [`relevance vanishes${placeOf(vanishing, 'under 1 %')}: ${inSteps(layers)}`]
  return [`relevance vanishes${placeOf(vanishing, 'under 1 %')}: ${absorber(vanishing, rules)}`]
}

function placeOf(layer: LayerConservation | undefined, much: string): string {
  return `${layer ? ` at layer '${layer.node}'` : ' on its way'} (${much} of what it started from)`
}

/** The magnitude that each image's relevance is compared with: a logit near 0 makes no explanation explode. */
function scalesOf(
  { logits, startSizes }: AttributeResult,
  { start, outputRelevance, reference }: Conditions
): Float64Array {
  const [images, classes] = logits.shape as [number, number]
  const startsAsLogit = logits.shape.length === 2 && (start ?? 'logit') === 'logit' && !(outputRelevance ?? reference)
  return Float64Array.from({ length: images }, (_, i) => {
    const row = startsAsLogit ? logits.data.subarray(i * classes, (i + 1) * classes) : []
    return Math.max(startSizes[i]!, 1e-12, ...row.map(Math.abs))
  })
}

/** Sum of |relevance| in the first map of each image, further inputs included. */
function mapMagnitudes({ relevance, inputs, logits, sums }: AttributeResult): Float64Array {
  const images = logits.shape[0]!
  const total = new Float64Array(images)
  for (const { data } of [relevance, ...Object.values(inputs)]) {
    const size = data.length / sums.length
    for (let i = 0; i < images; i++) for (let at = i * size; at < (i + 1) * size; at++) total[i]! += Math.abs(data[at]!)
  }
  return total
}

function remedy(layer: LayerConservation | undefined, rules: NodeRule[]): string {
  const rule = rules.find(({ node }) => node === layer?.node)
  if (!layer) return 'ask for conservation to see at which layer'
  if (rule?.rule.startsWith('pattern'))
    return `${rule.rule} does not conserve relevance; its parameter normalise limits it`
  if (rule?.rule === 'norm') return `its inputs cancel each other; give it the rule norm with a larger epsilon`
  if (rule && 'epsilon' in rule.parameters) return 'raise epsilon, or use gamma, zplus or alpha1beta0 there'
  return 'name another rule for it'
}

/** What absorbs most over all layers, where no single one does. */
function inSteps(layers: LayerConservation[]): string {
  const all = (key: 'absorbedByBias' | 'absorbedByStabiliser'): number =>
    layers.reduce((total, layer) => total + Math.abs(sum(layer[key])), 0)
  const remedy =
    all('absorbedByBias') > all('absorbedByStabiliser')
      ? 'biases absorb it; ignore biases'
      : 'stabilisers absorb it; lower epsilon'
  return `little by little, over ${counted(layers.length, 'layer')}: ${remedy}`
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
