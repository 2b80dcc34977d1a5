import type { Command } from 'commander'
import { ranksOf } from '../distributed/process-group.js'
import { LrpError } from '../core/errors.js'
import { defaultDevice } from '../core/paths.js'
import { Progress } from './progress.js'

/** Flags that every command takes. */
export interface CommonFlags {
  json?: boolean
  quiet?: boolean
  verbose?: boolean
  device?: string
  seed?: number
  threads?: number
}

/** What a command works with: where it prints and how it is stopped. */
export class CliContext {
  /** Exit status of a command that has told all there is to tell. */
  status = 0

  constructor(
    readonly stdout: NodeJS.WritableStream & { isTTY?: boolean },
    readonly stderr: NodeJS.WritableStream & { isTTY?: boolean },
    readonly signal: AbortSignal
  ) {}

  /**
   * Sees to the addon and the number of threads; returns what prints for these flags. `shared`: several
   * processes can run the command together; then rank 0 alone prints.
   */
  async begin(flags: CommonFlags, { needsAddon = true, shared = false } = {}): Promise<Output> {
    const ranks = needsAddon ? ranksOf() : undefined
    if (ranks && !shared) {
      throw new LrpError(
        'INVALID_ARGUMENT',
        `this command runs in one process, not in ${ranks.size}: train, finetune, test and explain can be shared`
      )
    }
    if (needsAddon) await (await import('./ensure-addon.js')).ensureAddon(this.stderr)
    if (flags.threads !== undefined) {
      const { native, toLrpError } = await import('../native/addon.js')
      try {
        native().setThreads(flags.threads)
      } catch (error) {
        throw toLrpError(error)
      }
    }
    const output = new Output(this, ranks && ranks.rank > 0 ? { ...flags, quiet: true, json: false } : flags)
    if (needsAddon && flags.device === 'auto') await noteUnusedCuda(output)
    return output
  }
}

/** A driver without libtorch's CUDA libraries: somebody means to use the GPU. */
async function noteUnusedCuda(output: Output): Promise<void> {
  const { reason, remedy } = (await import('../native/addon.js')).native().enableCuda()
  if (remedy) output.note(`note: the GPU is not used: ${reason}; "${remedy}" mends it, --device cpu says nothing`)
}

/** Prints for people, or one JSON document for programs; progress goes to stderr. */
export class Output {
  constructor(
    private readonly context: CliContext,
    private readonly flags: CommonFlags
  ) {}

  progress(total: number, unit: string): Progress {
    return new Progress(this.context.stderr, total, unit, Boolean(this.flags.quiet))
  }

  /** A line about what happens, for people: stderr, silent with --quiet. */
  note(text: string): void {
    if (!this.flags.quiet) this.context.stderr.write(`${text}\n`)
  }

  /** The result: `lines` for people, or `json` as the one document on stdout. */
  result(json: unknown, lines: string[]): void {
    if (this.flags.json) this.context.stdout.write(JSON.stringify(json, null, 2) + '\n')
    else if (!this.flags.quiet) this.context.stdout.write(lines.join('\n') + '\n')
  }
}

/** Adds the flags of every command; `examples` are shown by --help. */
export function withCommonFlags(command: Command, examples: string[]): Command {
  return command
    .option('--device <device>', 'auto (CUDA where it works), cpu, cuda or cuda:N', deviceName, defaultDevice())
    .option('--seed <number>', 'seed of everything random', wholeNumber('--seed', 0))
    .option('--threads <number>', 'threads of one operation', wholeNumber('--threads', 1))
    .option('--json', 'print one JSON document on stdout')
    .option('--quiet', 'print nothing but errors (and the JSON document)')
    .option('--verbose', 'show the stack trace of an error')
    .addHelpText('after', examplesText(examples))
}

export function examplesText(examples: string[]): string {
  return `\nExamples:\n${examples.map((example) => `  $ lrp-native ${example}`).join('\n')}`
}

function deviceName(text: string): string {
  if (/^(auto|cpu|cuda(:\d+)?)$/.test(text)) return text
  throw new LrpError('INVALID_ARGUMENT', `--device must be auto, cpu, cuda or cuda:N, not '${text}'`)
}

/** A parser for whole numbers of at least `least`. */
export function wholeNumber(flag: string, least: number): (text: string) => number {
  return (text) => {
    const value = Number(text)
    if (/^-?\d+$/.test(text.trim()) && value >= least) return value
    throw new LrpError('INVALID_ARGUMENT', `${flag} must be a whole number of ${least} or more, not '${text}'`)
  }
}

/** A parser for any finite number. */
export function realNumber(flag: string): (text: string) => number {
  return (text) => {
    const value = Number(text)
    if (text.trim() !== '' && Number.isFinite(value)) return value
    throw new LrpError('INVALID_ARGUMENT', `${flag} must be a number, not '${text}'`)
  }
}

/** For options that take several values, each parsed: `--hidden-size 128 64`. */
export function collect<T>(parse: (text: string) => T): (text: string, before: T[] | undefined) => T[] {
  return (text, before) => [...(before ?? []), ...text.split(',').map((part) => parse(part.trim()))]
}
