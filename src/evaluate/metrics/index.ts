import { unknownName } from '../../core/suggest.js'
import { LrpError } from '../../core/errors.js'
import * as maps from '../map-metrics.js'
import * as axiomatic from './axiomatic.js'
import type { ScoreContext } from './context.js'
import * as faithfulness from './faithfulness.js'
import { inputInvariance } from './invariance.js'
import { randomLogit } from './randomisation.js'
import * as robustness from './robustness.js'

/** What a score is computed from beside the map: `image` means that it is one of channels, height and width, `shift` a first layer whose biases can undo one. */
export type MetricNeed = 'model' | 'classes' | 'image' | 'mask' | 'explainer' | 'shift'

export interface MetricDescription {
  name: string
  family: 'perturbation' | 'faithfulness' | 'robustness' | 'randomisation' | 'complexity' | 'localisation' | 'axiomatic'
  needs: MetricNeed[]
  /** Which way is better; absent where neither is. */
  better?: 'higher' | 'lower'
  definition: string
  /** The paper that defines it. */
  reference: string
  /** Absent: from the curves of the perturbation, which all images share. */
  score?: (context: ScoreContext) => Promise<number> | number
}

type Family = Pick<MetricDescription, 'family' | 'needs'>
const ofFamily = (family: Family, metrics: Omit<MetricDescription, keyof Family>[]): MetricDescription[] =>
  metrics.map((metric) => ({ ...family, ...metric }))
const TOP = 50

