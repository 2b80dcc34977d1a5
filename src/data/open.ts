import { existsSync, statSync } from 'node:fs'
import type { z } from 'zod'
import { arranged } from './arrange.js'
import { LrpError } from '../core/errors.js'
import type { DataTask } from '../core/graph.js'
import { checkOptions, optionError } from '../core/options.js'
import { counted } from '../core/plural.js'
import { unknownName } from '../core/suggest.js'
import { hasArrays, openArrays } from './arrays.js'
import { cifarIn, openCifar } from './cifar.js'
import { listCsv } from './csv.js'
import type { Dataset, SplitName } from './dataset.js'
import { listFolder } from './folder.js'
import { asLabels } from './multilabel.js'
import { idxPrefixes, openDigits, openIdxSet } from './idx-sets.js'
import { readListing, splitsOf, type Listing } from './listing.js'
import { noDataSet } from './no-data-set.js'
import { dataOptions, type DataOptions } from './options.js'
import type { AskedShares } from './split.js'
import { asValues } from './regression.js'

type Given = z.output<typeof dataOptions>

/** The splits whose image files are read (all), and the requested shares. */
interface How {
  wanted?: readonly SplitName[]
  asked: AskedShares
}

/** The data sets by name, each with its content and the origin of its files. */
export const DATASETS = {
  digits: 'handwritten digits of 8x8 pixels, included in the package (the default)',
  mnist: 'handwritten digits of 28x28 pixels; downloaded if no --data-path is given',
  'fashion-mnist': 'images of clothing, idx files in --data-path',
  kmnist: 'cursive Japanese characters, idx files in --data-path',
  emnist: 'handwritten letters and digits, idx files in --data-path',
  cifar10: 'small colour photographs of 10 classes, the binary version in --data-path',
  cifar100: 'small colour photographs of 100 classes, the binary version in --data-path',
  folder: 'images in class folders in --data-path; train, valid and test folders are optional',
  csv: 'images listed in the CSV file --data-path as path,label or path,label,split',
  npy: 'arrays of images and labels: an .npz file or a folder of .npy files in --data-path'
} as const

/** Name of a kind of data set: `digits`, `mnist`, `folder`, `csv`, ... */
export type DatasetName = keyof typeof DATASETS

/**
 * Opens a data set. The option `cache` determines whether the images are kept in memory as bytes or read from their
 * files when needed. For regression, CSV files and arrays contain values; in other data sets, the class names must be
 * numbers.
 * @throws LrpError INVALID_ARGUMENT (unknown name), NOT_FOUND, INVALID_FILE (truncated files, labels out of range)
 */
export async function openDataset(given: DataOptions = {}): Promise<Dataset> {
  return openSplits(given)
}

/**
 * Opens a data set and reads only the wanted splits of image files: the others are empty.
 * @param asked the requested shares; `given` also contains defaults
 * @throws LrpError as `openDataset`
 */
export async function openSplits(
  given: DataOptions,
  wanted?: readonly SplitName[],
  asked: AskedShares = given
): Promise<Dataset> {
  const options = checkOptions(dataOptions, given)
  const how = { wanted, asked }
  const dataset = options.randomCrop ? await openLarger(options, how) : await openArranged(options, how)
  const { task } = options
  if (task === 'binary') checkTwoClasses(dataset)
  if (task === 'multilabel' && dataset.task !== 'multilabel') return asLabels(dataset)
  return task === 'regression' && dataset.task !== 'regression' ? asValues(dataset) : dataset
}

/** @throws LrpError INVALID_ARGUMENT */
export function checkTwoClasses({ name, classes, task = 'classification' }: Dataset): void {
  if (task === 'classification' && classes.length === 2) return
  const has = task === 'classification' ? counted(classes.length, 'class', 'classes') : `labels for ${task}`
  throw new LrpError('INVALID_ARGUMENT', `the task binary needs a data set of two classes, but ${name} has ${has}`)
}

async function openArranged(options: Given, how: How): Promise<Dataset> {
  const opened = await open(options, how)
  return readsFiles(datasetName(options)) ? opened : arranged(opened, options)
}

/**
 * Opens images as they are before the preprocessing's crop; if they are resized by their shorter side, their centre
 * square.
 */
