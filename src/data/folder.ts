import { existsSync, readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { LrpError } from '../core/errors.js'
import type { LabelledFile } from './decode.js'
import { isHidden, listImages, noImages, type FoundImage } from './image-files.js'
import type { Listing } from './listing.js'
import { findSameFile } from './same-file.js'

const SPLITS = ['train', 'valid', 'test'] as const
/** Names that the folder of validation images may have. */
const VALID = ['valid', 'val', 'validation']

type LabelledImage = LabelledFile & FoundImage
type Splits = { train: LabelledImage[]; valid?: LabelledImage[]; test?: LabelledImage[] }

/**
 * Lists class folders of images: `root/train/class/*.png` with `test` and `valid` next to `train`, or
 * `root/class/*.png`.
 * @throws LrpError NOT_FOUND, INVALID_FILE (a class without images, an image that is there twice)
 */
export function listFolder(root: string): Listing {
  if (!existsSync(root)) throw new LrpError('NOT_FOUND', `the data folder ${root} does not exist`)
  const given = SPLITS.flatMap((name) => {
    const folder = (name === 'valid' ? VALID : [name]).map((one) => join(root, one)).find((one) => existsSync(one))
    return folder === undefined ? [] : [{ name, folder }]
  })
  const roots = given.length > 0 ? given : [{ name: SPLITS[0], folder: root }]
  const classes = [...new Set(roots.flatMap(({ folder }) => classFolders(folder)))].sort()
  if (classes.length === 0) throw new LrpError('NOT_FOUND', `${root} contains no class folders with images`)
  const splits: Splits = { train: [] }
  for (const { name, folder } of roots) splits[name] = labelledFiles(folder, classes, name === 'train')
  const same = findSameFile(Object.values(splits).flat())
  if (same) {
    const [first, again] = same.map(({ path }) => path)
    throw new LrpError('INVALID_FILE', `${again} is the same file as ${first}: a data set must contain each image once`)
  }
  return { name: root, classes, splits }
}

function classFolders(folder: string): string[] {
  const isFolder = (name: string): boolean =>
    existsSync(join(folder, name)) && statSync(join(folder, name)).isDirectory()
  return readdirSync(folder).filter((name) => !isHidden(name) && isFolder(name))
}

/** The training split needs images of every class; the other splits may lack some classes. */
function labelledFiles(folder: string, classes: string[], needsAll: boolean): LabelledImage[] {
  return classes.flatMap((name, label) => {
    const path = join(folder, name)
    if (!existsSync(path) && !needsAll) return []
    if (!existsSync(path)) throw new LrpError('INVALID_FILE', `${folder} has no subfolder for the class '${name}'`)
    const images = listImages(path)
    if (images.length === 0 && needsAll) throw noImages(`the class folder ${path}`, [path], 'INVALID_FILE')
    return images.map((image) => ({ ...image, label }))
  })
}
