import type { ScoreContext } from './context.js'

/**
 * What a score needs besides the map: `classes` is a classifier, `others` means more than one
 * logit, `image` means input whose values can be changed, `neighbours`
 * input with places next to each other, `shift` a first layer whose biases can undo a shift of the input.
 */
export type MetricNeed = 'model' | 'classes' | 'others' | 'image' | 'neighbours' | 'mask' | 'explainer' | 'shift'

/** What is known of a metric: name, family, what it needs, which way is better, definition, paper. */
export interface MetricDescription {
  /** Name in options, tables and JSON. */
  name: string
  /** What it measures. */
  family: 'perturbation' | 'faithfulness' | 'robustness' | 'randomisation' | 'complexity' | 'localisation' | 'axiomatic'
  /** What it takes besides model, image and map. */
  needs: MetricNeed[]
  /** Which way is better; absent where neither is. */
  better?: 'higher' | 'lower'
  /** The formula, in words. */
  definition: string
  /** The paper that defines it. */
  reference: string
  /** NaN for an image that has no such score. */
  score: (context: ScoreContext) => Promise<number> | number
}

type Shared = Pick<MetricDescription, 'family' | 'needs'>

/** Descriptions of one family that need the same. */
export function familyOf(shared: Shared, metrics: Omit<MetricDescription, keyof Shared>[]): MetricDescription[] {
  return metrics.map((metric) => ({ ...shared, ...metric }))
}
