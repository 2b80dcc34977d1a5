import { ranksOf } from '../distributed/process-group.js'
import { LrpError } from '../core/errors.js'
import { defaultDevice } from '../core/paths.js'
import * as z from 'zod'
import { option } from '../core/option.js'
import { loadOptions } from '../model/options.js'
import { onceLoaded, type NativeAddon } from '../native/addon.js'
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

/** Flags of every command. */
export const commonOptions = z.strictObject({
  device: loadOptions.shape.device,
  seed: option(z.int().min(0), { help: 'seed for all random numbers', group: 'machine', default: '0' }),
  threads: option(z.int().min(1).max(1024), {
    help: 'number of CPU threads that compute',
    group: 'machine',
    default: 'one for each core'
  }),
  json: option(z.boolean(), { help: 'print the result to stdout as one JSON document', group: 'machine' }),
  quiet: option(z.boolean(), { help: 'print only errors and, with --json, the JSON document', group: 'machine' }),
  verbose: option(z.boolean(), { help: 'show the stack trace of an error', group: 'machine' })
})

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
        `this command cannot run in ${ranks.size} processes: only train, finetune, test and explain support several processes`
      )
    }
    if (needsAddon) await (await import('./ensure-addon.js')).ensureAddon(this.stderr)
    const { threads } = flags
    if (threads !== undefined) onceLoaded((addon) => addon.setThreads(threads))
    const output = new Output(this, ranks && ranks.rank > 0 ? { ...flags, quiet: true, json: false } : flags)
    if (needsAddon && (flags.device ?? defaultDevice()) === 'auto') onceLoaded((addon) => noteUnusedCuda(addon, output))
    return output
  }
}

/** A driver without libtorch's CUDA libraries: somebody means to use the GPU. */
function noteUnusedCuda(addon: NativeAddon, output: Output): void {
  const { reason, remedy } = addon.enableCuda()
  if (remedy)
    output.note(
      `note: the GPU is not used: ${reason}; run "${remedy}" to enable it, or pass --device cpu to hide this note`
    )
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

  /** A bar of what is done, for `onProgress`, and how it ends. */
  meter(unit: string): { onProgress: (done: number, total: number, stage?: string) => void; done: () => void } {
    const bar = this.progress(1, unit)
    return { onProgress: (done, total, stage) => bar.updateLine(done, total, stage), done: () => bar.stop() }
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

export function examplesText(examples: readonly string[]): string {
  return `\nExamples:\n${examples.map((example) => `  $ npx lrp-native ${example}`).join('\n')}`
}
