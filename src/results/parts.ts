import * as z from 'zod'
import { INPUT_KINDS } from '../model/input-kind.js'

export { provenanceSchema as provenance, rulesSchema as rules } from '../model/provenance.js'

/** Numbers that are not finite are null in JSON. */
export const number = z.number().nullable()
export const count = z.int().min(0)
export const inputKind = z.enum(INPUT_KINDS).describe('Kind of the inputs.')
export const share = z.number().min(0).max(1)

const value = z.union([z.string(), z.number(), z.boolean(), z.array(z.union([z.string(), z.number()]))])

export const settings = z
  .record(z.string(), value)
  .describe('The given options; each key is the name of a flag in camel case.')