/** What `evaluate` can compute of an image and its map, in the order in which it is shown. */
export const METRICS: MetricDescription[] = [
  ...ofFamily({ family: 'perturbation', needs: ['model', 'image'] }, [
    {
      name: 'abc',
      better: 'higher',
      definition: 'area between the LeRF and the MoRF curve',
      reference: 'Schulz et al. 2020'
    },
    {
      name: 'morf_auc',
      better: 'lower',
      definition: 'area under the MoRF curve of the probability',
      reference: 'Bach et al. 2015'
    },
    {
      name: 'lerf_auc',
      better: 'higher',
      definition: 'area under the LeRF curve of the probability',
      reference: 'Ancona et al. 2018'
    },
    {
      name: 'aopc',
      better: 'higher',
      definition: 'mean fall of the probability, MoRF',
      reference: 'Samek et al. 2017'
    },
    {
      name: 'au_mse',
      better: 'lower',
      definition: 'area under the squared change of the logit, LeRF',
      reference: 'lrp-pf-auc'
    }
  ]),
  ...ofFamily({ family: 'faithfulness', needs: ['model', 'image'] }, [
    {
      name: 'faithfulness_correlation',
      better: 'higher',
      definition: 'attribution of random tenths against the fall of the logit without them',
      reference: 'Bhatt et al. 2020',
      score: faithfulness.faithfulnessCorrelation
    },
    {
      name: 'sensitivity_n',
      better: 'higher',
      definition: 'the same over subsets of 1 % to 40 %',
      reference: 'Ancona et al. 2018',
      score: faithfulness.sensitivityN
    },
    {
      name: 'infidelity',
      better: 'lower',
      definition: 'share of the effect of noise that the attribution does not tell',
      reference: 'Yeh et al. 2019',
      score: faithfulness.infidelity
    }
  ]),
  ...ofFamily({ family: 'faithfulness', needs: ['model', 'classes', 'image'] }, [
    {
      name: 'deletion',
      better: 'lower',
      definition: 'area under the probability while relevant pixels turn black',
      reference: 'Petsiuk et al. 2018',
      score: faithfulness.deletion
    },
    {
      name: 'insertion',
      better: 'higher',
      definition: 'area under the probability while relevant pixels come into the blurred image',
      reference: 'Petsiuk et al. 2018',
      score: faithfulness.insertion
    },
    {
      name: 'road',
      better: 'lower',
      definition: 'share of steps still classified so, relevant pixels imputed by noisy linear interpolation',
      reference: 'Rong et al. 2022',
      score: faithfulness.road
    }
  ]),
  ...ofFamily({ family: 'robustness', needs: ['model', 'image', 'explainer'] }, [
    {
      name: 'max_sensitivity',
      better: 'lower',
      definition: 'largest relative change of the map under small changes of the image',
      reference: 'Yeh et al. 2019',
      score: robustness.maxSensitivity
    },
    {
      name: 'avg_sensitivity',
      better: 'lower',
      definition: 'mean relative change of the map',
      reference: 'Bhatt et al. 2020',
      score: robustness.averageSensitivity
    },
    {
      name: 'local_lipschitz',
      better: 'lower',
      definition: 'largest change of the map over the change of the image',
      reference: 'Alvarez-Melis and Jaakkola 2018',
      score: robustness.localLipschitz
    }
  ]),
  ...ofFamily({ family: 'randomisation', needs: ['model', 'classes', 'image', 'explainer'] }, [
    {
      name: 'random_logit',
      better: 'lower',
      definition: "similarity (SSIM) with another class's map",
      reference: 'Sixt et al. 2020',
      score: randomLogit
    }
  ]),
  ...ofFamily({ family: 'complexity', needs: [] }, [
    {
      name: 'sparseness',
      definition: 'Gini index of |a| + 1e-7',
      reference: 'Chalasani et al. 2020',
      score: (c) => maps.sparseness(c.relevance)
    },
    {
      name: 'complexity',
      definition: 'entropy of |a| / sum |a|, natural logarithm',
      reference: 'Bhatt et al. 2020',
      score: (c) => maps.complexity(c.relevance)
    },
    {
      name: 'effective_complexity',
      definition: 'number of entries with |a| > 1e-5',
      reference: 'Nguyen and Martinez 2020',
      score: (c) => maps.effectiveComplexity(c.relevance)
    }
  ]),
  ...ofFamily({ family: 'localisation', needs: ['mask'] }, [
    {
      name: 'pointing_game',
      better: 'higher',
      definition: '1 where the largest entry lies in the mask',
      reference: 'Zhang et al. 2018',
      score: (c) => maps.pointingGame(c.relevance, c.mask!)
    },
    {
      name: 'attribution_localisation',
      better: 'higher',
      definition: 'share of |a| inside the mask',
      reference: 'Kohlbrenner et al. 2020',
      score: (c) => maps.massInside(c.relevance, c.mask!)
    },
    {
      name: 'relevance_mass_accuracy',
      better: 'higher',
      definition: 'share of |a| inside the mask',
      reference: 'Arras et al. 2022',
      score: (c) => maps.massInside(c.relevance, c.mask!)
    },
    {
      name: 'relevance_rank_accuracy',
      better: 'higher',
      definition: 'share of the mask-size largest entries inside the mask',
      reference: 'Arras et al. 2022',
      score: (c) => maps.topInside(c.relevance, c.mask!)
    },
    {
      name: 'top_k_intersection',
      better: 'higher',
      definition: `share of the ${TOP} largest entries inside the mask`,
      reference: 'Theiner et al. 2021',
      score: (c) => maps.topInside(c.relevance, c.mask!, Math.min(TOP, c.relevance.length))
    },
    {
      name: 'localisation_auc',
      better: 'higher',
      definition: 'ROC AUC of |a| against the mask',
      reference: 'Fawcett 2006',
      score: (c) => maps.localisationAuc(c.relevance, c.mask!)
    }
  ]),
  ...ofFamily({ family: 'axiomatic', needs: ['model'] }, [
    {
      name: 'conservation_error',
      better: 'lower',
      definition: '|sum of the map - logit| / |logit|',
      reference: 'Bach et al. 2015',
      score: axiomatic.conservationError
    },
    {
      name: 'completeness_error',
      better: 'lower',
      definition: '|sum of the map - (logit - logit of an image of zeros)|',
      reference: 'Sundararajan et al. 2017',
      score: axiomatic.completenessError
    }
  ]),
  ...ofFamily({ family: 'axiomatic', needs: ['model', 'image', 'explainer', 'shift'] }, [
    {
      name: 'input_invariance',
      better: 'lower',
      definition: 'relative change of the map under a shift of all inputs that the first layer makes up for',
      reference: 'Kindermans et al. 2019',
      score: inputInvariance
    }
  ])
]

export const DEFAULT_METRICS = ['abc', 'morf_auc', 'lerf_auc', 'aopc', 'au_mse', 'sparseness', 'conservation_error']

/**
 * Metrics by name, or all that what is given allows.
 * @throws LrpError INVALID_ARGUMENT for names that do not exist, with the nearest, and for a metric whose need is not met
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
      throw unknownName('metric', name, all)
    }
    const lack = lacking(found)
    if (lack) throw new LrpError('INVALID_ARGUMENT', `the metric '${name}' needs ${LACKS[lack]}`)
    return found
  })
}

const LACKS: Record<MetricNeed, string> = {
  model: 'a model',
  classes: 'a classifier',
  image: 'images of channels, height and width',
  mask: 'a mask: give --mask',
  shift: 'a network that begins with linear layers or convolutions (and no padding by name)',
  explainer: 'to explain more images: it cannot be had from given maps'
}
