import { existsSync, readdirSync, statSync, type Dirent } from 'node:fs'
import { join, relative, sep } from 'node:path'
import { LrpError, type ErrorCode } from '../core/errors.js'
import { isImageFile } from '../core/image-file.js'
import { medicalAdvice } from './medical.js'

/** The error for folders without images; if they contain medical images, it says what to do. */
export function noImages(what: string, folders: readonly string[], code: ErrorCode = 'NOT_FOUND'): LrpError {
  const files = folders.flatMap((folder) => readdirSync(folder, { recursive: true, encoding: 'utf8' }))
  const medical = files.find((name) => medicalAdvice(name) !== undefined)
  const reason = medical === undefined ? '' : `: ${medical} ${medicalAdvice(medical)}`
  return new LrpError(code, `${what} contains no images${reason}`)
}

/** An image in a folder. */
export interface FoundImage {
  path: string
  /** Its name is a link to a file that may be elsewhere. */
  isLink: boolean
}

/** Image files of a folder and its subfolders, sorted by path; hidden files are ignored. */
export function listImages(folder: string): FoundImage[] {
  const names = readdirSync(folder, { recursive: true, withFileTypes: true })
  return names
    .filter((entry) => isImageFile(entry.name) && (entry.isFile() || isLinkToFile(entry)))
    .map((entry) => ({ path: join(entry.parentPath, entry.name), isLink: entry.isSymbolicLink() }))
    .filter(({ path }) => !relative(folder, path).split(sep).some(isHidden))
    .sort((a, b) => (a.path < b.path ? -1 : 1))
}

function isLinkToFile(entry: Dirent): boolean {
  const path = join(entry.parentPath, entry.name)
  return entry.isSymbolicLink() && existsSync(path) && statSync(path).isFile() // not so where links form a loop
}

/** Names such as `.ipynb_checkpoints`: files that tools put next to the images. */
export function isHidden(name: string): boolean {
  return name.startsWith('.')
}
