import { statSync } from 'node:fs'
import { dirname, relative, sep } from 'node:path'
import type { Split, SplitName } from './dataset.js'

/** Names of images that lie in one file or array: `t10k-images-idx3-ubyte/00012` is number 12 of that file. */
export function numbered(source: string, count: number): string[] {
  return Array.from({ length: count }, (_, i) => `${source}/${String(i).padStart(5, '0')}`)
}

/** What each image of a split is called: its file, its number in a larger file, or else its place in the split. */
export function imageNames({ paths, names, labels }: Split, split: SplitName): string[] {
  return paths ?? names ?? numbered(split, labels.length)
}

/** The folder that paths of images begin at: that of a list, if the data set is one. */
export function folderOf(dataPath: string): string {
  const isFile = statSync(dataPath, { throwIfNoEntry: false })?.isFile()
  return isFile ? dirname(dataPath) : dataPath
}

/** Names as results list them: paths begin at the data folder, apart by `/` on every system. */
export function namesBelow(names: string[], { paths }: Split, dataPath: string | undefined): string[] {
  if (!paths) return names
  const folder = dataPath === undefined ? undefined : folderOf(dataPath)
  return names.map((path) => (folder === undefined ? path : relative(folder, path)).split(sep).join('/'))
}
