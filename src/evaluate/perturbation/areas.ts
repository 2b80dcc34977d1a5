import type { Curve } from './curves.js'

/** What curves are drawn of: the target's probability or its logit. */
export type Measure = 'probability' | 'logit'

/** Area under values over shares of the image by the trapezoid rule, divided by the share that was reached. */
export function areaOver(shares: number[], values: number[]): number {
  let area = 0
  for (let i = 1; i < shares.length; i++) area += ((values[i]! + values[i - 1]!) / 2) * (shares[i]! - shares[i - 1]!)
  return area / shares.at(-1)!
}

/** The curve of what is measured. */
export function measured(curve: Curve, measure: Measure): number[] {
  return measure === 'logit' ? curve.logits : curve.probabilities
}

/** What the curves of one image say about an explanation; of the logit, where that is measured. */
export interface PerturbationScores {
  /** Area under the target's probability, most relevant first: low is good (AUC; AUAC of lrp-pf-auc). */
  morf_auc: number
  /** The same, least relevant first: high is good. */
  lerf_auc: number
  /** Area between the two: high is good, 0 is chance (Schulz et al. 2020). */
  abc: number
  /** Mean fall of the probability over the steps, most relevant first: high is good (Samek et al. 2017). */
  aopc: number
  /** Area under the squared change of the target's logit, least relevant first: low is good (AU-MSE). */
  au_mse: number
}

export function perturbationScores(morf: Curve, lerf: Curve, measure: Measure = 'probability'): PerturbationScores {
  const [most, least] = [measured(morf, measure), measured(lerf, measure)]
  const [morf_auc, lerf_auc] = [areaOver(morf.shares, most), areaOver(lerf.shares, least)]
  const falls = most.slice(1).map((value) => most[0]! - value)
  const squares = lerf.logits.map((logit) => (logit - lerf.logits[0]!) ** 2)
  return {
    morf_auc,
    lerf_auc,
    abc: lerf_auc - morf_auc,
    aopc: falls.reduce((sum, fall) => sum + fall, 0) / falls.length,
    au_mse: areaOver(lerf.shares, squares)
  }
}
