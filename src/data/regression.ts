import { LrpError } from '../core/errors.js'
import type { Dataset, Split } from './dataset.js'

/** Names of values without names. */
export function valueNames(count: number): string[] {
  return count === 1 ? ['value'] : Array.from({ length: count }, (_, i) => `value ${i + 1}`)
}

/** Parses a number of a file. @throws LrpError INVALID_FILE naming the place */
export function toValue(text: string, where: string): number {
  const value = Number(text)
  if (text !== '' && Number.isFinite(value)) return value
  throw new LrpError('INVALID_FILE', `${where}: a regression needs numbers as labels, not '${text}'`)
}

/**
 * The same images, with the names of their classes as values: digits, or folders named by age.
 * @throws LrpError INVALID_FILE
 */
export function asValues(dataset: Dataset): Dataset {
  const numbers = dataset.classes.map((name) => toValue(name, `data set ${dataset.name}, the class '${name}'`))
  const convert = (split: Split): Split => ({
    ...split,
    labels: new Int32Array(split.labels.length),
    values: Float32Array.from(split.labels, (label) => numbers[label]!)
  })
  const { train, valid, test } = dataset.splits
  const splits = { train: convert(train), valid: convert(valid), test: convert(test) }
  return { ...dataset, task: 'regression', classes: valueNames(1), splits }
}
