import { readFile } from 'node:fs/promises'
import { resolve } from 'node:path'
import { parse } from 'csv-parse/sync'
import { LrpError } from '../core/errors.js'
import { ioError } from '../core/files.js'
import { counted } from '../core/plural.js'
import type { Dataset, Split, SplitName } from './dataset.js'
import { folderOf, imageNames } from './image-names.js'
import { take } from './split.js'

/** Images to leave out, and the files that list them. */
export interface ExcludeList {
  paths: string[]
  files: string
}

/**
 * Removes the listed images from a data set. Their paths are those of the files, or relative to the data folder. Images
 * of larger files have the names that `audit` lists. The notes of the data set give the number of removed images per split.
 * @throws LrpError INVALID_ARGUMENT if none of them is an image of the data set
 */
export function withoutListed(
  dataset: Dataset,
  { paths: listed, files }: ExcludeList,
  dataPath: string | undefined
): Dataset {
  const folder = dataPath === undefined ? '.' : folderOf(dataPath)
  const wanted = new Set(listed.flatMap((path) => [path, resolve(path), resolve(folder, path)]))
  const kept = (name: SplitName): Split => {
    const split = dataset.splits[name]
    const own = imageNames(split, name)
    const some = Array.from(own.keys()).filter((i) => !(wanted.has(own[i]!) || wanted.has(resolve(own[i]!))))
    return some.length === own.length ? split : take(split, some)
  }
  const splits = { train: kept('train'), valid: kept('valid'), test: kept('test') }
  const lost = (['train', 'valid', 'test'] as const).map((name) => {
    return [name, dataset.splits[name].labels.length - splits[name].labels.length] as const
  })
  const all = lost.reduce((sum, [, count]) => sum + count, 0)
  if (all === 0 && listed.length > 0)
    throw new LrpError(
      'INVALID_ARGUMENT',
      `none of the ${listed.length} paths in ${files} belongs to an image of ${dataset.name}`
    )
  const counts = lost.map(([name, count]) => `${name} ${count}`).join(', ')
  const note = `${counted(all, 'image')} listed in ${files} ${all === 1 ? 'was' : 'were'} left out: ${counts}`
  return { ...dataset, splits, notes: [...(dataset.notes ?? []), note] }
}

/**
 * Reads lists of images: CSV files with a column `path`, such as `flagged.csv` of an audit.
 * @returns undefined without a list
 * @throws LrpError NOT_FOUND, INVALID_FILE
 */
export async function readExclude(lists?: string | readonly string[]): Promise<ExcludeList | undefined> {
  if (lists === undefined) return undefined
  const files = [lists].flat()
  return { paths: (await Promise.all(files.map(pathsInOne))).flat(), files: files.join(', ') }
}

async function pathsInOne(list: string): Promise<string[]> {
  let text: string
  try {
    text = await readFile(list, 'utf8')
  } catch (cause) {
    throw ioError(cause, `the list ${list} cannot be read`)
  }
  try {
    const rows = parse(text, { columns: true, skip_empty_lines: true, bom: true }) as { path?: string }[]
    const paths = rows.map(({ path }) => path)
    if (paths.every((path) => path !== undefined && path !== '')) return paths as string[]
  } catch (cause) {
    throw new LrpError('INVALID_FILE', `the list ${list} is not a CSV file`, { cause })
  }
  throw new LrpError('INVALID_FILE', `the list ${list} has no column 'path'`)
}
