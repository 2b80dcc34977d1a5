import { spawn } from 'node:child_process'
import { join } from 'node:path'
import type { Command } from 'commander'
import { packageRoot } from '../../core/paths.js'
import { withCommonFlags, type CliContext, type CommonFlags } from '../context.js'

interface Flags extends CommonFlags {
  fix?: boolean
  libtorch?: string
}

/** `lrp-native doctor`: the same as `node scripts/doctor.mjs`, which works before anything is built. */
export function register(program: Command, context: CliContext): void {
  const command = program
    .command('doctor')
    .description('Say what this machine has and lacks, and the one command that mends each gap.')
    .option('--fix', 'fetch libtorch and build the addon')
    .option('--libtorch <variant>', 'fetch the official libtorch archive instead: cpu, or a CUDA variant such as cu130')
  withCommonFlags(command, ['doctor', 'doctor --fix', 'doctor --libtorch cpu'])
  command.action(async (flags: Flags) => {
    const args = [
      ...(flags.json ? ['--json'] : []),
      ...(flags.fix ? ['--fix'] : []),
      ...(flags.libtorch ? ['--libtorch', flags.libtorch] : [])
    ]
    context.status = await runScript(args, context, Boolean(flags.quiet && !flags.json))
    if (context.status !== 0)
      context.stderr.write('lrp-native: something that is needed is missing: "lrp-native doctor" says what\n')
  })
}

function runScript(args: string[], context: CliContext, quiet: boolean): Promise<number> {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, [join(packageRoot, 'scripts', 'doctor.mjs'), ...args], {
      stdio: ['ignore', 'pipe', 'pipe']
    })
    child.stdout.on('data', (chunk: Buffer) => quiet || context.stdout.write(chunk))
    child.stderr.on('data', (chunk: Buffer) => context.stderr.write(chunk))
    child.on('close', (status) => resolve(status === 0 ? 0 : 1))
  })
}
