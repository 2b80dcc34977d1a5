import { existsSync, readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { LrpError } from '../core/errors.js'
import { checkDataset, type Dataset, type Split } from './dataset.js'
import { Decoder, type DecodeOptions, type LabelledFile } from './decode.js'
import { isHidden, listImages } from './image-files.js'
import { complete, type SplitOptions } from './split.js'

const SPLITS = ['train', 'valid', 'test'] as const
/** What the folder of validation images is called. */
const VALID = ['valid', 'val', 'validation']

export interface FolderOptions extends DecodeOptions, SplitOptions {}

/**
 * Class folders of images: `root/train/class/*.png` with `test` and `valid` beside `train`, or `root/class/*.png`. Where
 * there is no test or valid split, it is carved out of the training images (10 % each, stratified, seeded).
 * A folder of class folders given to `test` alone: all of its images are the test split when `testSplit` is 1.
 * @throws LrpError NOT_FOUND, INVALID_FILE (a class without images, nothing readable), INVALID_ARGUMENT (sizes differ)
 */
export async function openFolder(root: string, options: FolderOptions = {}): Promise<Dataset> {
  if (!existsSync(root)) throw new LrpError('NOT_FOUND', `the data folder ${root} does not exist`)
  const given = SPLITS.flatMap((name) => {
    const folder = (name === 'valid' ? VALID : [name]).map((one) => join(root, one)).find((one) => existsSync(one))
    return folder === undefined ? [] : [{ name, folder }]
  })
  const roots = given.length > 0 ? given : [{ name: SPLITS[0], folder: root }]
  const classes = [...new Set(roots.flatMap(({ folder }) => classFolders(folder)))].sort()
  if (classes.length === 0) throw new LrpError('NOT_FOUND', `${root} holds no class folders with images`)
  const files = roots.map(({ name, folder }) => ({ name, files: labelledFiles(folder, classes, name === 'train') }))
  const decoder = await Decoder.create(
    files.flatMap((one) => one.files),
    options
  )
  const none: Split = { images: new Uint8Array(0), labels: new Int32Array(0), paths: [] }
  const splits: Partial<Dataset['splits']> & { train: Split } = { train: none }
  for (const { name, files: listed } of files) splits[name] = await decoder.read(listed)
  return checkDataset({ name: root, classes, splits: complete(splits, options), ...decoder.rest() })
}

function classFolders(folder: string): string[] {
  const isFolder = (name: string): boolean | undefined =>
    statSync(join(folder, name), { throwIfNoEntry: false })?.isDirectory()
  return readdirSync(folder).filter((name) => !isHidden(name) && isFolder(name))
}

/** What is trained on needs every class; what is tested on may lack some. */
function labelledFiles(folder: string, classes: string[], needsAll: boolean): LabelledFile[] {
  return classes.flatMap((name, label) => {
    const path = join(folder, name)
    if (!existsSync(path) && !needsAll) return []
    if (!existsSync(path)) throw new LrpError('INVALID_FILE', `${folder} has no folder for the class '${name}'`)
    const images = listImages(path)
    if (images.length === 0 && needsAll) throw new LrpError('INVALID_FILE', `the class folder ${path} holds no image`)
    return images.map((image) => ({ path: image, label }))
  })
}
