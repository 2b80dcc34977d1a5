import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { LrpError } from '../core/errors.js'
import { addonPath, packageRoot } from '../core/paths.js'

/** Builds the addon on first use where the installation could not (npm may be told to run no install scripts). */
export async function ensureAddon(stderr: NodeJS.WritableStream): Promise<void> {
  if (existsSync(addonPath())) return
  stderr.write('the native addon is not built yet: building it now, once ...\n')
  const status = await new Promise<number>((resolve) => {
    const child = spawn(process.execPath, [join(packageRoot, 'scripts', 'build-native.mjs')], {
      stdio: ['ignore', 'ignore', 'pipe']
    })
    child.stderr.on('data', (chunk: Buffer) => stderr.write(chunk))
    child.on('close', (code) => resolve(code ?? 1))
  })
  if (status !== 0) throw new LrpError('SETUP', 'the native addon could not be built: run "npx lrp-native doctor"')
}
