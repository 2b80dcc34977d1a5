import { z } from 'zod'
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
  'type of the labels: classification (one class each), binary (one of two, by a single logit), multilabel (any number of classes each) or regression (values to predict)'

/** Options of `openDataset`; every function that takes a data set by name has them too. */
export const dataOptions = z.strictObject({
  data: option(z.string(), {
    help: 'data set by name (lrp-native data lists them)',
    group: 'images',
    unit: 'name',
    default: 'recognised by the content of --data-path, otherwise digits'
  }),
  dataPath: option(z.string(), {
    help: 'path of the data: class folders, idx files, CIFAR, a CSV file or arrays',
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
    help: 'size of all images: one number, or height and width',
    group: 'images',
    unit: 'pixels',
    default: 'the size of the first image, if images are files'
  }),
  channels: option(z.union([z.literal(1), z.literal(3)]), {
    help: '1 converts all images to grey; 3 repeats the channel of grey images three times',
    group: 'images',
    unit: 'number'
  }),
  validSplit: option(z.number().min(0).lt(1), {
    help: 'share of the training images used for validation, unless the data set has a validation split',
    group: 'images',
    unit: 'share',
    default: '0.1'
  }),
  testSplit: option(z.number().min(0).max(1), {
    help: 'share of the images used for testing, unless the data set has a test split; 1 uses all images',
    group: 'images',
    unit: 'share',
    default: '0.1'
  }),
  seed: option(z.int(), { help: 'seed for choosing the validation and test images', group: 'machine', default: '0' }),
  splitSeed: option(z.int(), {
    help: 'seed for choosing the validation and test images, if --seed has another meaning',
    group: 'images',
    flag: false
  }),
  strict: option(z.boolean(), {
    help: 'stop at an unreadable image; otherwise it is skipped and reported, unless --input names the file itself',
    group: 'images'
  }),
  cache: option(z.enum(CACHES), {
    help: 'memory keeps decoded images in memory; none reads the files again each time; auto decides by their size',
    group: 'images',
    unit: 'how',
    default: 'auto',
    resume: false
  }),
  decode: option(z.enum(DECODES), {
    help: 'exact, or fast: JPEG files at least three times as large as needed are decoded at a reduced size, which changes pixels slightly',
    group: 'images',
    unit: 'how',
    default: 'exact'
  }),
  preprocessing: programOnly<Preprocessing>(
    isPreprocessing,
    'a preprocessing',
    'preprocessing of images to bytes, instead of imageSize and channels; usually that of a model'
  ),
  randomCrop: option(z.boolean(), {
    help: 'keep images larger than the crop of the preprocessing, so that training can crop them at random places',
    group: 'images',
    flag: false
  }),
  onDownload: callback<DownloadProgress>('called during downloads with the file, bytes done and bytes in total'),
  signal: signalOption
})

/** Options of `openDataset`: which data set, its image size, and its splits (docs/options.md). */
export type DataOptions = z.input<typeof dataOptions>

const { data } = dataOptions.shape

/** Images that training and scoring leave out. */
export const excludeOption = option(z.union([z.string().min(1), z.array(z.string().min(1)).min(1)]), {
  help: 'CSV files with a column path, such as flagged.csv of an audit: the listed images are left out',
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
  default: "that of the model's experiment; otherwise recognised by the content of --data-path; without it, digits"
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
