import { listed } from '../core/plural.js'

/** How far you can trust a map. */
export type Verdict = 'trustworthy' | 'limited' | 'untrustworthy'

/** Measures that determine how far you can trust maps of LRP; for several images, the worst values. */
export interface TrustMeasures {
  /** Sum of |relevance| divided by the initial relevance or the largest |logit|, whichever is larger. */
  magnitude: number
  /**
   * Relevance that neither reached the input nor was absorbed by biases or stabilisers, divided by the same reference
   * value as `magnitude`.
   */
  unexplained?: number
  /** Difference from the maps in float64: sum of |difference| divided by the sum of |relevance|. */
  rounding?: number
  /**
   * Difference between LRP-0 and gradient x input, measured like `rounding`; null if the two are not equal in theory.
   */
  gradient?: number | null
  /** The first node because of which LRP-0 and gradient x input are not equal in theory. */
  unequal?: string
}

/** Return value of `checkExplanation`: the measures of an explanation, and a verdict. */
export interface Trust extends TrustMeasures {
  /** The verdict; the worst measure decides. */
  verdict: Verdict
  /** The verdict in one sentence, with its reasons. */
  sentence: string
}

/**
 * Limits of the verdict. If a measure exceeds the first number, the verdict is `limited`; if it exceeds the second
 * number, the verdict is `untrustworthy`. docs/background/trust.md explains the numbers.
 */
export const TRUST_LIMITS = {
  magnitude: [30, 100],
  unexplained: [0.1, Infinity],
  rounding: [1e-3, 0.01],
  gradient: [1e-2, 0.1]
} as const

type Measure = keyof typeof TRUST_LIMITS

const REASONS: Record<Measure, (value: number) => string> = {
  magnitude: (value) =>
    value < 0.01
      ? `it contains ${percent(value)} of the relevance of the output`
      : `the magnitudes of the relevance add up to ${short(value)} times the logit`,
  unexplained: (value) =>
    value > TRUST_LIMITS.unexplained[0]
      ? `${percent(value)} of the relevance reaches neither the pixels nor the biases (position embeddings take it, or rules do not conserve it)`
      : `${percent(value)} of the relevance is unaccounted for (biases and stabilisers absorb the rest)`,
  rounding: (value) => `float64 changes the map by ${percent(value)}`,
  gradient: (value) => `LRP-0 differs from gradient x input by ${percent(value)}`
}

const VERDICTS: readonly Verdict[] = ['trustworthy', 'limited', 'untrustworthy']

/** The verdict on what was measured. */
export function judge(measures: TrustMeasures): Trust {
  const found = (Object.keys(TRUST_LIMITS) as Measure[]).flatMap((name) => {
    const value = measures[name]
    if (value === undefined || value === null) return []
    const [limited, none] = TRUST_LIMITS[name]
    return [{ reason: REASONS[name](value), level: !(value <= none) ? 2 : value > limited ? 1 : 0 }]
  })
  const worst = Math.max(0, ...found.map(({ level }) => level))
  const reasons = found.filter(({ level }) => level === worst).map(({ reason }) => reason)
  const beginnings = ['The map can be trusted', 'Read only the coarse structure of the map', 'Do not trust the map']
  return { ...measures, verdict: VERDICTS[worst]!, sentence: `${beginnings[worst]}: ${listed(reasons)}.` }
}

/** A share in percent, two digits. */
export function percent(share: number): string {
  return `${short(share * 100)} %`
}

function short(value: number): string {
  return Number(value.toPrecision(2)).toString()
}

/** The largest value; NaN counts as infinite. */
export function worst(values: ArrayLike<number>): number {
  return Array.from(values).reduce((most, value) => Math.max(most, Number.isNaN(value) ? Infinity : value), 0)
}
