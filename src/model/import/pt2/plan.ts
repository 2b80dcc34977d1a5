import type { AttributeValue } from '../../../core/graph.js'
import type { CallReader } from './reader.js'

/** A node to be made; inputs are nodes that are there or are made first. */
export interface Plan {
  op: string
  inputs: (string | Plan)[]
  attributes?: Record<string, AttributeValue | undefined>
  parameters?: Record<string, string | undefined>
}

/** What a call is in the graph: a node, a node that is there, one of either per result, or nothing that has an op of its own. */
export type Made = Plan | string | (Plan | string | undefined)[] | undefined
export type Handler = (call: CallReader) => Made
