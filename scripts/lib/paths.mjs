import { readFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** The package's folder. */
export const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))))

/** Where downloads are kept, as in src/paths.ts. */
export const cacheRoot = join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'lrp-native')
export const buildFolder = join(root, 'build')
/** The folder of cmake-js, which empties it when it starts again: logs and stamps are above it. */
export const nativeBuildFolder = join(buildFolder, 'native')
export const addonPath = join(nativeBuildFolder, 'Release', 'lrp_native.node')
/** The log of a build. */
export const logPath = join(buildFolder, 'build.log')

export function packageVersion() {
  return JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')).version
}
