import { LrpError } from '../errors.js'
import type { Model } from '../model/model.js'
import { storedShape, type Dataset, type Split, type SplitName } from './dataset.js'
import { openWith, type DataOptions } from './open.js'

/** The data set of a model's own images, read as the model wants them. */
export function openFor(model: Model, options: object): Promise<Dataset> {
  const { preprocessing, task } = model
  return openWith({ testSplit: 1, ...(options as DataOptions), task, preprocessing })
}

/**
 * A data set as a model is to see it: class numbers are those of the model's outputs, and of a split there are at most `limit`
 * images, spread evenly where they are sorted by class.
 * @throws LrpError INVALID_ARGUMENT when images, classes or values and model do not fit together
 */
export async function fitTo(model: Model, dataset: Dataset, split: SplitName, limit = Infinity): Promise<Dataset> {
  checkImages(model, dataset, split)
  const named = model.task === 'classification' ? await withClassesOf(model, dataset) : dataset
  return limit < named.splits[split].labels.length ? limited(named, split, limit) : named
}

function checkImages(model: Model, dataset: Dataset, split: SplitName): void {
  const wanted = model.imageShape.join('x')
  if (wanted !== dataset.imageShape.join('x')) {
    throw new LrpError(
      'INVALID_ARGUMENT',
      `the model takes images of ${wanted}, ${dataset.name} has ${dataset.imageShape.join('x')}`
    )
  }
  if (!model.preprocessing) throw new LrpError('INVALID_ARGUMENT', 'the model has no preprocessing: give --preprocess')
  const task = dataset.task ?? 'classification'
  if (task !== model.task) {
    throw new LrpError('INVALID_ARGUMENT', `the model is for ${model.task}, the data set ${dataset.name} for ${task}`)
  }
  if (task === 'regression' && model.classes && model.classes.length !== dataset.classes.length) {
    const [has, wanted] = [model.classes.length, dataset.classes.length]
    throw new LrpError('INVALID_ARGUMENT', `the model predicts ${has} values, ${dataset.name} has ${wanted}`)
  }
  if (dataset.splits[split].labels.length === 0) {
    throw new LrpError('INVALID_ARGUMENT', `the ${split} split of ${dataset.name} is empty`)
  }
}

/** Classes are the same by name; by number where one side has no names for them. */
async function withClassesOf(model: Model, dataset: Dataset): Promise<Dataset> {
  const { classes, name } = dataset
  const outputs = model.classes?.length ?? (await model.shapes())[model.graph.output]!.at(-1)!
  const known = model.classes ?? classes
  if (classes.length <= outputs && (areNumbers(known) || areNumbers(classes) || same(known, classes)))
    return { ...dataset, classes: Array.from({ length: outputs }, (_, i) => known[i] ?? classes[i] ?? String(i)) }
  const places = classes.map((one) => known.indexOf(one))
  const unknown = places.indexOf(-1)
  if (unknown >= 0 || !model.classes) {
    const has = model.classes ? `knows ${listed(known)}` : `has ${outputs} classes`
    const one = unknown >= 0 ? `the class '${classes[unknown]}'` : `${classes.length} classes`
    throw new LrpError('INVALID_ARGUMENT', `${name} has ${one}, the model ${has}: finetune gives it a new head`)
  }
  const renumbered = (split: Split): Split => ({ ...split, labels: split.labels.map((label) => places[label]!) })
  const { train, valid, test } = dataset.splits
  const splits = { train: renumbered(train), valid: renumbered(valid), test: renumbered(test) }
  return { ...dataset, classes: known, splits }
}

/** Names that only count: 0, 1, 2, ... */
function areNumbers(names: string[]): boolean {
  return names.every((name, i) => name === String(i))
}

function same(a: string[], b: string[]): boolean {
  return a.length === b.length && a.every((name, i) => name === b[i])
}

function listed(names: string[]): string {
  return names.length > 8 ? `${names.slice(0, 8).join(', ')}, ...` : names.join(', ')
}

function limited(dataset: Dataset, name: SplitName, limit: number): Dataset {
  const split = dataset.splits[name]
  const all = split.labels.length
  const isSorted = split.labels.every((label, i) => i === 0 || split.labels[i - 1]! <= label)
  const chosen = Array.from({ length: limit }, (_, i) => (isSorted ? Math.floor((i * all) / limit) : i))
  const pick = <T>(values: ArrayLike<T>, width: number): T[] =>
    chosen.flatMap((i) => Array.from({ length: width }, (_, k) => values[i * width + k]!))
  const outputs = dataset.classes.length
  const few: Split = {
    images: imagesAt(dataset, split, chosen),
    labels: Int32Array.from(pick(split.labels, 1)),
    ...(split.values && { values: Float32Array.from(pick(split.values, outputs)) }),
    ...(split.paths && { paths: pick(split.paths, 1) })
  }
  return { ...dataset, splits: { ...dataset.splits, [name]: few } }
}

/** The images of a split that are kept in memory; none where they are read from files. */
function imagesAt(dataset: Dataset, { images }: Split, chosen: number[]): Uint8Array {
  if (dataset.read) return images
  const size = storedShape(dataset).reduce((a, b) => a * b)
  const result = new Uint8Array(chosen.length * size)
  chosen.forEach((from, i) => result.set(images.subarray(from * size, (from + 1) * size), i * size))
  return result
}
