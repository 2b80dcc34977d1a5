import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { root } from './lib/paths.mjs'
import { SetupError } from './lib/run.mjs'

// npm's install script. An addon that cannot be built does not fail the installation: the command that fixes it is
// printed, and `lrp-native doctor` says the same later. In a clone the set-up builds everything instead.
if (existsSync(join(root, 'dist'))) {
  const { buildNative } = await import('./lib/native.mjs')
  try {
    await buildNative()
  } catch (error) {
    if (!(error instanceof SetupError)) throw error
    console.error(`lrp-native: ${error.message}`)
    console.error('lrp-native: fix that, then run "npx lrp-native doctor --fix"')
  }
}
