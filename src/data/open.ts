import { existsSync, statSync } from 'node:fs'
import { z } from 'zod'
import { arranged } from './arrange.js'
import { LrpError } from '../core/errors.js'
import { TASKS, type Preprocessing, type Task } from '../core/graph.js'
import { checkNames, checkOptions } from '../core/options.js'
import { unknownName } from '../core/suggest.js'
import { hasArrays, openArrays } from './arrays.js'
import { cifarIn, openCifar } from './cifar.js'
import { listCsv } from './csv.js'
import type { Dataset } from './dataset.js'
import { CACHES, type Cache } from './decode.js'
import { listFolder } from './folder.js'
import { idxPrefixes, openDigits, openIdxSet } from './idx-sets.js'
import { readListing, splitsOf, type Listing } from './listing.js'
import type { DownloadProgress } from './mnist.js'
import { noDataSet } from './no-data-set.js'
import { asValues } from './regression.js'

/** What each data set is, and where its files come from. */
export const DATASETS = {
  digits: 'handwritten digits of 8x8 pixels, shipped with the package (the default)',
  mnist: 'handwritten digits of 28x28 pixels; downloaded where no --data-path is given',
  'fashion-mnist': 'articles of clothing, idx files in --data-path',
  kmnist: 'cursive Japanese characters, idx files in --data-path',
  emnist: 'handwritten letters and digits, idx files in --data-path',
  cifar10: 'small colour photographs of 10 classes, the binary version in --data-path',
  cifar100: 'small colour photographs of 100 classes, the binary version in --data-path',
  folder: 'any images in class folders below --data-path, with or without train, valid and test folders',
  csv: 'any images, listed in the CSV file --data-path as path,label or path,label,split',
  npy: 'arrays of images and labels: an .npz file or a folder of .npy files in --data-path'
} as const

export type DatasetName = keyof typeof DATASETS

export interface DataOptions {
  /** A name in `DATASETS`; `digits` by default. With only `dataPath` it is found out. */
  data?: string
  /** What labels are: classes, or values to be predicted (`regression`). */
  task?: Task
  /** Where the files are. */
  dataPath?: string
  /** Share of the training images that validates, where the data set has no validation split of its own (0.1). */
  validSplit?: number
  /** Seed of what is carved out (0). */
  seed?: number
  /** Seed of what is carved out where `seed` is that of something else, such as noise. */
  splitSeed?: number
  /** [height, width] and channels of every image: of files by default those of the first. */
  imageSize?: [number, number]
  channels?: 1 | 3
  /** How images become bytes, instead of imageSize and channels; taken from a model that is to see them. */
  preprocessing?: Preprocessing
  /** Images are kept larger than the preprocessing's crop, so that training can cut windows at random places (`storedShape`). */
  randomCrop?: boolean
  /** Data without a test split of its own: the share that tests (0.1); 1 takes all. */
  testSplit?: number
  /** Image files: a broken one is an error instead of being left out. */
  strict?: boolean
  /** Image files: kept in memory, or read whenever they are needed (`none`); `auto` decides by their size. */
  cache?: Cache
  /** What is downloaded, as it goes. */
  onDownload?: DownloadProgress
  /** Ends the reading of images. */
  signal?: AbortSignal
}

export const DATA_NAMES: Record<keyof DataOptions, true> = {
  data: true,
  task: true,
  dataPath: true,
  validSplit: true,
  seed: true,
  splitSeed: true,
  imageSize: true,
  channels: true,
  preprocessing: true,
  randomCrop: true,
  testSplit: true,
  strict: true,
  cache: true,
  onDownload: true,
  signal: true
}

const schema = z.object({
  data: z.string().optional(),
  task: z.enum(TASKS).optional(),
  dataPath: z.string().optional(),
  validSplit: z.number().min(0).lt(1).optional(),
  testSplit: z.number().min(0).max(1).optional(),
  seed: z.int().optional(),
  splitSeed: z.int().optional(),
  imageSize: z.tuple([z.int().positive(), z.int().positive()]).optional(),
  channels: z.union([z.literal(1), z.literal(3)]).optional(),
  randomCrop: z.boolean().optional(),
  cache: z.enum(CACHES).optional()
})

/**
 * Opens a data set: its images in memory as bytes, or read from their files when they are needed (`cache`). For regression,
 * CSV files and arrays hold values; elsewhere the names of the classes must be numbers.
 * @throws LrpError INVALID_ARGUMENT (unknown name), NOT_FOUND, INVALID_FILE (truncated files, labels out of range)
 */
export async function openDataset(options: DataOptions = {}): Promise<Dataset> {
  checkNames(options, DATA_NAMES)
  return openWith(options)
}

/** `openDataset` within the package, where options are passed on as a whole. */
export async function openWith(options: DataOptions): Promise<Dataset> {
  checkOptions(schema, options)
  const dataset = options.randomCrop ? await openLarger(options) : await openArranged(options)
  return options.task === 'regression' && dataset.task !== 'regression' ? asValues(dataset) : dataset
}

