import type { Command } from 'commander'
import { withCommonFlags, type CliContext, type CommonFlags } from '../context.js'

/** `lrp-native models` */
export function register(program: Command, context: CliContext): void {
  const command = program.command('models').description('List the networks that can be trained or given weights.')
  withCommonFlags(command, ['models', 'models --json'])
  command.action(async (flags: CommonFlags) => {
    const output = await context.begin(flags, { needsAddon: false })
    const { ARCHITECTURES } = await import('../../model/architectures/index.js')
    const list = Object.entries(ARCHITECTURES).map(([name, { description }]) => ({ name, description }))
    output.result(
      list,
      list.map(({ name, description }) => `${name.padEnd(20)} ${description}`)
    )
  })
}
