import { LrpError } from '../../core/errors.js'
import type { Model } from '../../model/model.js'
import { unknownName } from '../../core/suggest.js'
import { COMPLETENESS, INVARIANCE } from './axiomatic.js'
import { COMPLEXITY } from './complexity.js'
import type { MetricDescription, MetricNeed } from './description.js'
import { FAITHFULNESS } from './faithfulness.js'
import { LOCALISATION } from './localisation.js'
import { PERTURBATION } from './perturbation.js'
import { RANDOM_LOGIT } from './randomisation.js'
import { ROBUSTNESS } from './robustness.js'

/** All metrics, in the order in which results show them. */
export const METRICS: MetricDescription[] = [
  ...PERTURBATION,
  ...FAITHFULNESS,
  ...ROBUSTNESS,
  ...RANDOM_LOGIT,
  ...COMPLEXITY,
  ...LOCALISATION,
  ...COMPLETENESS,
  ...INVARIANCE
]

/** The metrics that `evaluate` computes by default. */
export const DEFAULT_METRICS = ['abc', 'morf_auc', 'lerf_auc', 'aopc', 'au_mse', 'sparseness', 'conservation_error']

/**
 * Metrics by name, or all that the given data allow.
 * @throws LrpError INVALID_ARGUMENT for names that do not exist, with the nearest name, and for a metric whose
 * requirements are not met
 */
export function chooseMetrics<T extends Pick<MetricDescription, 'name' | 'needs'>>(
  names: string[] | 'all',
  metrics: T[],
  given: Record<MetricNeed, boolean>
): T[] {
  const lacking = ({ needs }: T): MetricNeed | undefined => needs.find((need) => !given[need])
  if (names === 'all') return metrics.filter((metric) => !lacking(metric))
  return names.map((name) => {
    const found = metrics.find((metric) => metric.name === name)
    if (!found) {
      const all = metrics.map((metric) => metric.name)
      throw unknownName('metric', name, all, { option: 'metrics' })
    }
    const lack = lacking(found)
    if (lack) throw new LrpError('INVALID_ARGUMENT', `the metric '${name}' needs ${LACKS[lack]}`)
    return found
  })
}

/** Whether positions of the input have neighbours, so that one can be filled in from those around it. */
export function hasNeighbours({ inputKind }: Model): boolean {
  return ['image', 'signal', 'volume'].includes(inputKind)
}

/** Whether there is another class to compare with; a network with an unknown output counts as having one. */
export function hasOthers({ graph }: Model): boolean {
  return graph.shapes?.[graph.output]?.[1] !== 1
}

const LACKS: Record<MetricNeed, string> = {
  model: 'a model',
  classes: 'classes, which regressions, layers and similarities do not have',
  others: 'more than one logit: there is no other class to compare with',
  image: 'inputs whose values can be replaced (an image, a signal, a volume, a table row)',
  neighbours: 'inputs with neighbouring positions (an image, a signal, a volume)',
  mask: 'a mask: pass --mask',
  shift: "a network that begins with linear layers or convolutions (neither transposed nor with padding 'same')",
  explainer: 'an explanation method: it cannot be computed from given maps'
}
