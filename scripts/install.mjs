import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { root } from './lib/paths.mjs'
import { SetupError } from './lib/run.mjs'

// npm's install script. An addon that cannot be made ready does not fail the installation: the command that fixes it is
// printed, and `lrp-native doctor` says the same later. In a clone the set-up builds everything instead.
// LRP_NATIVE_SKIP_INSTALL=1 puts the download of libtorch off until first use.
if (existsSync(join(root, 'dist')) && !process.env.LRP_NATIVE_SKIP_INSTALL) {
  const { provideAddon } = await import('./lib/addon.mjs')
  try {
    await provideAddon()
  } catch (error) {
    if (!(error instanceof SetupError)) throw error
    console.error(`lrp-native: ${error.message}`)
    console.error('lrp-native: fix that, then run "npx lrp-native doctor --fix"')
  }
}