async function openLarger(options: Given, how: How): Promise<Dataset> {
  const { preprocessing } = options
  const crop = preprocessing?.crop
  if (!crop) {
    const how = 'pass --preprocess with a crop (imagenet, or a file: docs/data.md)'
    throw new LrpError('INVALID_ARGUMENT', `the augmentation random-crop needs the size of the crop: ${how}`)
  }
  const { resize } = preprocessing
  const square = typeof resize === 'number' ? ([resize, resize] as [number, number]) : undefined
  const dataset = await openArranged(
    { ...options, preprocessing: { ...preprocessing, crop: square } },
    { asked: how.asked }
  )
  const [channels, height, width] = dataset.imageShape
  if (height < crop[0] || width < crop[1] || (height === crop[0] && width === crop[1])) {
    const found = `${crop.join('x')}, but the images of ${dataset.name} are ${height}x${width}`
    throw new LrpError(
      'INVALID_ARGUMENT',
      `the augmentation random-crop needs images larger than the crop: the crop is ${found}`
    )
  }
  return { ...dataset, imageShape: [channels, ...crop], storedShape: dataset.imageShape }
}

async function open(options: Given, { wanted, asked }: How): Promise<Dataset> {
  const name = datasetName(options)
  if (options.cache === 'none' && !readsFiles(name) && Object.hasOwn(DATASETS, name)) {
    throw new LrpError(
      'INVALID_ARGUMENT',
      `option 'cache' can be none only for image files: the data set ${name} is always kept in memory`
    )
  }
  if (options.decode === 'fast' && !readsFiles(name) && Object.hasOwn(DATASETS, name))
    throw optionError('decode', ` works only with image files, but the data set ${name} has none`)
  const { dataPath } = options
  checkPlace(name, dataPath)
  const carving = { ...options, seed: options.splitSeed ?? options.seed, asked }
  if (name === 'digits') return openDigits(carving)
  if (name === 'mnist' || name === 'fashion-mnist' || name === 'kmnist' || name === 'emnist') {
    return openIdxSet(name, carving)
  }
  if (!Object.hasOwn(DATASETS, name)) throw unknownName('data set', name, Object.keys(DATASETS), { option: 'data' })
  if (!dataPath) throw new LrpError('INVALID_ARGUMENT', `the data set ${name} needs a path: pass --data-path`)
  if (name === 'cifar10' || name === 'cifar100') return openCifar(name, dataPath, carving)
  if (name === 'npy') return openArrays(dataPath, carving)
  return readListing(await listingOf(name, dataPath, options.task), carving, wanted)
}

function listingOf(name: string, dataPath: string, task?: DataTask): Listing | Promise<Listing> {
  return name === 'csv' ? listCsv(dataPath, task) : listFolder(dataPath)
}

/**
 * The splits of image files that are not read yet: `paths` and labels as in `openDataset`. Undefined for data sets of
 * other kinds.
 * @throws LrpError as `openDataset`
 */
export async function listDataset(
  given: DataOptions,
  asked: AskedShares = given
): Promise<Pick<Dataset, 'name' | 'task' | 'classes' | 'splits'> | undefined> {
  const options = checkOptions(dataOptions, given)
  const name = datasetName(options)
  const { dataPath } = options
  if (
    !readsFiles(name) ||
    !dataPath ||
    (options.task !== undefined && !['classification', 'binary'].includes(options.task) && name !== 'csv')
  )
    return undefined
  checkPlace(name, dataPath)
  const listing = await listingOf(name, dataPath, options.task)
  const splits = splitsOf(listing, { ...options, seed: options.splitSeed ?? options.seed, asked })
  return { name: listing.name, task: listing.task, classes: listing.classes, splits }
}

function checkPlace(name: string, dataPath?: string): void {
  if (!takesFile(name) && dataPath && existsSync(dataPath) && !statSync(dataPath).isDirectory())
    throw noDataSet(dataPath)
}

/** Whether a data set can be a single file; the others are folders. */
function takesFile(name: string): boolean {
  return name === 'csv' || name === 'npy'
}

/** Whether each image of a data set is a file, of any size. */
function readsFiles(name: string): boolean {
  return name === 'folder' || name === 'csv'
}

/** Name of the data set: as given, otherwise recognised by the content of `dataPath`, otherwise `digits`. */
export function datasetName({ data, dataPath }: Pick<Given, 'data' | 'dataPath'>): string {
  if (data !== undefined) return data
  if (dataPath === undefined) return 'digits'
  if (/\.csv$/i.test(dataPath)) return 'csv'
  if (hasArrays(dataPath)) return 'npy'
  const prefixes = idxPrefixes(dataPath)
  if (prefixes) return prefixes[0].startsWith('emnist') ? 'emnist' : 'mnist'
  return cifarIn(dataPath) ?? 'folder'
}
