import * as z from 'zod'
import { DATA_TASKS, type Preprocessing } from '../core/graph.js'
import { callback, option, programOnly, signalOption } from '../core/option.js'
import type { Dataset, Split } from './dataset.js'
import type { DownloadProgress } from './mnist.js'

export const CACHES = ['auto', 'memory', 'none'] as const
/**
 * Whether decoded images are kept in memory (`memory`) or read again each time (`none`); `auto` decides by their size.
 */
export type Cache = (typeof CACHES)[number]

export const DECODES = ['exact', 'fast'] as const
/** How JPEG files are decoded: `exact`, or `fast` at 1/2, 1/4 or 1/8 of their size if that is large enough. */
export type Decode = (typeof DECODES)[number]

const side = z.int().positive()

export const TASK_HELP =
  'type of the labels: classification (one class for each image), binary (two classes, predicted by a single logit), multilabel (any number of classes for each image) or regression (values to predict)'

/** Options of `openDataset`; every function that takes a data set by name has them too. */
export const dataOptions = z.strictObject({
  data: option(z.string(), {
    help: "name of the data set; 'lrp-native data' lists all names",
    group: 'images',
    unit: 'name',
    default: 'the data set recognised from the files in --data-path, or, if --data-path is not given, digits'
  }),
  dataPath: option(z.string(), {
    help: 'path of the data: a folder that contains class folders, idx files or CIFAR files; a CSV file; or a file or folder of arrays',
    group: 'images',
    unit: 'path',
    files: 'images'
  }),
  task: option(z.enum(DATA_TASKS), {
    help: TASK_HELP,
    group: 'images',
    flag: false
  }),
  imageSize: option(z.union([side.transform((pixels): [number, number] => [pixels, pixels]), z.tuple([side, side])]), {
    help: 'size to which all images are resized: one number for a square, or height and width',
    group: 'images',
    unit: 'pixels',
    default: 'for image files, the size of the first image'
  }),
  channels: option(z.union([z.literal(1), z.literal(3)]), {
    help: 'number of channels: 1 converts all images to grey; 3 repeats the single channel of grey images',
    group: 'images',
    unit: 'number'
  }),
  validSplit: option(z.number().min(0).lt(1), {
    help: 'share of the training images to use for validation, unless the data set has its own validation split',
    group: 'images',
    unit: 'share',
    default: '0.1'
  }),
  testSplit: option(z.number().min(0).max(1), {
    help: 'share of the images to use for testing, unless the data set has its own test split; 1 uses all images for testing',
    group: 'images',
    unit: 'share',
    default: '0.1'
  }),
  seed: option(z.int(), { help: 'seed for choosing the validation and test images', group: 'machine', default: '0' }),
  splitSeed: option(z.int(), {
    help: 'seed for choosing the validation and test images',
    group: 'images',
    default: "the value of option 'seed'",
    flag: false
  }),
  strict: option(z.boolean(), {
    help: 'stop at the first unreadable image; by default, unreadable images are skipped and listed',
    group: 'images'
  }),
  cache: option(z.enum(CACHES), {
    help: 'cache for decoded images: memory, none (read the files again each time), or auto (memory if the decoded images are small enough)',
    group: 'images',
    default: 'auto',
    resume: false
  }),
  decode: option(z.enum(DECODES), {
    help: 'decoding of JPEG files: exact or fast; with fast, images at least three times as large as needed are decoded at a reduced size, which changes the pixels slightly',
    group: 'images',
    default: 'exact'
  }),
  preprocessing: programOnly<Preprocessing>(
    isPreprocessing,
    'a preprocessing',
    "preprocessing that turns images into bytes, usually a model's; it replaces imageSize and channels"
  ),
  randomCrop: option(z.boolean(), {
    help: 'keep the images larger than the crop of the preprocessing, to allow random crops during training',
    group: 'images',
    flag: false
  }),
  onDownload: callback<DownloadProgress>(
    'called during a download with the file name, the number of bytes downloaded and the total number of bytes'
  ),
  signal: signalOption
})

/** Options of `openDataset`: which data set, its image size, and its splits (docs/options.md). */
export type DataOptions = z.input<typeof dataOptions>

const { data } = dataOptions.shape

/** Images that training and scoring leave out. */
export const excludeOption = option(z.union([z.string().min(1), z.array(z.string().min(1)).min(1)]), {
  help: "CSV files, such as the flagged.csv of an audit, whose column 'path' lists images to leave out",
  group: 'images',
  unit: 'lists',
  commas: true,
  files: 'settings'
})

/** The same option for functions that also take a data set that a program has opened. */
export const datasetOption = option(
  z.union([
    data,
    z.custom<Dataset>(
      isDataset,
      'must be a name or a data set: { name, classes, imageShape, splits: { train, valid, test } }'
    )
  ]),
  data.meta() as never
)

/** The same option for functions that take a model. */
export const modelDataOption = datasetOption.meta({
  ...datasetOption.meta(),
  default:
    "the data set of the model's experiment; if there is none, the data set recognised from the files in --data-path; if --data-path is not given either, digits"
})

function isPreprocessing(value: unknown): boolean {
  const { channels, mean, std } = (value ?? {}) as Partial<Preprocessing>
  return mean?.length === channels && std?.length === channels && (channels === 1 || channels === 3)
}

function isDataset(value: unknown): boolean {
  const { name, classes, imageShape, splits } = (value ?? {}) as Partial<Dataset>
  const isSplit = (split?: Partial<Split>): boolean =>
    ArrayBuffer.isView(split?.images) && ArrayBuffer.isView(split.labels)
  const parts = [splits?.train, splits?.valid, splits?.test]
  return typeof name === 'string' && Array.isArray(classes) && Array.isArray(imageShape) && parts.every(isSplit)
}
