import { copyFileSync, mkdirSync, readFileSync, renameSync, rmSync, symlinkSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { addonPath, packageVersion, root } from './paths.mjs'
import { output } from './run.mjs'
import { system } from './system.mjs'

const require = createRequire(join(root, 'package.json'))

/** The npm package that holds the addon compiled for a system. */
export const packageName = (name = system) => `@lrp-native/${name}`

/** The addon of the platform package: { path, libtorch }; undefined where the package is missing or of another version. */
export function findPrebuilt() {
  let manifest
  try {
    manifest = require.resolve(`${packageName()}/package.json`)
  } catch {
    return undefined
  }
  const { version, main, libtorch } = JSON.parse(readFileSync(manifest, 'utf8'))
  return version === packageVersion() ? { path: join(dirname(manifest), main), libtorch } : undefined
}

/** C++ has no stable interface between minor versions of libtorch; patches keep it. */
export function fits(prebuilt, libtorch) {
  const minor = (version) => version.split('.').slice(0, 2).join('.')
  return minor(prebuilt.libtorch) === minor(libtorch.version)
}

/** What a stamp says of an installed prebuilt addon. */
export function prebuiltStamp(prebuilt, libtorch) {
  return `prebuilt ${packageVersion()} ${prebuilt.path} ${libtorch.folder} ${libtorch.version}`
}

/**
 * Puts the prebuilt addon where a built one would be, with a link to libtorch next to it, where its RPATH looks. Whether
 * it loads: an older glibc, or a libtorch with other parts, may forbid that.
 */
export function installPrebuilt(prebuilt, libtorch) {
  const folder = dirname(addonPath)
  mkdirSync(folder, { recursive: true })
  const link = join(folder, 'libtorch')
  rmSync(link, { recursive: true, force: true })
  symlinkSync(libtorch.folder, link, 'junction')
  const copy = `${addonPath}.tmp`
  copyFileSync(prebuilt.path, copy)
  renameSync(copy, addonPath)
  if (loads()) return true
  rmSync(addonPath, { force: true })
  return false
}

/** Whether the addon loads: tried in a process of its own, which a broken library cannot take along. */
export function loads() {
  return output(process.execPath, ['-e', `require(${JSON.stringify(addonPath)}).info()`]) !== undefined
}
