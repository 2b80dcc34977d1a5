import { listed } from '../core/plural.js'

/** How far maps can be trusted. */
export type Verdict = 'trustworthy' | 'limited' | 'untrustworthy'

/** Measures of how far maps of LRP can be trusted; for several images, the worst values. */
export interface TrustMeasures {
  /** Sum of |relevance| as a multiple of the initial relevance, or of the largest logit. */
  magnitude: number
  /** Relevance that neither reached the input nor was absorbed by biases or stabilisers, as a share of the same. */
  unexplained?: number
  /** Difference from the maps in float64: sum of |difference| as a share of the sum of |relevance|. */
  rounding?: number
  /**
   * Difference between LRP-0 and gradient x input, measured in the same way; null if theory does not say that they are
   * equal.
   */
  gradient?: number | null
  /** The first node for which theory does not say this. */
  unequal?: string
}

/** What `checkExplanation` returns: the measures of an explanation, and a verdict. */
export interface Trust extends TrustMeasures {
  /** The worst of the measures decides. */
  verdict: Verdict
  /** The verdict in one sentence, with its reasons. */
  sentence: string
}

/**
 * Above the first number, the verdict is `limited`; above the second, `untrustworthy`. docs/background/trust.md gives
 * the reasons.
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
