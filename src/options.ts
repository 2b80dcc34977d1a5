import { z } from 'zod'
import { LrpError } from './errors.js'

/** Checks the options of a public function; the error names the option at fault. */
export function checkOptions<T extends z.ZodType>(schema: T, options: unknown, what: string): z.output<T> {
  const result = schema.safeParse(options)
  if (result.success) return result.data
  const issue = result.error.issues[0]!
  const where = issue.path.length > 0 ? `option '${issue.path.join('.')}' of ${what}` : what
  throw new LrpError('INVALID_ARGUMENT', `${where}: ${issue.message}`)
}
