import { LrpError } from '../core/errors.js'
import type { Graph, GraphNode } from '../core/graph.js'
import { sizeOf, type Tensor } from '../core/tensor.js'
import { unknownName } from '../core/suggest.js'

/** The op that is a further input of the network, next to the one that images come by. */
export const FURTHER_INPUT = 'other_input'

/** A further input of a network. */
export interface FurtherInput {
  name: string
  /** Of one row. */
  shape: number[]
  /** Relevance is computed for it; otherwise it is held constant. */
  explained: boolean
  /** It has no value of its own: rows of it come with the images. */
  required: boolean
}

/** Attributes of a node that is a further input. */
export function furtherInputAttributes({
  shape,
  explained,
  required
}: Omit<FurtherInput, 'name'>): GraphNode['attributes'] {
  return { shape, ...(explained && { explained }), ...(required && { required }) }
}

/** The further inputs of a network, in order of execution. */
export function furtherInputs({ nodes }: Graph): FurtherInput[] {
  return nodes
    .filter(({ op }) => op === FURTHER_INPUT)
    .map(({ name, attributes: { shape, explained, required } }) => ({
      name,
      shape: shape as number[],
      explained: explained === true,
      required: required === true
    }))
}

/**
 * The rows of further inputs that come with a batch and that this output needs; undefined where none do.
 * Rows of inputs that only another output needs are left out.
 * @throws LrpError INVALID_ARGUMENT for names that the network does not have, for rows that do not match, and where some are missing
 */
export function rowsOfBatch(
  { graph, rows: held = {} }: { graph: Graph; rows?: Record<string, Tensor> },
  { inputs, shape: [images] }: Tensor
): Record<string, Tensor> | undefined {
  const known = furtherInputs(graph)
  const names = [...known.map(({ name }) => name), ...Object.keys(held)]
  for (const name of Object.keys(inputs ?? {})) if (!names.includes(name)) throw unknownName('input', name, names)
  for (const { name, shape, required } of known) {
    const given = inputs?.[name]
    if (!given) {
      if (required) throw missing(name)
      continue
    }
    const [rows, ...row] = given.shape
    const fits = row.join() === shape.join() && sizeOf(given.shape) === given.data.length
    if (fits && (rows === 1 || rows === images)) continue
    const wanted = [images === 1 ? 1 : `1 or ${images}`, ...shape].join(', ')
    throw new LrpError('INVALID_ARGUMENT', `input '${name}' has the shape [${given.shape.join(', ')}], not [${wanted}]`)
  }
  const needed = Object.entries(inputs ?? {}).filter(([name]) => known.some((one) => one.name === name))
  return needed.length > 0 ? Object.fromEntries(needed) : undefined
}

function missing(name: string): LrpError {
  const how = `--constant ${name}=FILE.npy; in programs, the option constants or inputs: { ${name} } of the batch`
  return new LrpError('INVALID_ARGUMENT', `input '${name}' has no values: pass a row for each image (${how})`)
}
