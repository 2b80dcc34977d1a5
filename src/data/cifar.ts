import { existsSync, readdirSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { LrpError } from '../core/errors.js'
import { readBytes } from '../core/files.js'
import { checkDataset, type Dataset, type Split } from './dataset.js'
import { numbered } from './image-names.js'
import { carve, checkShares, type SplitOptions } from './split.js'

const PIXELS = 3 * 32 * 32
const CIFAR10 = ['airplane', 'automobile', 'bird', 'cat', 'deer', 'dog', 'frog', 'horse', 'ship', 'truck']

/** How the two binary versions differ: label bytes before each image (the last one counts), names of the files. */
const KINDS = {
  cifar10: { labels: 1, train: /^data_batch_\d+\.bin$/, test: /^test_batch\.bin$/, names: 'batches.meta.txt' },
  cifar100: { labels: 2, train: /^train\.bin$/, test: /^test\.bin$/, names: 'fine_label_names.txt' }
}

export type CifarName = keyof typeof KINDS

/** The binary version of CIFAR that a folder contains, if any. */
export function cifarIn(folder: string): CifarName | undefined {
  if (existsSync(join(folder, 'test_batch.bin'))) return 'cifar10'
  return existsSync(join(folder, 'fine_label_names.txt')) ? 'cifar100' : undefined
}

/**
 * Opens CIFAR-10 or CIFAR-100 (Krizhevsky 2009) in the binary version: colour images of 32x32 pixels. The validation
 * split is taken from the training images. @throws LrpError NOT_FOUND, INVALID_FILE
 */
export async function openCifar(name: CifarName, folder: string, options: SplitOptions = {}): Promise<Dataset> {
  const kind = KINDS[name]
  checkShares(name, { test: true }, options.asked)
  const files = existsSync(folder) ? readdirSync(folder).sort() : []
  const paths = (pattern: RegExp): string[] =>
    files.filter((file) => pattern.test(file)).map((file) => join(folder, file))
  const [trainFiles, testFiles] = [paths(kind.train), paths(kind.test)]
  if (trainFiles.length === 0 || testFiles.length === 0) {
    const wanted =
      name === 'cifar10' ? 'data_batch_1.bin to data_batch_5.bin and test_batch.bin' : 'train.bin and test.bin'
    throw new LrpError('NOT_FOUND', `${folder} does not contain ${wanted}, the files of the binary version of ${name}`)
  }
  const [train, valid] = carve(await readBatches(trainFiles, kind.labels), options.validSplit ?? 0.1, options.seed ?? 0)
  const splits = { train, valid, test: await readBatches(testFiles, kind.labels) }
  const classes = await classNames(name, join(folder, kind.names))
  return checkDataset({ name, classes, imageShape: [3, 32, 32], splits, skipped: [] })
}

async function readBatches(paths: string[], labelBytes: number): Promise<Split> {
  const record = labelBytes + PIXELS
  const batches = await Promise.all(paths.map((path) => readBatch(path, record)))
  const bytes = Buffer.concat(batches)
  const count = bytes.length / record
  const images = new Uint8Array(count * PIXELS)
  const labels = new Int32Array(count)
  for (let i = 0; i < count; i++) {
    const start = i * record + labelBytes
    labels[i] = bytes[start - 1]!
    images.set(bytes.subarray(start, start + PIXELS), i * PIXELS)
  }
  const names = batches.flatMap(({ length }, i) => numbered(basename(paths[i]!), length / record))
  return { images, labels, names }
}

async function readBatch(path: string, record: number): Promise<Buffer> {
  const bytes = await readBytes(path)
  if (bytes.length === 0 || bytes.length % record !== 0) {
    throw new LrpError(
      'INVALID_FILE',
      `the size of ${path} is not a multiple of ${record} bytes, the size of one image (is the file truncated?)`
    )
  }
  return bytes
}

async function classNames(name: CifarName, path: string): Promise<string[]> {
  if (existsSync(path)) return (await readFile(path, 'utf8')).split(/\r?\n/).filter((line) => line.trim() !== '')
  return name === 'cifar10' ? CIFAR10 : Array.from({ length: 100 }, (_, label) => String(label))
}
