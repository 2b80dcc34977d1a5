import { readFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** The package's folder. */
export const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))))

/** Where downloads are kept, as in src/paths.ts. */
export const cacheRoot = join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'lrp-native')
export const buildFolder = join(root, 'build')
/** Of cmake-js alone: it empties the folder when it starts anew, so logs and stamps lie above it. */
export const nativeBuildFolder = join(buildFolder, 'native')
export const addonPath = join(nativeBuildFolder, 'Release', 'lrp_native.node')
/** Of a build: in the package where that can be written, so that it lies beside what it is about. */
export const logPath = join(buildFolder, 'build.log')

export function packageVersion() {
  return JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')).version
}
