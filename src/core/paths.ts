import { existsSync } from 'node:fs'
import { homedir } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'

/** The folder of this package's package.json, from the sources and from dist/ alike. */
export const packageRoot = findRoot(dirname(fileURLToPath(import.meta.url)))

/** Where downloads are kept: `$XDG_CACHE_HOME/lrp-native`, by default `~/.cache/lrp-native`. */
export function cacheRoot(): string {
  return join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'lrp-native')
}

/** The compiled C++ side; `LRP_NATIVE_ADDON` names another. */
export function addonPath(): string {
  return process.env.LRP_NATIVE_ADDON ?? join(packageRoot, 'build', 'native', 'Release', 'lrp_native.node')
}

/** Where a model computes unless something else is asked for: `LRP_NATIVE_DEVICE`, by default CUDA where it works. */
export function defaultDevice(): string {
  return process.env.LRP_NATIVE_DEVICE || 'auto'
}

/** A name of a file or folder that is there, from the root; any other name as it is. */
export function absolute(name: string): string {
  return existsSync(name) ? resolve(name) : name
}

function findRoot(folder: string): string {
  return existsSync(join(folder, 'package.json')) ? folder : findRoot(dirname(folder))
}

/** A name as part of a path: letters, digits, `_`, `.` and `-`. */
export const safeName = (name: string): string => name.replace(/[^\w.-]+/g, '_')
