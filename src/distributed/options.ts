import * as z from 'zod'
import { option, programOnly } from '../core/option.js'

/** Options of `joinProcessGroup`. */
export const peerOptions = z.strictObject({
  peerTimeout: option(z.number().positive().max(86400).default(60), {
    help: 'with several processes: how long a process waits for another process before the run fails',
    group: 'machine',
    unit: 'seconds'
  }),
  env: programOnly<Record<string, string | undefined>>(
    (value) => typeof value === 'object' && value !== null,
    'an object',
    'environment variables that describe the process group; by default, the variables of this process'
  )
})

/** Options of `joinProcessGroup`: rank, number of processes, address, time limit (docs/distributed.md). */
export type ProcessGroupOptions = z.input<typeof peerOptions>
