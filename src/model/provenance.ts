import { webcrypto } from 'node:crypto'
import * as z from 'zod'
import { digest } from '../core/digest.js'
import { Limit } from '../core/limit.js'
import type { RawTensor } from '../core/tensor.js'
import { COMPUTE_PRECISIONS } from '../core/graph.js'
import { packageVersion } from '../core/package-version.js'
import { callNative } from '../native/addon.js'
import type { Model } from './model.js'

/** What a result was computed with: kept in every JSON result. */
export const provenanceSchema = z
  .object({
    version: z.string().describe('Version of lrp-native.'),
    modelSha256: z
      .string()
      .regex(/^[0-9a-f]{64}$/)
      .describe('Hash of the graph and the weights in memory; equal for a file and its saved copy.'),
    precision: z.enum(COMPUTE_PRECISIONS).describe('Type of the computation.'),
    preprocessing: z
      .looseObject({ channels: z.int(), mean: z.array(z.number()), std: z.array(z.number()), scale: z.number() })
      .optional()
      .describe('Preprocessing of the images; docs/data.md.')
  })
  .describe('Software, model and preprocessing behind the result.')

export type Provenance = z.output<typeof provenanceSchema>

/** The rule of every node with its parameters, `epsilon(epsilon=1e-6)`, in JSON results. */
export const rulesSchema = z.record(z.string(), z.string()).describe('The rule of every node, with its parameters.')

/** Node copies what it hashes: a few tensors at a time take little memory. */
const HASHED_AT_ONCE = 4

/** What a result of this model is computed with, as the model is now. */
export async function provenanceOf(model: Model): Promise<Provenance> {
  const weights = sorted(await callNative(() => model.handle.tensors(false)))
  const hashing = new Limit(HASHED_AT_ONCE)
  const hashes = await Promise.all(weights.map(([, weight]) => hashing.run(() => hashOf(weight))))
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
    modelSha256: digest([
      inputShape,
      output,
      graph,
      weights.map(([name, { dtype, shape }], i) => [name, dtype, shape, hashes[i]])
    ]),
    precision: model.precision,
    ...(model.preprocessing && { preprocessing: { ...model.preprocessing } })
  }
}

/** SHA-256 of a tensor's bytes, in the threads of Node's pool: large models take as long as a pass otherwise. */
async function hashOf({ data }: RawTensor): Promise<string> {
  const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength)
  return Buffer.from(await webcrypto.subtle.digest('SHA-256', bytes)).toString('hex')
}

function sorted<T>(record: Record<string, T>): [string, T][] {
  return Object.entries(record).sort(([a], [b]) => (a < b ? -1 : 1))
}
