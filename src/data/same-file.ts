import { lstatSync, realpathSync } from 'node:fs'
import { basename, dirname, join, resolve } from 'node:path'

/** Where the folders on the way lead. */
type Folders = Map<string, string>

/**
 * The first two entries that are one file, whatever way leads to it: another spelling of the path, a link, a linked folder.
 * In two splits, such an image would be tested on after training on it.
 */
export function findSameFile<T extends { path: string; isLink?: boolean }>(
  entries: readonly T[]
): [first: T, again: T] | undefined {
  const folders: Folders = new Map()
  const seen = new Map<string, T>()
  for (const entry of entries) {
    const file = realFile({ ...entry, path: resolve(entry.path) }, folders)
    const first = seen.get(file)
    if (first) return [first, entry]
    seen.set(file, entry)
  }
  return undefined
}

/** Where a path leads. Folders are followed once, because data sets have many images in few folders. */
function realFile({ path, isLink = isLinkAt(path) }: { path: string; isLink?: boolean }, folders: Folders): string {
  const folder = dirname(path)
  let real = folders.get(folder)
  if (real === undefined) folders.set(folder, (real = follow(folder)))
  return isLink ? follow(path) : join(real, basename(path))
}

function isLinkAt(path: string): boolean {
  return lstatSync(path, { throwIfNoEntry: false })?.isSymbolicLink() ?? false
}

function follow(path: string): string {
  try {
    return realpathSync.native(path)
  } catch {
    return path // a missing file is reported when it is read
  }
}
