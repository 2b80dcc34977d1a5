import { Command, CommanderError } from 'commander'
import { isLrpError, LrpError } from '../core/errors.js'
import { eitherOf } from '../core/plural.js'
import { unknownName } from '../core/suggest.js'
import { packageVersion } from '../core/package-version.js'
import { COMMANDS } from './commands/index.js'
import { examplesText, type CliContext } from './context.js'
import { flagOf } from './flags.js'
import { separateWords } from './separate-words.js'

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

/** The program with all its commands; those in `called` have their arguments and flags. */
async function createProgram(context: CliContext, called: string[]): Promise<Command> {
  const program = new Command('lrp-native')
    .description(
      'Why did the classifier decide that? Trains or imports a network, explains its predictions with Layer-wise Relevance Propagation, and measures whether the explanations are faithful.'
    )
    .version(packageVersion())
    .addHelpText('after', examplesText(EXAMPLES))
    .exitOverride()
    .configureOutput({
      writeOut: (text) => context.stdout.write(text),
      outputError: () => {} // `report` says it
    })
  for (const [name, { description, bare, load }] of Object.entries(COMMANDS)) {
    const command = program.command(name).description(description).copyInheritedSettings(program)
    if (called.includes(name)) (await load()).register(command, context, bare)
  }
  program.on('command:*', ([name]: string[]) => {
    throw unknownName('command', name!, Object.keys(COMMANDS))
  })
  return program
}

/** Runs one command line and returns its exit status; every error is one sentence on stderr. */
export async function run(argv: string[], context: CliContext): Promise<number> {
  const program = await createProgram(context, argv[0] === 'help' ? argv : argv.slice(0, 1))
  let running: Command = program
  program.hook('preAction', (_, command) => void (running = command))
  try {
    if (argv.length === 0) program.outputHelp()
    else await program.parseAsync(argv, { from: 'user' })
    return context.status
  } catch (error) {
    const status = exitStatus(error)
    if (status !== 0)
      report(error, argv, running === program ? (commandOf(program, argv) ?? program) : running, context)
    return status
  }
}

/** The command that is called; the parser's own errors come before it runs. */
function commandOf({ commands }: Command, [name]: string[]): Command | undefined {
  return commands.find((command) => command.name() === name)
}

function report(error: unknown, argv: string[], command: Command, context: CliContext): void {
  const usage = error instanceof CommanderError
  const hint = commaHint(error, argv, command)
  const known = isLrpError(error)
  const sentence = usage
    ? usageSentence(error, takesInput(command) && hint === '')
    : known
      ? withFlag(error, command)
      : `unexpected error: ${(error as Error)?.message ?? String(error)}`
  const message = `${sentence}${hint}`
  if (argv.includes('--json')) {
    const code = usage ? 'INVALID_ARGUMENT' : known ? error.code : 'NATIVE'
    context.stdout.write(JSON.stringify({ error: { code, message } }, null, 2) + '\n')
  }
  context.stderr.write(`lrp-native: ${message}\n`)
  if (argv.includes('--verbose')) context.stderr.write(`${(error as Error)?.stack ?? ''}\n`)
}

/** How several values are written, where words of their own are taken for arguments. */
function commaHint(error: unknown, argv: string[], command: Command): string {
  const separate = separateWords(argv, command)
  if (!separate) return ''
  const { code, message } = error as { code?: string; message: string }
  const isMeant =
    code === 'commander.excessArguments' || (isLrpError(error) && separate.words.some((word) => message.includes(word)))
  return isMeant ? ` (separate several values by commas: ${separate.meant})` : ''
}

/** What is wrong with an option is said of the flag that it came from: `--valid-split` for `validSplit`. */
function withFlag({ message }: LrpError, command: Command): string {
  const flags = (text: string, option: string): string => flagOf(command, option) ?? text
  return message
    .replaceAll(/option '([\w.]+)'/g, flags)
    .replaceAll(/(?<=\()[a-z]+[A-Z]\w*(?=\))/g, (name) => flags(name, name))
}

/** Whether a command has --input: images are not arguments of it. */
function takesInput({ options }: Command): boolean {
  return options.some(({ long }) => long === '--input')
}

/** The parser's own errors in our words. */
function usageSentence({ message }: CommanderError, takesImages: boolean): string {
  if (takesImages && message.startsWith("error: unknown option '--image'"))
    return "there is no flag '--image': did you mean '--input'?"
  const advice = takesImages && message.startsWith('error: too many arguments') ? '; pass images with --input' : ''
  const sentence = message
    .replace(/^error: /, '')
    .replace(
      /\n\(Did you mean (?:one of )?(.*)\?\)/,
      (_, meant: string) => `: did you mean ${eitherOf(meant.split(', ').map((flag) => `'${flag}'`))}?`
    )
  return sentence
    .replace(/^unknown option '(.*?)'/, "there is no flag '$1'")
    .replace(/^option '(\S+).*' argument missing/, '$1 needs a value')
    .replace(/^required option '(\S+).*' not specified/, '$1 must be given')
    .replace(/^(too many arguments for '\S+')\. Expected (\d+) arguments? but got (\d+)\.$/, '$1: expected $2, got $3')
    .replaceAll('\n', ' ')
    .concat(advice)
}
