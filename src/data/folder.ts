import { existsSync, readdirSync, statSync } from 'node:fs'
import { extname, join } from 'node:path'
import { LrpError } from '../errors.js'
import { ioError } from '../files.js'
import { readImage } from '../model/preprocessing.js'
import type { Preprocessing } from '../model/graph.js'
import { checkDataset, type Dataset, type Split } from './dataset.js'
import { carve } from './split.js'

const IMAGE = new Set(['.png', '.jpg', '.jpeg', '.webp', '.gif', '.tif', '.tiff', '.avif', '.bmp', '.svg'])
const AT_ONCE = 8

export interface FolderOptions {
  /** [height, width] of every image; by default that of the first. */
  imageSize?: [number, number]
  channels?: 1 | 3
  /** How images become bytes; instead of imageSize and channels. */
  preprocessing?: Preprocessing
  validSplit?: number
  testSplit?: number
  seed?: number
  /** A broken image is an error instead of being left out. */
  strict?: boolean
}

export function isImageFile(name: string): boolean {
  return IMAGE.has(extname(name).toLowerCase())
}

/** Image files of a folder and those below it, sorted by path. */
export function listImages(folder: string): string[] {
  const names = readdirSync(folder, { recursive: true, withFileTypes: true })
  return names
    .filter((entry) => entry.isFile() && isImageFile(entry.name))
    .map((entry) => join(entry.parentPath, entry.name))
    .sort()
}

/**
 * Class folders of images: `root/train/class/*.png` with `test` and `valid` beside `train`, or `root/class/*.png`. Where
 * there is no test or valid split, it is carved out of the training images (10 % each, stratified, seeded).
 * A folder of class folders given to `test` alone: all of its images are the test split when `testSplit` is 1.
 */
export async function openFolder(root: string, options: FolderOptions = {}): Promise<Dataset> {
  if (!existsSync(root) || !statSync(root).isDirectory())
    throw new LrpError('NOT_FOUND', `the data folder ${root} does not exist`)
  const given = ['train', 'valid', 'test'].filter((name) => existsSync(join(root, name)))
  const roots = given.length > 0 ? given.map((name) => join(root, name)) : [root]
  const classes = [...new Set(roots.flatMap(classFolders))].sort()
  if (classes.length === 0) throw new LrpError('NOT_FOUND', `${root} holds no class folders with images`)
  const preprocessing = options.preprocessing ?? (await sizeOfFirst(join(roots[0]!, classes[0]!), options))
  const reader = new FolderReader(preprocessing, options.strict ?? false)
  const splits: Partial<Dataset['splits']> = {}
  for (const [i, folder] of roots.entries()) {
    splits[(given[i] ?? 'train') as keyof Dataset['splits']] = await reader.read(folder, classes)
  }
  const seed = options.seed ?? 0
  let train = splits.train ?? reader.none()
  let { test, valid } = splits
  if (!test) [train, test] = carve(train, options.testSplit ?? 0.1, seed)
  if (!valid) [train, valid] = carve(train, options.validSplit ?? 0.1, seed + 1)
  return checkDataset({
    name: root,
    classes,
    imageShape: reader.imageShape,
    splits: { train, valid, test },
    skipped: reader.skipped
  })
}

function classFolders(folder: string): string[] {
  const entries = readdirSync(folder, { withFileTypes: true })
  return entries.filter((entry) => entry.isDirectory()).map((entry) => entry.name)
}

async function sizeOfFirst(folder: string, options: FolderOptions): Promise<Preprocessing> {
  const first = readdirSync(folder).filter(isImageFile).sort()[0]
  if (!first) throw new LrpError('INVALID_FILE', `the class folder ${folder} holds no image`)
  const plain = { channelOrder: 'rgb', scale: 1, mean: [0, 0, 0], std: [1, 1, 1] } as const
  const rest = { ...plain, mean: [...plain.mean], std: [...plain.std] }
  const channels = options.channels ?? 3
  if (options.imageSize) return { ...rest, channels, resize: options.imageSize }
  const { shape } = await readImage(join(folder, first), { ...rest, channels })
  return { ...rest, channels, resize: [shape[1]!, shape[2]!] }
}

class FolderReader {
  readonly skipped: string[] = []
  private shape: [number, number, number] | undefined

  constructor(
    private readonly preprocessing: Preprocessing,
    private readonly strict: boolean
  ) {}

  get imageShape(): [number, number, number] {
    if (!this.shape) throw new LrpError('INVALID_FILE', 'the data folder holds no readable image')
    return this.shape
  }

  none(): Split {
    return { images: new Uint8Array(0), labels: new Int32Array(0), paths: [] }
  }

  async read(folder: string, classes: string[]): Promise<Split> {
    const files = classes.flatMap((name, label) => {
      const path = join(folder, name)
      if (!existsSync(path)) throw new LrpError('INVALID_FILE', `${folder} has no folder for the class '${name}'`)
      const images = listImages(path)
      if (images.length === 0) throw new LrpError('INVALID_FILE', `the class folder ${path} holds no image`)
      return images.map((image) => ({ image, label }))
    })
    const decoded = Array<Uint8Array | undefined>(files.length)
    let next = 0
    const work = async (): Promise<void> => {
      while (next < files.length) {
        const i = next++
        decoded[i] = await this.decode(files[i]!.image)
      }
    }
    await Promise.all(Array.from({ length: AT_ONCE }, work))
    return this.join(files, decoded)
  }

  private async decode(path: string): Promise<Uint8Array | undefined> {
    try {
      const { bytes, shape } = await readImage(path, this.preprocessing)
      this.shape ??= shape as [number, number, number]
      if (shape.some((axis, i) => axis !== this.shape![i])) {
        throw new LrpError('INVALID_FILE', `${path} has another size than the images before it`)
      }
      return bytes
    } catch (cause) {
      if (this.strict) throw ioError(cause, path)
      this.skipped.push(path)
      return undefined
    }
  }

  private join(files: { image: string; label: number }[], decoded: (Uint8Array | undefined)[]): Split {
    const kept = files.map((file, i) => ({ ...file, bytes: decoded[i] })).filter((file) => file.bytes)
    const size = kept[0]?.bytes!.length ?? 0
    const images = new Uint8Array(kept.length * size)
    kept.forEach((file, i) => images.set(file.bytes!, i * size))
    return { images, labels: Int32Array.from(kept, (file) => file.label), paths: kept.map((file) => file.image) }
  }
}
