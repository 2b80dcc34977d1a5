import type { OriginalSizes } from '../data/dataset.js'
import { counted } from '../core/plural.js'

/** `images of 3x64x64`; where files of several sizes were brought to one, from which to which. */
export function imagesText(imageShape: number[], sizes?: OriginalSizes): string {
  if (!sizes) return `images of ${imageShape.join('x')}`
  const [smallest, largest] = [sizes.smallest, sizes.largest].map((size) => size.join('x'))
  return `images of different sizes (${smallest} to ${largest}) resized to ${imageShape.join('x')}`
}

/** `12 unreadable and 1 missing image skipped` */
export function leftOutText(skipped: string[], missing: string[] = []): string {
  const kinds = [
    [skipped.length - missing.length, 'unreadable'],
    [missing.length, 'missing']
  ] as const
  const parts = kinds.filter(([count]) => count > 0).map(([count, kind]) => `${count} ${kind}`)
  return `${parts.join(' and ')} ${counted(skipped.length, 'image').replace(/^\d+ /, '')} skipped`
}
