import { Option, type Command } from 'commander'
import type { z } from 'zod'
import { GROUPS } from '../core/option.js'
import { peerOptions } from '../distributed/options.js'
import { joinProcessGroup, type ProcessGroup } from '../distributed/process-group.js'
import { commonOptions, examplesText, type CliContext, type CommonFlags, type Output } from './context.js'
import { downloadProgress } from './data-progress.js'
import { addFlags, optionsOf } from './flags.js'

/** Adds arguments, flags and action to a command that has its name and description. `bare`: it works without the addon. */
export type Register = (command: Command, context: CliContext, bare?: boolean) => void

/** One call of a command. */
export interface Call<Argument> {
  argument: Argument
  output: Output
  context: CliContext
  /** The processes that run it together, if there are others. */
  group?: ProcessGroup
  /** The options of a schema that were given as flags; downloads show their progress. */
  given: <T extends z.ZodObject>(schema: T) => z.input<T>
}

export interface Definition<Argument> {
  argument?: readonly [name: string, description: string]
  /** Schemas whose options are the command's flags. */
  options?: readonly z.ZodObject[]
  /** Shown by --help. */
  examples: readonly string[]
  /** Several processes can run it together (docs/distributed.md); then rank 0 alone prints. */
  shared?: boolean
  run: (call: Call<Argument>) => Promise<void> | void
}

/** The model argument of most commands. */
export const MODEL = [
  '[model]',
  'experiment (folder or name), model file or folder, or name of a published network (default: the newest experiment)'
] as const

/** Defines a command; its module is loaded only where it is called. */
export function defineCommand<Argument = undefined>(definition: Definition<Argument>): Register {
  const { argument, options = [], examples, shared, run } = definition
  return (command, context, bare) => {
    if (argument) command.argument(...argument)
    addFlags(command, ...options, ...(shared ? [peerOptions] : []), commonOptions)
      .addHelpOption(new Option('-h, --help', 'show this help').helpGroup(`${GROUPS.machine}:`))
      .addHelpText('after', examplesText(examples))
      .action(async (...parsed: unknown[]) => {
        const flags: CommonFlags = command.optsWithGlobals()
        const output = await context.begin(flags, { needsAddon: !bare, shared })
        const group = shared ? await joinProcessGroup(optionsOf(peerOptions, flags)) : undefined
        if (group) flags.device = group.device(flags.device)
        const given = <T extends z.ZodObject>(schema: T): z.input<T> => {
          const asked = optionsOf(schema, flags)
          return 'onDownload' in schema.shape ? { ...asked, onDownload: downloadProgress(output) } : asked
        }
        await run({ argument: (argument ? parsed[0] : undefined) as Argument, output, context, group, given })
      })
  }
}
