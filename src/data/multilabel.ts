import { LrpError } from '../core/errors.js'
import type { Dataset, Split, SplitName } from './dataset.js'
import type { LabelledFile } from './decode.js'

/** A row of a CSV file. */
export interface Row {
  path: string
  /** The cells between path and split: labels or values. */
  labels: string[]
  split: SplitName
  /** In the file. */
  line: number
  /** The file and the line, for errors. */
  where: string
}

/** Names of the classes or values, and the label or values of each row. */
export interface Labelling {
  classes: string[]
  labelOf: (row: Row) => Omit<LabelledFile, 'path'>
}

/** Separators of the labels in one column. */
const BETWEEN = /\s*[;|,]\s*/

/**
 * Reads several labels per image in one of two forms: names in one column, separated by `;` or `|`, or in one column
 * each (`a.png,cat;dog` or `a.png,cat,dog`; none is allowed); or a column of 0 and 1 for each label, named by the
 * headings.
 * @throws LrpError INVALID_FILE naming the line
 */
export function severalLabels(path: string, rows: Row[], headings?: string[]): Labelling {
  const names = headings?.slice(1).filter((name) => name.toLowerCase() !== 'split')
  const isTable = names && names.length > 1 && rows.every(({ labels }) => labels.every((text) => /^[01]?$/.test(text)))
  if (isTable) return ofTable(names)
  const ofRow = ({ labels }: Row): string[] =>
    labels.flatMap((text) => text.split(BETWEEN)).filter((name) => name !== '')
  const classes = [...new Set(rows.flatMap(ofRow))].sort()
  if (classes.length === 0) throw new LrpError('INVALID_FILE', `${path} contains no labels`)
  const numbers = new Map(classes.map((name, label) => [name, label]))
  return {
    classes,
    labelOf: (row) => {
      const values = classes.map(() => 0)
      for (const name of ofRow(row)) values[numbers.get(name)!] = 1
      return { label: 0, values }
    }
  }
}

function ofTable(classes: string[]): Labelling {
  return {
    classes,
    labelOf: ({ labels, where, path }) => {
      if (labels.length !== classes.length)
        throw new LrpError(
          'INVALID_FILE',
          `${where}: ${path} has ${labels.length} numbers, but the header has ${classes.length} labels`
        )
      return { label: 0, values: labels.map(Number) }
    }
  }
}

/** The same images, with their class as the only label. */
export function asLabels(dataset: Dataset): Dataset {
  const count = dataset.classes.length
  const convert = (split: Split): Split => {
    const values = new Float32Array(split.labels.length * count)
    split.labels.forEach((label, i) => (values[i * count + label] = 1))
    return { ...split, labels: new Int32Array(split.labels.length), values }
  }
  const { train, valid, test } = dataset.splits
  return {
    ...dataset,
    task: 'multilabel',
    splits: { train: convert(train), valid: convert(valid), test: convert(test) }
  }
}
