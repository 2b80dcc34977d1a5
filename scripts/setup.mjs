import { existsSync, statSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { root } from './lib/paths.mjs'
import { SetupError, main, runLogged } from './lib/run.mjs'
import { withLock } from './lib/lock.mjs'

// Everything between a clean clone and a working command: npm packages, libtorch, addon, TypeScript.
// Idempotent: a second run takes a second.
await main(async () => {
  await withLock(join(root, '.packages.lock'), installPackages)
  const { provideAddon } = await import('./lib/addon.mjs')
  const { buildTypescript } = await import('./lib/typescript.mjs')
  await buildTypescript()
  await provideAddon()
  linkCommand()
})

async function installPackages() {
  const installed = join(root, 'node_modules', '.package-lock.json')
  const lock = join(root, 'package-lock.json')
  if (existsSync(installed) && statSync(installed).mtimeMs >= statSync(lock).mtimeMs) return
  console.error('installing npm packages ...')
  const npm = process.platform === 'win32' ? 'npm.cmd' : 'npm'
  const { status } = await runLogged(npm, ['ci', '--ignore-scripts', '--no-audit', '--no-fund'], {
    echo: true,
    cwd: root
  })
  if (status !== 0) throw new SetupError('npm ci failed (see its message above): check the network and run again')
}

/** So that `npx lrp-native` works inside the clone too. */
function linkCommand() {
  const link = join(root, 'node_modules', '.bin', 'lrp-native')
  if (process.platform === 'win32' || existsSync(link)) return
  try {
    symlinkSync(join('..', '..', 'dist', 'cli', 'main.js'), link)
  } catch (error) {
    if (error.code !== 'EEXIST') throw error
  }
}
