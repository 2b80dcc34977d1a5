import type { AttributeResult, LayerConservation, NodeRule } from '../native/addon.js'
import type { Start } from './options.js'
import { percent, TRUST_LIMITS } from './trust.js'

/** |sum of relevance - start| / |start| for each explanation; with `together` one per image. */
export function conservationErrors({ sums, starts }: AttributeResult): Float64Array {
  return sums.map((sum, i) => Math.abs(sum - starts[i]!) / Math.max(Math.abs(starts[i]!), 1e-12))
}

/** Sum of |relevance| of each image's first map, as a multiple of the initial relevance or of the largest logit. */
export function magnitudesOf(result: AttributeResult, options: Conditions): Float64Array {
  return scalesOf(result, options).map((scale, image) => result.magnitudes[image]! / scale)
}

/**
 * Relevance of each image's first map that neither reached the input nor was absorbed by biases or stabilisers, as a
 * share of the initial relevance or of the largest logit. Empty without the sums of layers (`conservation`).
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

/** Magnitude of relevance, as a multiple of the initial relevance, above which a note appears. */
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
 * A note if most maps contain far more or far less relevance than the output, with advice for the rule. With the sums
 * of every layer (`conservation`) it names the layer; without them, only the map is checked.
 * @param magnitude of each image's first map, as `magnitudesOf` has it
 */
export function warningsOf(
  result: AttributeResult,
  magnitude: Float64Array,
  rules: NodeRule[],
  options: Conditions
): string[] {
  if (options.concepts || options.topK !== undefined) return [] // what is left out on purpose
  const isUsual = magnitude.every((ratio) => ratio >= TOO_LITTLE && ratio <= TOO_MUCH)
  if (isUsual && result.conservation.length === 0) return []
  const scales = scalesOf(result, options)
  const most = (magnitudes: ArrayLike<number>, test: (ratio: number) => boolean): boolean =>
    scales.filter((scale, image) => test(magnitudes[image]! / scale)).length > scales.length / 2
  const isMost = (test: (ratio: number) => boolean): boolean => magnitude.filter(test).length > magnitude.length / 2
  const layers = [...result.conservation].reverse()
  const exploding = layers.find(({ propagatedMagnitude }) => most(propagatedMagnitude, (ratio) => ratio > TOO_MUCH))
  if (exploding || isMost((ratio) => ratio > TOO_MUCH))
    return [`relevance explodes${placeOf(exploding)}: ${remedy(exploding, rules)}`]
  if (!isMost((ratio) => ratio < TOO_LITTLE)) return []
  return [vanishing(layers, rules, percent(mean(magnitude)), mean(unexplainedOf(result, options)))]
}

function placeOf(layer: LayerConservation | undefined): string {
  return `${layer ? ` at layer '${layer.node}'` : ''} (over ${TOO_MUCH} times the initial relevance)`
}

/** The magnitude that each image's relevance is compared with: a logit near 0 makes no explanation explode. */
function scalesOf(
  { logits, startSizes }: AttributeResult,
  { start, outputRelevance, reference }: Conditions
): Float64Array {
  const [images, classes] = logits.shape as [number, number]
  const startsAsLogit = logits.shape.length === 2 && (start ?? 'logit') === 'logit' && !(outputRelevance ?? reference)
  const scales = new Float64Array(images)
  for (let image = 0; image < images; image++) {
    let scale = Math.max(startSizes[image]!, 1e-12)
    for (let i = image * classes; startsAsLogit && i < (image + 1) * classes; i++)
      scale = Math.max(scale, Math.abs(logits.data[i]!))
    scales[image] = scale
  }
  return scales
}

function remedy(layer: LayerConservation | undefined, rules: NodeRule[]): string {
  const rule = rules.find(({ node }) => node === layer?.node)
  if (!layer) return 'set conservation to see at which layer'
  if (rule?.rule.startsWith('pattern'))
    return `the rule ${rule.rule} does not conserve relevance; its parameter normalise limits the relevance`
  if (rule?.rule === 'norm')
    return `the inputs of this layer cancel each other; use the rule norm with a larger epsilon for it`
  if (rule && 'epsilon' in rule.parameters) return 'raise epsilon, or use gamma, zplus or alpha1beta0 for this layer'
  return 'use another rule for this layer'
}

/**
 * What took the relevance that the map lacks. That biases take it is what the rules define: it makes a map small, not
 * wrong.
 * @param layers from the output to the input; empty where no sums were asked for
 * @param kept what the map holds, in words
 */
function vanishing(layers: LayerConservation[], rules: NodeRule[], kept: string, unexplained: number): string {
  if (layers.length === 0)
    return `the map contains only ${kept} of the relevance: set conservation to see what biases and stabilisers absorb`
  const place = layers.find(
    ({ arrivingMagnitude, propagatedMagnitude }) => sum(propagatedMagnitude) < TOO_LITTLE * sum(arrivingMagnitude)
  )
  const lost = kept === percent(0) ? 'all' : `all but ${kept}`
  const at = place ? `, most of it at layer '${place.node}'` : ''
  const isPattern = rules.find(({ node }) => node === place?.node)?.rule.startsWith('pattern')
  if (isPattern || unexplained > TRUST_LIMITS.unexplained[0]) {
    const remedy = isPattern ? 'fit the patterns to more images' : 'compare other rules'
    return `rules that do not conserve relevance lose ${lost} of the relevance${at}: ${remedy}`
  }
  const [bias, stabiliser] = (['absorbedByBias', 'absorbedByStabiliser'] as const).map((name) =>
    Math.abs(layers.reduce((total, layer) => total + sum(layer[name]), 0))
  ) as [number, number]
  const absorb = (what: string): string => `${what} absorb ${lost} of the relevance${at}`
  if (stabiliser > bias) return `${absorb('stabilisers')}: lower epsilon`
  const what = stabiliser < TOO_LITTLE * bias ? 'biases' : 'biases and stabilisers'
  return `${absorb(what)}, which follows from the rules: compare the pixels with each other, not with the logit`
}

function mean(values: Float64Array): number {
  return sum(values) / Math.max(1, values.length)
}

function sum(values: Float64Array): number {
  return values.reduce((total, value) => total + value, 0)
}
