import { classCounts, type Dataset, type Split } from '../data/dataset.js'
import { kindsText } from '../data/kinds-text.js'
import type { DownloadProgress } from '../data/mnist.js'
import type { TrainOptions } from '../train/train.js'
import type { Output } from './context.js'
import { imagesText, leftOutText } from './data-text.js'

/** Shows a download as it goes. */
export function downloadProgress(output: Output): DownloadProgress {
  let [bar, name] = [undefined as ReturnType<Output['progress']> | undefined, '']
  return (file, done, total) => {
    if (file !== name) bar = output.progress(kilobytes(total), `kB of ${file}`)
    name = file
    bar!.updateLine(kilobytes(done), kilobytes(Math.max(done, total)))
    if (done >= total) bar!.stop()
  }
}

/** Shows a download as it goes, and what the data set holds. */
export function dataProgress(output: Output): Required<Pick<TrainOptions, 'onDownload' | 'onData'>> {
  const onData = (dataset: Dataset): void => {
    output.note(dataLine(dataset))
    for (const note of dataset.notes ?? []) output.note(`note: ${note}`)
    const [only, ...others] = dataset.classes
    if (dataset.task !== 'regression' && others.length === 0)
      output.note(`note: all images belong to one class (${only}), so the accuracy is meaningless`)
  }
  return { onDownload: downloadProgress(output), onData }
}

function kilobytes(bytes: number): number {
  return Math.round(bytes / 1000)
}

function dataLine({ name, task, classes, imageShape, originalSizes, splits }: Dataset): string {
  const perClass = (split: Split): string => {
    const counts = classCounts(split, classes.length)
    const [least, most] = [Math.min(...counts), Math.max(...counts)]
    return ` (${least === most ? least : `${least} to ${most}`} per class)`
  }
  const parts = Object.entries(splits).map(([title, split]) => {
    const images = split.labels.length
    return `${title} ${images}${images > 0 && task !== 'regression' ? perClass(split) : ''}`
  })
  const kinds = kindsText(classes.length, task)
  return `${name}: ${kinds}, ${imagesText(imageShape, originalSizes)}; ${parts.join(', ')}`
}

const NAMED = 3

/** A line about images that could not be read. */
export function leftOut(skipped: string[], missing?: string[]): string {
  const more = skipped.length > NAMED ? ` and ${skipped.length - NAMED} more` : ''
  return `note: ${leftOutText(skipped, missing)}: ${skipped.slice(0, NAMED).join(', ')}${more}`
}
