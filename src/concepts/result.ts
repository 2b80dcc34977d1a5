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
  version: 1
  model: string
  data: string
  split: string
  rule: string
  layer: string
  by: 'relevance' | 'activation'
  measure: Measure
  images: number
  classes: { class: string; images: number; channels: ConceptChannel[] }[]
  atlas: Atlas
  /** The rule of every node. */
  rules: Record<string, string>
  provenance: Provenance
}
