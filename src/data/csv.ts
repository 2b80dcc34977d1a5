import { readFile } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'
import { parse } from 'csv-parse/sync'
import { isLrpError, LrpError } from '../core/errors.js'
import { ioError } from '../core/files.js'
import type { DataTask } from '../core/graph.js'
import { counted } from '../core/plural.js'
import type { SplitName } from './dataset.js'
import type { LabelledFile } from './decode.js'
import type { Listing } from './listing.js'
import { findSameFile } from './same-file.js'
import { severalLabels, type Labelling, type Row } from './multilabel.js'
import { toValue, valueNames } from './regression.js'

interface Table {
  rows: Row[]
  /** Headings of the columns, if the file has them. */
  headings?: string[]
}

const SPLITS = ['train', 'valid', 'test']
const HEADINGS = ['path', 'file', 'filename', 'image']

/**
 * Reads a CSV file of `path,label` or `path,label,split`: paths relative to the folder of the CSV file, labels as names
 * or as whole numbers from 0, splits `train`, `valid` or `test`. For regression, one or more values replace the label;
 * for multilabel, any number of labels, or 0 and 1 below headings (src/data/multilabel.ts). A first line of headings
 * (`path`, `file` or `image` first) is skipped, and names the values. An image must not be listed twice.
 * @throws LrpError NOT_FOUND, INVALID_FILE naming the line
 */
export async function listCsv(path: string, task?: DataTask): Promise<Listing> {
  const { classes, filesOf } = labelled(path, await readTable(path, task), task)
  const given = (split: SplitName): LabelledFile[] | undefined => {
    const files = filesOf(split)
    return files.length > 0 ? files : undefined
  }
  const own = task === 'binary' ? 'classification' : task
  return {
    name: path,
    task: own,
    classes,
    splits: { train: filesOf('train'), valid: given('valid'), test: given('test') }
  }
}

function labelled(
  path: string,
  { rows, headings }: Table,
  task?: DataTask
): { classes: string[]; filesOf: (split: SplitName) => LabelledFile[] } {
  checkOnce(path, rows, task)
  const { classes, labelOf } =
    task === 'multilabel' ? severalLabels(path, rows, headings) : oneLabel(path, rows, headings, task)
  const filesOf = (split: SplitName): LabelledFile[] =>
    rows
      .filter((row) => row.split === split)
      .map((row) => ({ path: resolve(dirname(path), row.path), ...labelOf(row) }))
  return { classes, filesOf }
}

/**
 * The last column is the split if it is not a number. After several labels, it is the split only if its heading says
 * so.
 */
function endsInSplit(rest: string[], headings: string[] | undefined, task?: DataTask): boolean {
  if (rest.length < 2) return false
  if (task !== 'multilabel') return Number.isNaN(Number(rest.at(-1)))
  return headings?.at(-1)?.toLowerCase() === 'split' || SPLITS.includes(rest.at(-1)!)
}

function oneLabel(path: string, rows: Row[], headings?: string[], task?: DataTask): Labelling {
  const regression = task === 'regression'
  const classes = regression ? namesOfValues(rows, headings) : classNames(rows, path)
  const numbers = new Map(classes.map((name, label) => [name, label]))
  const labelOf: Labelling['labelOf'] = ({ labels, where }) =>
    regression ? { label: 0, values: labels.map((text) => toValue(text, where)) } : { label: numbers.get(labels[0]!)! }
  return { classes, labelOf }
}

function namesOfValues(rows: Row[], headings?: string[]): string[] {
  const count = rows[0]!.labels.length
  const other = rows.find(({ labels }) => labels.length !== count)
  if (other)
    throw new LrpError(
      'INVALID_FILE',
      `${other.where}: ${other.path} has ${counted(other.labels.length, 'value')}, but the first image has ${count}`
    )
  const names = headings?.slice(1, 1 + count)
  return names?.length === count ? names : valueNames(count)
}

