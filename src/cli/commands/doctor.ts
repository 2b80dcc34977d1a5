import { spawn } from 'node:child_process'
import { join } from 'node:path'
import * as z from 'zod'
import { packageRoot } from '../../core/paths.js'
import { option } from '../../core/option.js'
import { commonOptions, type CliContext } from '../context.js'
import { defineCommand } from '../command.js'

const options = z.strictObject({
  fix: option(z.boolean(), { help: 'download libtorch, and install or build the native addon', group: 'machine' }),
  libtorch: option(z.string(), {
    help: "variant of libtorch's official archive to download instead of PyTorch's wheel: cpu, or a CUDA version such as cu130",
    group: 'machine',
    unit: 'variant'
  }),
  sha256: option(z.string(), {
    help: 'expected SHA-256 of the archive of --libtorch, or none to skip the check',
    group: 'machine',
    unit: 'hash'
  })
})

/** The same as `node scripts/doctor.mjs`, which works before anything is built. */
export const register = defineCommand({
  options: [options],
  examples: ['doctor', 'doctor --fix', 'doctor --libtorch cu130 --sha256 none'],
  run: async ({ given, context }) => {
    const { fix, libtorch, sha256 } = given(options)
    const { json, quiet } = given(commonOptions)
    const args = [
      ...(json ? ['--json'] : []),
      ...(fix ? ['--fix'] : []),
      ...(libtorch ? ['--libtorch', libtorch] : []),
      ...(sha256 ? ['--sha256', sha256] : [])
    ]
    context.status = await runScript(args, context, Boolean(quiet && !json))
    if (context.status !== 0)
      context.stderr.write(
        'lrp-native: the installation is incomplete: run "npx lrp-native doctor" to list each problem with its fix\n'
      )
  }
})

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
