import type { Command } from 'commander'
import { withCommonFlags, type CliContext, type CommonFlags } from '../context.js'

/** `lrp-native models` */
export function register(program: Command, context: CliContext): void {
  const command = program.command('models').description('List the networks that can be trained or given weights.')
  withCommonFlags(command, ['models', 'models --json'])
  command.action(async (flags: CommonFlags) => {
    const output = await context.begin(flags, { needsAddon: false })
    const { describeArchitectures } = await import('../../model/architectures/describe.js')
    const list = describeArchitectures()
    output.result(
      list,
      list.map(({ name, parameters, imageShape, description }) => {
        const size = parameters.toLocaleString('en-US').padStart(12)
        return `${name.padEnd(19)} ${size}  ${(imageShape?.join('x') ?? 'any').padEnd(9)}  ${description}`
      })
    )
  })
}
