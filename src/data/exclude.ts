import { readFile } from 'node:fs/promises'
import { resolve } from 'node:path'
import { parse } from 'csv-parse/sync'
import { LrpError } from '../core/errors.js'
import { ioError } from '../core/files.js'
import type { Dataset, Split } from './dataset.js'
import { take } from './split.js'

/**
 * A data set without the images of a list: a CSV file with a column `path`, such as `flagged.csv` of an audit. Paths are those
 * of the files, or begin at the data folder.
 * @throws LrpError NOT_FOUND, INVALID_FILE; INVALID_ARGUMENT where none of them is an image of the data set
 */
export async function withoutListed(dataset: Dataset, list: string, folder: string | undefined): Promise<Dataset> {
  const listed = await pathsIn(list)
  const wanted = new Set(listed.flatMap((path) => [resolve(path), resolve(folder ?? '.', path)]))
  let left = 0
  const kept = (split: Split): Split => {
    const places = Array.from(split.labels.keys())
    const own = split.paths ?? []
    const some = places.filter((i) => own[i] === undefined || !(wanted.has(resolve(own[i])) || listed.includes(own[i])))
    left += places.length - some.length
    return some.length === places.length ? split : take(split, some)
  }
  const { train, valid, test } = dataset.splits
  const splits = { train: kept(train), valid: kept(valid), test: kept(test) }
  if (left === 0 && listed.length > 0)
    throw new LrpError(
      'INVALID_ARGUMENT',
      `none of the ${listed.length} paths in ${list} is an image of ${dataset.name}`
    )
  return { ...dataset, splits }
}

async function pathsIn(list: string): Promise<string[]> {
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
