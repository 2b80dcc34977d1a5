import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { LrpError } from '../core/errors.js'
import { packageRoot } from '../core/paths.js'
import { checkDataset, type Dataset, type Split } from './dataset.js'
import { hasIdxPair, readIdxPair } from './idx.js'
import { mnistFolder, type DownloadProgress } from './mnist.js'
import { carve, checkShares, type SplitOptions } from './split.js'

const DIGITS = Array.from({ length: 10 }, (_, digit) => String(digit))
const FASHION = [
  'T-shirt/top',
  'Trouser',
  'Pullover',
  'Dress',
  'Coat',
  'Sandal',
  'Shirt',
  'Sneaker',
  'Bag',
  'Ankle boot'
]
const KUZUSHIJI = ['o', 'ki', 'su', 'tsu', 'na', 'ha', 'ma', 'ya', 're', 'wo']
const EMNIST_PARTS = ['balanced', 'byclass', 'bymerge', 'digits', 'letters', 'mnist']

/** Named data sets of idx files: their classes, and where to download them. */
const NAMED = {
  mnist: { classes: DIGITS, from: 'MNIST (LeCun, Cortes, Burges 1998)' },
  'fashion-mnist': { classes: FASHION, from: 'github.com/zalandoresearch/fashion-mnist (Xiao et al. 2017)' },
  kmnist: { classes: KUZUSHIJI, from: 'github.com/rois-codh/kmnist (Clanuwat et al. 2018)' },
  emnist: { classes: [], from: 'EMNIST (Cohen et al. 2017), for example emnist-letters-train-images-idx3-ubyte.gz' }
}

export type IdxName = keyof typeof NAMED

export interface IdxOptions extends SplitOptions {
  dataPath?: string
  onDownload?: DownloadProgress
}

/** Opens the digits in `data/`, whose splits are fixed. */
export async function openDigits({ dataPath, asked }: IdxOptions): Promise<Dataset> {
  checkShares('digits', { valid: true, test: true }, asked)
  const folder = dataPath ?? join(packageRoot, 'data', 'digits')
  const read = ['train', 'valid', 'test'].map((prefix) => readIdxPair(folder, prefix))
  const [train, valid, test] = await Promise.all(read)
  const splits = { train: train!.split, valid: valid!.split, test: test!.split }
  return checkDataset({ name: 'digits', classes: DIGITS, imageShape: train!.imageShape, splits, skipped: [] })
}

/** The prefixes of the training and test files in a folder: `train` and `t10k`, or EMNIST's `emnist-<part>-train`. */
export function idxPrefixes(folder: string): [string, string] | undefined {
  const pairs: [string, string][] = [['train', 't10k']]
  for (const part of EMNIST_PARTS) pairs.push([`emnist-${part}-train`, `emnist-${part}-test`])
  return pairs.find(([train, test]) => hasIdxPair(folder, train) || hasIdxPair(folder, test))
}

/**
 * Opens MNIST or a data set in its format: idx files in `dataPath`, gzipped or not. Only MNIST is downloaded if no
 * path is given. The validation split is taken from the training images. @throws LrpError NOT_FOUND, INVALID_FILE, IO
 */
export async function openIdxSet(name: IdxName, options: IdxOptions): Promise<Dataset> {
  const { classes, from } = NAMED[name]
  checkShares(name, { test: true }, options.asked)
  if (options.dataPath === undefined && name !== 'mnist') {
    throw new LrpError(
      'INVALID_ARGUMENT',
      `the data set ${name} needs its idx files: put those of ${from} into a folder and pass it as --data-path`
    )
  }
  if (options.dataPath !== undefined && !existsSync(options.dataPath)) {
    throw new LrpError('NOT_FOUND', `the data folder ${options.dataPath} does not exist`)
  }
  const folder = options.dataPath ?? (await mnistFolder({ onProgress: options.onDownload }))
  const prefixes = idxPrefixes(folder) ?? ['train', 't10k']
  const [all, test] = [await readIdxPair(folder, prefixes[0]), await readIdxPair(folder, prefixes[1])]
  if (test.imageShape.some((axis, i) => axis !== all.imageShape[i])) {
    throw new LrpError('INVALID_FILE', `${folder}: training and test images must have the same size`)
  }
  if (name === 'emnist') return openEmnist(folder, prefixes[0], [all.split, test.split], all.imageShape, options)
  return finish(name, classes, [all.split, test.split], all.imageShape, options)
}

/** EMNIST's images are transposed, and its letters are numbered from 1. */
async function openEmnist(
  folder: string,
  prefix: string,
  splits: [Split, Split],
  imageShape: [number, number, number],
  options: IdxOptions
): Promise<Dataset> {
  const lowest = splits[0].labels.reduce((least, label) => Math.min(least, label), Infinity)
  const upright = splits.map(({ images, labels, ...rest }) => ({
    ...rest,
    images: transposed(images, imageShape[1]),
    labels: lowest === 1 ? labels.map((label) => label - 1) : labels
  })) as [Split, Split]
  const mapping = join(folder, `${prefix.replace(/-train$/, '')}-mapping.txt`)
  const highest = upright[0].labels.reduce((most, label) => Math.max(most, label), 0)
  const classes = existsSync(mapping)
    ? namesIn(await readFile(mapping, 'utf8'))
    : Array.from({ length: highest + 1 }, (_, label) =>
        lowest === 1 ? String.fromCharCode(65 + label) : String(label)
      )
  return finish('emnist', classes, upright, imageShape, options)
}

/**
 * Class names of a mapping file: each line has a label and the code points of its characters, the first of which is the
 * name.
 */
function namesIn(mapping: string): string[] {
  const lines = mapping.split(/\r?\n/).filter((line) => line.trim() !== '')
  return lines.map((line) => String.fromCodePoint(Number(line.trim().split(/\s+/)[1])))
}

function transposed(images: Uint8Array, side: number): Uint8Array {
  const plane = side * side
  return images.map((_, i) => images[i - (i % plane) + (i % side) * side + Math.floor((i % plane) / side)]!)
}

function finish(
  name: string,
  classes: string[],
  [all, test]: [Split, Split],
  imageShape: [number, number, number],
  options: IdxOptions
): Dataset {
  const [train, valid] = carve(all, options.validSplit ?? 0.1, options.seed ?? 0)
  return checkDataset({ name, classes, imageShape, splits: { train, valid, test }, skipped: [] })
}
