import { Command } from 'commander'
import { LrpError } from '../core/errors.js'
import { withCommonFlags } from './context.js'
import { withModelFlags } from './shared-flags.js'

/** One of several things that a command does, and the flags that it looks at besides those of every model. */
export interface Mode {
  /** "with --attribution" */
  name: string
  flags: ((command: Command) => Command)[]
  /** Flags of another mode's list that this one looks at too. */
  others?: string[]
}

/** @throws LrpError INVALID_ARGUMENT for a flag that was given and has no effect in the mode that runs */
export function refuseOthers(command: Command, mode: Mode, modes: Mode[]): void {
  const known = namesOf(mode)
  const idle = command.options.find((option) => {
    const name = option.attributeName()
    return command.getOptionValueSource(name) === 'cli' && !known.has(name)
  })
  if (!idle) return
  const where = modes.filter((one) => namesOf(one).has(idle.attributeName())).map(({ name }) => name)
  throw new LrpError('INVALID_ARGUMENT', `${idle.long} has no effect ${mode.name}, only ${where.join(' or ')}`)
}

function namesOf({ flags, others = [] }: Mode): Set<string> {
  const bare = withCommonFlags(withModelFlags(new Command()), [])
  const { options } = flags.reduce((command, add) => add(command), bare)
  return new Set([...options.map((option) => option.attributeName()), ...others])
}
