import type { ScoreContext } from './context.js'

/**
 * A requirement of a metric besides the map. `classes`: a classifier. `others`: more than one logit. `image`: an input
 * whose values can be changed. `neighbours`: an input with adjacent positions. `mask`: a mask of the object.
 * `explainer`: a method that can explain more images. `shift`: a first layer whose biases can undo a shift of the
 * input.
 */
export type MetricNeed = 'model' | 'classes' | 'others' | 'image' | 'neighbours' | 'mask' | 'explainer' | 'shift'

/** A metric: name, family, requirements, better direction, definition and paper. */
export interface MetricDescription {
  /** Name in options, tables and JSON. */
  name: string
  /** Property that the metric measures. */
  family: 'perturbation' | 'faithfulness' | 'robustness' | 'randomisation' | 'complexity' | 'localisation' | 'axiomatic'
  /** Requirements besides model, image and map. */
  needs: MetricNeed[]
  /** Whether higher or lower is better; missing if neither is. */
  better?: 'higher' | 'lower'
  /** The definition in words. */
  definition: string
  /** The paper that defines the metric. */
  reference: string
  /** Computes the score of one image; NaN if the image has none. */
  score: (context: ScoreContext) => Promise<number> | number
}

type Shared = Pick<MetricDescription, 'family' | 'needs'>

/** Describes metrics of one family with the same requirements. */
export function familyOf(shared: Shared, metrics: Omit<MetricDescription, keyof Shared>[]): MetricDescription[] {
  return metrics.map((metric) => ({ ...shared, ...metric }))
}