async function readTable(path: string, task?: DataTask): Promise<Table> {
  let records: { record: string[]; info: { lines: number } }[]
  try {
    const text = textOf(await readFile(path), path)
    const how = { bom: true, skip_empty_lines: true, trim: true, relax_column_count: true, info: true } as const
    records = parse(text, how) as unknown as typeof records
  } catch (cause) {
    if (!(cause as Error).message.startsWith('ENOENT') && (cause as { code?: string }).code?.startsWith('CSV')) {
      throw new LrpError('INVALID_FILE', `${path} is not a CSV file: ${(cause as Error).message}`, { cause })
    }
    throw isLrpError(cause) ? cause : ioError(cause, `cannot read ${path}`)
  }
  const hasHeadings = HEADINGS.includes(records[0]?.record[0]?.toLowerCase() ?? '')
  const headings = hasHeadings ? records.shift()!.record : undefined
  if (records.length === 0) throw new LrpError('INVALID_FILE', `${path} lists no images`)
  const rows = records.map(({ record: [file, ...rest], info: { lines } }): Row => {
    const where = `${path}, line ${lines}`
    const split = endsInSplit(rest, headings, task) ? rest.pop()! : 'train'
    if (!file || (!rest[0] && task !== 'multilabel')) {
      const hint = /[;\t]/.test(file ?? '') ? ': separate the columns by commas' : ''
      throw new LrpError('INVALID_FILE', `${where}: the path or the label is missing${hint}`)
    }
    if (!SPLITS.includes(split))
      throw new LrpError('INVALID_FILE', `${where}: the split must be train, valid or test, not '${split}'`)
    return { path: file, labels: rest, split: split as SplitName, line: lines, where }
  })
  return { rows, headings }
}

function textOf(bytes: Buffer, path: string): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
  } catch (cause) {
    throw new LrpError('INVALID_FILE', `${path} is not encoded in UTF-8: save it as UTF-8`, { cause })
  }
}

/** @throws LrpError INVALID_FILE if an image is listed twice */
function checkOnce(path: string, rows: Row[], task?: DataTask): void {
  const same = findSameFile(rows.map((row) => ({ path: resolve(dirname(path), row.path), row })))
  if (!same) return
  const [{ row: first }, { row: again }] = same
  const image = first.path === again.path ? again.path : `${again.path}, the same file as ${first.path},`
  throw new LrpError('INVALID_FILE', `${again.where}: ${image} ${howListed(first, again, task)}`)
}

function howListed(first: Row, again: Row, task?: DataTask): string {
  const [here, there] = [again, first].map(({ labels }) => labels.join(', ')) as [string, string]
  const differ = (what: string, one: string, other: string): string =>
    `has the ${what} ${one} here, but ${other} in line ${first.line}`
  if (here !== there && task === 'multilabel')
    return `${differ('labels', here || 'none', there || 'none')}: put all labels of an image in one row`
  if (here !== there) return differ(task === 'regression' ? 'value' : 'label', here, there)
  if (first.split !== again.split) return differ('split', again.split, first.split)
  return `is listed here and in line ${first.line}: list each image once`
}

/** Class names in alphabetical order; if all are whole numbers, the class numbers from 0 to the highest. */
function classNames(rows: Row[], path: string): string[] {
  const several = rows.find(({ labels }) => labels.length > 1)
  if (several)
    throw new LrpError(
      'INVALID_FILE',
      `${several.where}: ${several.path} has the labels ${several.labels.join(', ')}, but must have only one`
    )
  const names = [...new Set(rows.map((row) => row.labels[0]!))].sort()
  if (!names.every((name) => /^(0|[1-9]\d*)$/.test(name))) return names
  const highest = names.reduce((most, name) => Math.max(most, Number(name)), 0)
  const missing = Array.from({ length: Math.min(highest, names.length) }, (_, i) => String(i)).find(
    (name) => !names.includes(name)
  )
  if (missing !== undefined)
    throw new LrpError(
      'INVALID_FILE',
      `${path}: no image has the class ${missing}, although the classes are numbered up to ${highest}`
    )
  return names.sort((a, b) => Number(a) - Number(b))
}
