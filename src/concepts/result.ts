import type { Provenance } from '../model/provenance.js'
import type { Atlas } from './atlas.js'
import type { Measure } from './reference-samples.js'

export interface ConceptChannel {
  channel: number
  /** Mean share of the magnitudes of the layer's relevance, over the images that are called the class. */
  relevance: number
  samples: { image: string; value: number; place: number }[]
}

/** What `concepts.json` holds. */
export interface ConceptsResult {
  /** Version of this format. */
  version: 1
  /** Name of the model. */
  model: string
  /** Name of the data set. */
  data: string
  /** The split whose images were used. */
  split: string
  /** Name of the rule or composite. */
  rule: string
  /** The layer whose channels are ranked. */
  layer: string
  /** What ranks samples: the relevance or the activation of a channel. */
  by: 'relevance' | 'activation'
  /** How a channel ranks images: by its sum over space or its largest value. */
  measure: Measure
  /** How many images were used. */
  images: number
  /** For each predicted class its images and its most relevant channels, best first. */
  classes: { class: string; images: number; channels: ConceptChannel[] }[]
  /** Which channel is strongest at which place of one image. */
  atlas: Atlas
  /** The rule of every node. */
  rules: Record<string, string>
  /** Version, digest of the model, precision and preprocessing. */
  provenance: Provenance
}
