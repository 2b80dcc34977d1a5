import { percent, TRUST_LIMITS, type Trust } from '../explain/trust.js'

const MEASURES = {
  magnitude: 'relevance in the map, as a multiple of the logit',
  unexplained: 'relevance that reaches neither the pixels nor the biases',
  rounding: 'difference from the map in float64',
  gradient: 'difference between LRP-0 and gradient x input'
} as const

/** Each measure of a check with its number and limit, one a line. */
export function trustLines(trust: Trust): string[] {
  const measures = Object.keys(MEASURES) as (keyof typeof MEASURES)[]
  return measures.flatMap((name) => {
    const value = trust[name]
    if (value === undefined) return []
    const [limited, none] = TRUST_LIMITS[name]
    const show = (one: number): string => (name === 'magnitude' ? String(Number(one.toPrecision(2))) : percent(one))
    const limits = `limited above ${show(limited)}${Number.isFinite(none) ? `, untrustworthy above ${show(none)}` : ''}`
    const found = value === null ? `not compared: node '${trust.unequal}'` : `${show(value)} (${limits})`
    return [`  ${MEASURES[name]}: ${found}`]
  })
}
