import { extname } from 'node:path'
import { LrpError } from '../core/errors.js'
import { isImageFile } from '../core/image-file.js'
import { medicalAdvice } from './medical.js'

/** What to do about a file that exists and does not contain a data set. */
export function noDataSet(path: string): LrpError {
  return new LrpError('INVALID_ARGUMENT', `${path} ${whatIsWanted(path)} (docs/data.md)`)
}

function whatIsWanted(path: string): string {
  if (extname(path) === '.npy')
    return 'is a single array: pass a folder with images.npy and labels.npy, or an .npz file with the arrays images and labels'
  const medical = medicalAdvice(path)
  if (medical !== undefined) return medical
  if (isImageFile(path)) return 'is one image: pass a folder of class folders, or a CSV file that lists images'
  return 'is not a data set: pass a folder, a .csv or an .npz file'
}
