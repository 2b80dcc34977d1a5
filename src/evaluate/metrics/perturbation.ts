import type { PerturbationScores } from '../perturbation/areas.js'
import { familyOf, type MetricDescription } from './description.js'

const area = (
  name: keyof PerturbationScores,
  more: Omit<MetricDescription, 'name' | 'family' | 'needs' | 'score'>
) => ({
  name,
  ...more,
  score: async ({ areas }: Parameters<MetricDescription['score']>[0]): Promise<number> => (await areas())[name]
})

/** Areas under the curves of an evaluation. */
export const PERTURBATION = familyOf({ family: 'perturbation', needs: ['model'] }, [
  area('abc', {
    better: 'higher',
    definition: 'area between the LeRF and the MoRF curve',
    reference: 'Schulz et al. 2020'
  }),
  area('morf_auc', {
    better: 'lower',
    definition: 'area under the MoRF curve of the probability',
    reference: 'Bach et al. 2015'
  }),
  area('lerf_auc', {
    better: 'higher',
    definition: 'area under the LeRF curve of the probability',
    reference: 'Ancona et al. 2018'
  }),
  area('aopc', {
    better: 'higher',
    definition: 'mean drop of the probability, MoRF',
    reference: 'Samek et al. 2017'
  }),
  area('au_mse', {
    better: 'lower',
    definition: 'area under the squared change of the logit, LeRF',
    reference: 'Bermúdez Schettino, Python package lrp-pf-auc'
  })
])
