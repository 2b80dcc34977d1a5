import { digest } from '../core/digest.js'
import type { Precision, Preprocessing } from '../core/graph.js'
import { packageVersion } from '../core/package-version.js'
import type { Model } from './model.js'

/** What a result was computed with: kept in every JSON result. */
export interface Provenance {
  /** Of this package. */
  version: string
  /** SHA-256 of the model's graph and weights, as they are in memory: the same for a file and for what is saved of it. */
  modelSha256: string
  /** What was computed in. */
  precision: Precision
  preprocessing?: Preprocessing
}

/** What a result of this model is computed with, as the model is now. */
export async function provenanceOf(model: Model): Promise<Provenance> {
  const weights = [...(await model.stateDict())].sort(([a], [b]) => (a < b ? -1 : 1))
  const { nodes, inputShape, output } = model.graph
  const graph = nodes.map(({ name, op, inputs, attributes, parameters }) => [
    name,
    op,
    inputs,
    sorted(attributes),
    sorted(parameters)
  ])
  return {
    version: packageVersion(),
    modelSha256: digest([inputShape, output, graph, weights]),
    precision: model.precision,
    preprocessing: model.preprocessing
  }
}

function sorted(record: object): [string, unknown][] {
  return Object.entries(record).sort(([a], [b]) => (a < b ? -1 : 1))
}
