import { existsSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { resolveLibtorch } from './libtorch.mjs'
import { withLock } from './lock.mjs'
import { buildNative, missingTool, sourceStamp } from './native.mjs'
import { addonPath, buildFolder, root } from './paths.mjs'
import { findPrebuilt, fits, installPrebuilt, prebuiltStamp } from './prebuilt.mjs'
import { readStamp, writeStamp } from './stamp.mjs'
import { checkSystem } from './system.mjs'

const stampPath = join(buildFolder, 'native.stamp')

/**
 * Makes the addon ready: the prebuilt one where it fits this libtorch and loads, otherwise compiled here. Does nothing
 * where it is ready; two at once wait for each other.
 */
export async function provideAddon({ log = console.error } = {}) {
  checkSystem()
  const prebuilt = findPrebuilt()
  const mustFit = prebuilt && missingTool() // nothing can be compiled for another libtorch
  const libtorch = await resolveLibtorch({ log, fits: mustFit ? (found) => fits(prebuilt, found) : undefined })
  if (isReady(libtorch)) return
  await withLock(join(root, '.build.lock'), async () => {
    if (isReady(libtorch)) return
    mkdirSync(buildFolder, { recursive: true })
    if (prebuilt && fits(prebuilt, libtorch)) {
      if (installPrebuilt(prebuilt, libtorch)) {
        writeStamp(stampPath, prebuiltStamp(prebuilt, libtorch))
        return log('installed the prebuilt addon')
      }
      log('the prebuilt addon does not load on this system: it is compiled instead')
    }
    const begun = Date.now()
    await buildNative(libtorch, { log, stampPath })
    writeStamp(stampPath, sourceStamp(libtorch))
    log(`built ${addonPath} in ${((Date.now() - begun) / 1000).toFixed(0)} s`)
  })
}

/** Whether the addon is there, and is the prebuilt one or built from these sources, for this libtorch. */
export function isReady(libtorch) {
  if (!existsSync(addonPath)) return false
  const stamp = readStamp(stampPath)
  const prebuilt = findPrebuilt()
  return stamp === sourceStamp(libtorch) || Boolean(prebuilt && stamp === prebuiltStamp(prebuilt, libtorch))
}
