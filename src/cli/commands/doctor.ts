import { spawn } from 'node:child_process'
import { join } from 'node:path'
import type { Command } from 'commander'
import { LrpError } from '../../errors.js'
import { packageRoot } from '../../paths.js'
import { examplesText, type CliContext } from '../context.js'

interface Flags {
  json?: boolean
  fix?: boolean
  libtorch?: string
}

/** `lrp-native doctor`: the same as `node scripts/doctor.mjs`, which works before anything is built. */
export function register(program: Command, context: CliContext): void {
  program
    .command('doctor')
    .description('Say what this machine has and lacks, and the one command that mends each gap.')
    .option('--fix', 'fetch libtorch and build the addon')
    .option('--libtorch <variant>', 'fetch the official libtorch archive instead: cpu, or a CUDA variant such as cu130')
    .option('--json', 'print one JSON document on stdout')
    .addHelpText('after', examplesText(['doctor', 'doctor --fix', 'doctor --libtorch cpu']))
    .action(async (flags: Flags) => {
      const args = [
        ...(flags.json ? ['--json'] : []),
        ...(flags.fix ? ['--fix'] : []),
        ...(flags.libtorch ? ['--libtorch', flags.libtorch] : [])
      ]
      const status = await runScript(args, context)
      if (status !== 0) throw new LrpError('SETUP', 'something that is needed is missing: see above')
    })
}

function runScript(args: string[], context: CliContext): Promise<number> {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, [join(packageRoot, 'scripts', 'doctor.mjs'), ...args], {
      stdio: ['ignore', 'pipe', 'pipe']
    })
    child.stdout.on('data', (chunk: Buffer) => context.stdout.write(chunk))
    child.stderr.on('data', (chunk: Buffer) => context.stderr.write(chunk))
    child.on('close', (status) => resolve(status ?? 1))
  })
}
