import type { FlipCurve } from './curve.js'

/** Area under values over shares of the image by the trapezoid rule, divided by the share that was reached. */
export function areaOver(shares: number[], values: number[]): number {
  let area = 0
  for (let i = 1; i < shares.length; i++) area += ((values[i]! + values[i - 1]!) / 2) * (shares[i]! - shares[i - 1]!)
  return area / shares.at(-1)!
}

/** What the curves of one image say of an explanation. */
export interface FlipScores {
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

export function flipScores(morf: FlipCurve, lerf: FlipCurve): FlipScores {
  const [morf_auc, lerf_auc] = [morf, lerf].map((curve) => areaOver(curve.shares, curve.probabilities)) as [
    number,
    number
  ]
  const falls = morf.probabilities.slice(1).map((p) => morf.probabilities[0]! - p)
  const squares = lerf.logits.map((logit) => (logit - lerf.logits[0]!) ** 2)
  return {
    morf_auc,
    lerf_auc,
    abc: lerf_auc - morf_auc,
    aopc: falls.reduce((sum, fall) => sum + fall, 0) / falls.length,
    au_mse: areaOver(lerf.shares, squares)
  }
}
