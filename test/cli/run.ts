import { PassThrough } from 'node:stream'
import { CliContext } from '../../src/cli/context.js'
import { run } from '../../src/cli/program.js'

/** Runs one command line in this process. */
export async function cli(...args: string[]): Promise<{ status: number; out: string; err: string }> {
  const [stdout, stderr] = [new PassThrough(), new PassThrough()]
  const status = await run(args, new CliContext(stdout, stderr, new AbortController().signal))
  return { status, out: String(stdout.read() ?? ''), err: String(stderr.read() ?? '') }
}
