import { basename } from 'node:path'

const KINDS: { kind: string; pattern: RegExp; read: string }[] = [
  { kind: 'DICOM', pattern: /\.(dcm|dicom)$/i, read: 'pydicom.dcmread(PATH).pixel_array' },
  { kind: 'NIfTI', pattern: /\.nii(\.gz)?$/i, read: 'nibabel.load(PATH).get_fdata()' }
]

/** Advice for a medical image, whose values are not colours: convert it to an array with the network's own scaling. */
export function medicalAdvice(path: string): string | undefined {
  const found = KINDS.find(({ pattern }) => pattern.test(path))
  if (!found) return undefined
  const read = found.read.replace('PATH', `'${basename(path)}'`)
  return (
    `is a ${found.kind} file, whose values are not colours: scale them as in training and save them as .npy ` +
    `(in Python: numpy.save('image.npy', ${read}.astype('float32')[None, None]))`
  )
}
