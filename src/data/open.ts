import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { z } from 'zod'
import { LrpError } from '../errors.js'
import type { Preprocessing } from '../model/graph.js'
import { checkOptions } from '../options.js'
import { packageRoot } from '../paths.js'
import { unknownName } from '../suggest.js'
import { checkDataset, type Dataset } from './dataset.js'
import { openFolder } from './folder.js'
import { hasIdxPair, readIdxPair } from './idx.js'
import { mnistFolder, type DownloadProgress } from './mnist.js'
import { carve } from './split.js'

export const DATASETS = ['digits', 'mnist', 'folder'] as const

export interface DataOptions {
  /** `digits` (shipped; the default), `mnist`, `folder`. With only `dataPath` it is found out. */
  data?: string
  /** Where the files are. */
  dataPath?: string
  /** Share of the training images that validates, where the data set has no validation split of its own (0.1). */
  validSplit?: number
  seed?: number
  /** Image folders: [height, width] and channels of every image. */
  imageSize?: [number, number]
  channels?: 1 | 3
  /** Image folders: how images are read; taken from a model that is to see them. */
  preprocessing?: Preprocessing
  /** Image folders without a test split: the share that tests (0.1); 1 takes all. */
  testSplit?: number
  strict?: boolean
  onProgress?: DownloadProgress
}

const schema = z.object({
  data: z.string().optional(),
  dataPath: z.string().optional(),
  validSplit: z.number().min(0).lt(1).optional(),
  testSplit: z.number().min(0).max(1).optional(),
  seed: z.int().optional(),
  imageSize: z.tuple([z.int().positive(), z.int().positive()]).optional(),
  channels: z.union([z.literal(1), z.literal(3)]).optional()
})

/**
 * Opens a data set, all of it in memory as bytes.
 * @throws LrpError INVALID_ARGUMENT (unknown name), NOT_FOUND, INVALID_FILE (truncated files, labels out of range)
 */
export async function openDataset(options: DataOptions = {}): Promise<Dataset> {
  checkOptions(schema, options, 'the data set')
  const name = datasetName(options)
  if (name === 'digits') return openDigits(options.dataPath)
  if (name === 'mnist') return openMnist(options)
  if (name !== 'folder') throw unknownName('data set', name, DATASETS)
  if (!options.dataPath) throw new LrpError('INVALID_ARGUMENT', 'the data set folder needs its place: give --data-path')
  return openFolder(options.dataPath, options)
}

/** The data set that is meant: by its name, else by what lies at `dataPath`, else the shipped one. */
export function datasetName({ data, dataPath }: DataOptions): string {
  if (data !== undefined) return data
  if (dataPath === undefined) return 'digits'
  return hasIdxPair(dataPath, 'train') || hasIdxPair(dataPath, 't10k') ? 'mnist' : 'folder'
}

const DIGITS = Array.from({ length: 10 }, (_, digit) => String(digit))

async function openDigits(path?: string): Promise<Dataset> {
  const folder = path ?? join(packageRoot, 'data', 'digits')
  const [train, valid, test] = await Promise.all(
    ['train', 'valid', 'test'].map((prefix) => readIdxPair(folder, prefix))
  )
  const splits = { train: train!.split, valid: valid!.split, test: test!.split }
  return checkDataset({ name: 'digits', classes: DIGITS, imageShape: train!.imageShape, splits, skipped: [] })
}

async function openMnist(options: DataOptions): Promise<Dataset> {
  if (options.dataPath !== undefined && !existsSync(options.dataPath)) {
    throw new LrpError('NOT_FOUND', `the data folder ${options.dataPath} does not exist`)
  }
  const folder = options.dataPath ?? (await mnistFolder({ onProgress: options.onProgress }))
  const all = await readIdxPair(folder, 'train')
  const test = await readIdxPair(folder, 't10k')
  if (test.imageShape.some((axis, i) => axis !== all.imageShape[i])) {
    throw new LrpError('INVALID_FILE', `${folder}: training and test images differ in size`)
  }
  const [train, valid] = carve(all.split, options.validSplit ?? 0.1, options.seed ?? 0)
  const splits = { train, valid, test: test.split }
  return checkDataset({ name: 'mnist', classes: DIGITS, imageShape: all.imageShape, splits, skipped: [] })
}
