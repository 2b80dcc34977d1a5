import { readFile } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'
import { parse } from 'csv-parse/sync'
import { LrpError } from '../errors.js'
import { ioError } from '../files.js'
import { checkDataset, type Dataset, type SplitName } from './dataset.js'
import { Decoder, type DecodeOptions, type LabelledFile } from './decode.js'
import { complete, type SplitOptions } from './split.js'

export interface CsvOptions extends DecodeOptions, SplitOptions {}

interface Row {
  path: string
  label: string
  split: SplitName
}

const SPLITS = ['train', 'valid', 'test']
const HEADINGS = ['path', 'file', 'filename', 'image']

/**
 * A CSV file of `path,label` or `path,label,split`: paths from the folder of the CSV file, labels as names or as whole
 * numbers from 0, splits `train`, `valid` or `test`. A first line of headings (`path`, `file` or `image` first) is left
 * out. Splits that are missing are carved out of the training images (10 % each, stratified, seeded).
 * @throws LrpError NOT_FOUND, INVALID_FILE naming the line
 */
export async function openCsv(path: string, options: CsvOptions = {}): Promise<Dataset> {
  const rows = await readRows(path)
  const classes = classNames(rows, path)
  const filesOf = (split: SplitName): LabelledFile[] =>
    rows
      .filter((row) => row.split === split)
      .map((row) => ({ path: resolve(dirname(path), row.path), label: classes.indexOf(row.label) }))
  const decoder = await Decoder.create((['train', 'valid', 'test'] as const).flatMap(filesOf), options)
  const read = async (split: SplitName): Promise<Dataset['splits'][SplitName] | undefined> => {
    const files = filesOf(split)
    return files.length > 0 ? decoder.read(files) : undefined
  }
  const train = (await read('train')) ?? (await decoder.read([]))
  const splits = complete({ train, valid: await read('valid'), test: await read('test') }, options)
  const { imageShape, skipped } = decoder
  return checkDataset({ name: path, classes, imageShape, splits, skipped, ...decoder.reader() })
}

async function readRows(path: string): Promise<Row[]> {
  let cells: string[][]
  try {
    const text = await readFile(path, 'utf8')
    cells = parse(text, { bom: true, skip_empty_lines: true, trim: true, relax_column_count: true })
  } catch (cause) {
    if (!(cause as Error).message.startsWith('ENOENT') && (cause as { code?: string }).code?.startsWith('CSV')) {
      throw new LrpError('INVALID_FILE', `${path} is no CSV file: ${(cause as Error).message}`, { cause })
    }
    throw ioError(cause, `cannot read ${path}`)
  }
  if (HEADINGS.includes(cells[0]?.[0]?.toLowerCase() ?? '')) cells = cells.slice(1)
  if (cells.length === 0) throw new LrpError('INVALID_FILE', `${path} names no images`)
  return cells.map(([file, label, split = 'train'], i) => {
    if (!file || !label) throw new LrpError('INVALID_FILE', `${path}: image ${i + 1} has no path or no label`)
    if (!SPLITS.includes(split))
      throw new LrpError(
        'INVALID_FILE',
        `${path}: image ${i + 1} has the split '${split}', there are train, valid and test`
      )
    return { path: file, label, split: split as SplitName }
  })
}

/** Names in alphabetical order; whole numbers are class numbers from 0 to the highest. */
function classNames(rows: Row[], path: string): string[] {
  const names = [...new Set(rows.map((row) => row.label))].sort()
  if (!names.every((name) => /^(0|[1-9]\d*)$/.test(name))) return names
  const highest = names.reduce((most, name) => Math.max(most, Number(name)), 0)
  const missing = Array.from({ length: Math.min(highest, names.length) }, (_, i) => String(i)).find(
    (name) => !names.includes(name)
  )
  if (missing !== undefined)
    throw new LrpError('INVALID_FILE', `${path}: the class ${missing} has no image, though there is a class ${highest}`)
  return names.sort((a, b) => Number(a) - Number(b))
}
