import * as maps from '../map-metrics.js'
import type { ScoreContext } from './context.js'
import * as faithfulness from './faithfulness.js'
import { randomLogit } from './randomisation.js'
import * as robustness from './robustness.js'

export interface MetricDescription {
  name: string
  family: 'perturbation' | 'faithfulness' | 'robustness' | 'randomisation' | 'complexity' | 'axiomatic'
  /** Which way is better; absent where neither is. */
  better?: 'higher' | 'lower'
  definition: string
  /** Absent: from the curves of the perturbation, which all images share. */
  score?: (context: ScoreContext) => Promise<number> | number
}

/** What `evaluate` can compute over a data set, in the order in which it is shown. docs/metrics.md has the references. */
export const METRICS: MetricDescription[] = [
  { name: 'abc', family: 'perturbation', better: 'higher', definition: 'area between the LeRF and the MoRF curve' },
  {
    name: 'morf_auc',
    family: 'perturbation',
    better: 'lower',
    definition: 'area under the MoRF curve of the probability'
  },
  { name: 'lerf_auc', family: 'perturbation', better: 'higher', definition: 'area under the LeRF curve' },
  { name: 'aopc', family: 'perturbation', better: 'higher', definition: 'mean fall of the probability, MoRF' },
  {
    name: 'au_mse',
    family: 'perturbation',
    better: 'lower',
    definition: 'area under the squared change of the logit, LeRF'
  },
  {
    name: 'faithfulness_correlation',
    family: 'faithfulness',
    better: 'higher',
    definition: 'attribution of random tenths against the fall of the logit without them',
    score: faithfulness.faithfulnessCorrelation
  },
  {
    name: 'sensitivity_n',
    family: 'faithfulness',
    better: 'higher',
    definition: 'the same over subsets of 1 % to 40 %',
    score: faithfulness.sensitivityN
  },
  {
    name: 'infidelity',
    family: 'faithfulness',
    better: 'lower',
    definition: 'share of the effect of noise that the attribution does not tell',
    score: faithfulness.infidelity
  },
  {
    name: 'deletion',
    family: 'faithfulness',
    better: 'lower',
    definition: 'area under the probability while relevant pixels turn black',
    score: faithfulness.deletion
  },
  {
    name: 'insertion',
    family: 'faithfulness',
    better: 'higher',
    definition: 'area under the probability while relevant pixels come into the blurred image',
    score: faithfulness.insertion
  },
  {
    name: 'road',
    family: 'faithfulness',
    better: 'lower',
    definition: 'share of steps still classified so, relevant pixels imputed by noisy linear interpolation',
    score: faithfulness.road
  },
  {
    name: 'max_sensitivity',
    family: 'robustness',
    better: 'lower',
    definition: 'largest relative change of the map under small changes of the image',
    score: robustness.maxSensitivity
  },
  {
    name: 'avg_sensitivity',
    family: 'robustness',
    better: 'lower',
    definition: 'mean relative change of the map',
    score: robustness.averageSensitivity
  },
  {
    name: 'local_lipschitz',
    family: 'robustness',
    better: 'lower',
    definition: 'largest change of the map over the change of the image',
    score: robustness.localLipschitz
  },
  {
    name: 'random_logit',
    family: 'randomisation',
    better: 'lower',
    definition: "similarity (SSIM) with another class's map",
    score: randomLogit
  },
  { name: 'sparseness', family: 'complexity', definition: 'Gini index', score: (c) => maps.sparseness(c.relevance) },
  { name: 'complexity', family: 'complexity', definition: 'entropy', score: (c) => maps.complexity(c.relevance) },
  {
    name: 'effective_complexity',
    family: 'complexity',
    definition: 'entries above 1e-5',
    score: (c) => maps.effectiveComplexity(c.relevance)
  },
  {
    name: 'conservation_error',
    family: 'axiomatic',
    better: 'lower',
    definition: '|sum of the map - logit| / |logit|',
    score: (c) => Math.abs(sumOf(c.relevance) - c.logit) / Math.abs(c.logit)
  },
  {
    name: 'completeness_error',
    family: 'axiomatic',
    better: 'lower',
    definition: '|sum of the map - (logit - logit of an image of zeros)|',
    score: async (c) => {
      const zero = await c.model.forward({ data: new Float32Array(c.image.length), shape: [1, ...c.model.imageShape] })
      return Math.abs(sumOf(c.relevance) - (c.logit - zero.data[c.target]!))
    }
  }
]

export const DEFAULT_METRICS = ['abc', 'morf_auc', 'lerf_auc', 'aopc', 'au_mse', 'sparseness', 'conservation_error']

function sumOf(values: Float32Array): number {
  return values.reduce((sum, value) => sum + value, 0)
}
