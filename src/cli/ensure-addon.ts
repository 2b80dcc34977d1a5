import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { LrpError } from '../core/errors.js'
import { addonPath, packageRoot } from '../core/paths.js'

/** Makes the addon ready on first use where the installation did not: npm, pnpm and yarn may run no install scripts. */
export async function ensureAddon(stderr: NodeJS.WritableStream): Promise<void> {
  if (existsSync(addonPath())) return
  stderr.write('first use: preparing the native addon (only once) ...\n')
  const status = await new Promise<number>((resolve) => {
    const child = spawn(process.execPath, [join(packageRoot, 'scripts', 'build-native.mjs')], {
      stdio: ['ignore', 'ignore', stderr === process.stderr ? 'inherit' : 'pipe'] // a terminal shows a progress bar
    })
    child.stderr?.on('data', (chunk: Buffer) => stderr.write(chunk))
    child.on('close', (code) => resolve(code ?? 1))
  })
  if (status !== 0) throw new LrpError('SETUP', 'the native addon is not ready: run "npx lrp-native doctor"')
}
