import { homedir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** The package's folder. */
export const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))))

/** Where downloads are kept, as in src/paths.ts. */
export const cacheRoot = join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'lrp-native')
export const buildFolder = join(root, 'build')
export const addonPath = join(buildFolder, 'Release', 'lrp_native.node')
/** Of a build: in the package where that can be written, so that it lies beside what it is about. */
export const logPath = join(buildFolder, 'build.log')
