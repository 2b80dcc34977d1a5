import { readFileSync } from 'node:fs'
import * as z from 'zod'
import { LrpError } from '../core/errors.js'
import { ioError, parseJson } from '../core/files.js'

/** A regular expression over tensor names. */
export const pattern = z.string().refine(isRegularExpression, 'is not a regular expression')

/** Rates of some tensors. The first group that matches a tensor takes it; `frozen` tensors stay as they are. */
export const groupsSchema = z.array(
  z.strictObject({
    match: pattern,
    learningRate: z.number().positive().optional(),
    weightDecay: z.number().min(0).optional(),
    frozen: z.boolean().optional()
  })
)

/** The groups of a JSON file. @throws LrpError NOT_FOUND, IO, INVALID_FILE */
export function readGroups(file: string): z.input<typeof groupsSchema> {
  let text: string
  try {
    text = readFileSync(file, 'utf8')
  } catch (cause) {
    throw ioError(cause, `cannot read ${file}`)
  }
  const groups = parseJson(text, file)
  if (!Array.isArray(groups))
    throw new LrpError('INVALID_FILE', `${file} must contain a list of parameter groups (see --groups)`)
  return groups
}

function isRegularExpression(text: string): boolean {
  try {
    new RegExp(text)
    return true
  } catch {
    return false
  }
}