async function openArranged(options: DataOptions): Promise<Dataset> {
  const opened = await open(options)
  return readsFiles(datasetName(options)) ? opened : arranged(opened, options)
}

/** Images as they are before the preprocessing's crop; of those resized by their shorter side the square in the middle. */
async function openLarger(options: DataOptions): Promise<Dataset> {
  const { preprocessing } = options
  const crop = preprocessing?.crop
  if (!crop) {
    const how = 'give --preprocess with a crop (imagenet, or a file: docs/data.md)'
    throw new LrpError('INVALID_ARGUMENT', `random crops need to know the size of the window: ${how}`)
  }
  const { resize } = preprocessing
  const square = typeof resize === 'number' ? ([resize, resize] as [number, number]) : undefined
  const dataset = await openArranged({ ...options, preprocessing: { ...preprocessing, crop: square } })
  const [channels, height, width] = dataset.imageShape
  if (height < crop[0] || width < crop[1] || (height === crop[0] && width === crop[1])) {
    const found = `${crop.join('x')}, the images of ${dataset.name} are ${height}x${width}`
    throw new LrpError('INVALID_ARGUMENT', `random crops need images larger than the window: it is ${found}`)
  }
  return { ...dataset, imageShape: [channels, ...crop], storedShape: dataset.imageShape }
}

async function open(options: DataOptions): Promise<Dataset> {
  const name = datasetName(options)
  if (options.cache === 'none' && !readsFiles(name) && Object.hasOwn(DATASETS, name)) {
    throw new LrpError(
      'INVALID_ARGUMENT',
      `the data set ${name} is read as a whole: cache 'none' goes with image files`
    )
  }
  const { dataPath } = options
  checkPlace(name, dataPath)
  const carving = { ...options, seed: options.splitSeed ?? options.seed }
  if (name === 'digits') return openDigits(options.dataPath)
  if (name === 'mnist' || name === 'fashion-mnist' || name === 'kmnist' || name === 'emnist') {
    return openIdxSet(name, carving)
  }
  if (!Object.hasOwn(DATASETS, name)) throw unknownName('data set', name, Object.keys(DATASETS))
  if (!dataPath) throw new LrpError('INVALID_ARGUMENT', `the data set ${name} needs its place: give --data-path`)
  if (name === 'cifar10' || name === 'cifar100') return openCifar(name, dataPath, carving)
  if (name === 'npy') return openArrays(dataPath, carving)
  return readListing(await listingOf(name, dataPath, options.task), carving)
}

function listingOf(name: string, dataPath: string, task?: Task): Listing | Promise<Listing> {
  return name === 'csv' ? listCsv(dataPath, task) : listFolder(dataPath)
}

/**
 * The splits of image files, nothing of which is read yet: `paths` and labels as `openDataset` has them. Undefined for
 * data sets of other kinds.
 * @throws LrpError as `openDataset`
 */
export async function listDataset(
  options: DataOptions
): Promise<Pick<Dataset, 'name' | 'task' | 'classes' | 'splits'> | undefined> {
  checkOptions(schema, options)
  const name = datasetName(options)
  const { dataPath } = options
  if (!readsFiles(name) || !dataPath || (options.task === 'regression' && name !== 'csv')) return undefined
  checkPlace(name, dataPath)
  const listing = await listingOf(name, dataPath, options.task)
  const splits = splitsOf(listing, { ...options, seed: options.splitSeed ?? options.seed })
  return { name: listing.name, task: listing.task, classes: listing.classes, splits }
}

function checkPlace(name: string, dataPath?: string): void {
  if (!takesFile(name) && dataPath && existsSync(dataPath) && !statSync(dataPath).isDirectory())
    throw noDataSet(dataPath)
}

/** Whether a data set can be one file; the others are folders. */
function takesFile(name: string): boolean {
  return name === 'csv' || name === 'npy'
}

/** Whether a data set's images are files of their own, of any size. */
function readsFiles(name: string): boolean {
  return name === 'folder' || name === 'csv'
}

/** The data set that is meant: by its name, else by what lies at `dataPath`, else the shipped one. */
export function datasetName({ data, dataPath }: DataOptions): string {
  if (data !== undefined) return data
  if (dataPath === undefined) return 'digits'
  if (/\.csv$/i.test(dataPath)) return 'csv'
  if (hasArrays(dataPath)) return 'npy'
  const prefixes = idxPrefixes(dataPath)
  if (prefixes) return prefixes[0].startsWith('emnist') ? 'emnist' : 'mnist'
  return cifarIn(dataPath) ?? 'folder'
}

/** Data sets by name: `await datasets.open('digits')`. */
export const datasets = {
  open: (name: string, options: Omit<DataOptions, 'data'> = {}): Promise<Dataset> =>
    openDataset({ ...options, data: name }),
  names: (): string[] => Object.keys(DATASETS)
}
