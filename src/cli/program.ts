import { Command, CommanderError } from 'commander'
import { isLrpError, LrpError } from '../core/errors.js'
import { nearest } from '../core/suggest.js'
import { packageVersion } from '../core/package-version.js'
import { examplesText, type CliContext } from './context.js'
import * as commands from './commands/index.js'

const EXAMPLES = [
  'train --model lenet --epochs 10',
  'explain --composite epsilon-plus --input digit.png',
  'evaluate --rules epsilon,alpha2beta1,gradient --limit 50'
]

/** Statuses: 0 done, 1 failed, 2 wrong usage, 130 interrupted. */
function exitStatus(error: unknown): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2
  if (!isLrpError(error)) return 1
  return error.code === 'INVALID_ARGUMENT' ? 2 : error.code === 'ABORTED' ? 130 : 1
}

function createProgram(context: CliContext): Command {
  const program = new Command('lrp-native')
    .description(
      'Why did the image classifier decide so? Trains or imports a network, explains it by Layer-wise Relevance Propagation, and measures whether the explanation holds.'
    )
    .version(packageVersion())
    .showHelpAfterError('(add --help for the options and examples)')
    .addHelpText('after', examplesText(EXAMPLES))
    .exitOverride()
    .configureOutput({
      writeOut: (text) => context.stdout.write(text),
      writeErr: (text) => context.stderr.write(text)
    })
  for (const register of Object.values(commands)) register(program, context)
  program.on('command:*', ([name]: string[]) => {
    const names = program.commands.map((command) => command.name())
    const meant = nearest(name!, names)
    throw new LrpError(
      'INVALID_ARGUMENT',
      `there is no command '${name}': ${meant ? `did you mean '${meant}'?` : `there are ${names.join(', ')}`}`
    )
  })
  for (const command of program.commands)
    command.exitOverride().configureOutput(program.configureOutput()).showSuggestionAfterError()
  return program
}

/** Runs one command line and returns its exit status; every error is one sentence on stderr. */
export async function run(argv: string[], context: CliContext): Promise<number> {
  const program = createProgram(context)
  let running: Command = program
  program.hook('preAction', (_, command) => void (running = command))
  try {
    if (argv.length === 0) program.outputHelp()
    else await program.parseAsync(argv, { from: 'user' })
    return context.status
  } catch (error) {
    const status = exitStatus(error)
    if (status !== 0) report(error, argv, running, context)
    return status
  }
}

function report(error: unknown, argv: string[], command: Command, context: CliContext): void {
  const usage = error instanceof CommanderError // commander itself has told stderr
  const known = isLrpError(error)
  const message = usage
    ? usageSentence(error)
    : known
      ? withFlag(error, command)
      : `unexpected: ${(error as Error)?.message ?? String(error)}`
  if (argv.includes('--json')) {
    const code = usage ? 'INVALID_ARGUMENT' : known ? error.code : 'NATIVE'
    context.stdout.write(JSON.stringify({ error: { code, message } }, null, 2) + '\n')
  }
  if (!usage) context.stderr.write(`lrp-native: ${message}\n`)
  if (argv.includes('--verbose')) context.stderr.write(`${(error as Error)?.stack ?? ''}\n`)
}

/** What is wrong with an option is said of the flag that it came from: `--valid-split` for `validSplit`. */
function withFlag({ message, option }: LrpError, command: Command): string {
  const name = option?.split('.').at(-1)
  const flag = command.options.find((one) => one.attributeName() === name)
  return flag?.long ? message.replace(`option '${option}'`, flag.long) : message
}

function usageSentence(error: CommanderError): string {
  return error.message.replace(/^error: /, '').replaceAll('\n', ' ')
}
