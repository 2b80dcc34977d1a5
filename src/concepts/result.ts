import type { Provenance } from '../model/provenance.js'
import type { Atlas } from './atlas.js'
import type { Measure } from './reference-samples.js'

export interface ConceptChannel {
  channel: number
  /** Mean share of the magnitudes of the layer's relevance, over the images that are called the class. */
  relevance: number
  samples: { image: string; value: number; place: number }[]
}

/** Content of `concepts.json`. */
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
  /** Quantity that ranks the samples: the relevance or the activation of a channel. */
  by: 'relevance' | 'activation'
  /** Value by which a channel ranks images: its sum over space, or its largest value. */
  measure: Measure
  /** Number of images used. */
  images: number
  /** For each predicted class, the number of its images and its most relevant channels, most relevant first. */
  classes: { class: string; images: number; channels: ConceptChannel[] }[]
  /** For one image, the strongest channel at each place. */
  atlas: Atlas
  /** The rule of every node. */
  rules: Record<string, string>
  /** Version of lrp-native, SHA-256 of the model, precision and preprocessing. */
  provenance: Provenance
}
