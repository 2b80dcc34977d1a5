import * as z from 'zod'
import { writeAtomic } from '../../core/files.js'
import { LrpError, checkSignal } from '../../core/errors.js'
import { option } from '../../core/option.js'
import { optionError } from '../../core/options.js'
import { contactSheet, inspectDataset, type DatasetSummary } from '../../data/inspect.js'
import { kindsText } from '../../data/kinds-text.js'
import { DATASETS, openDataset } from '../../data/open.js'
import { dataOptions } from '../../data/options.js'
import { defineCommand, type Call, type Register } from '../command.js'
import { downloadProgress } from '../data-progress.js'
import { imagesText, leftOutText } from '../data-text.js'

const { task } = dataOptions.shape
const opened = dataOptions.extend({ task: task.meta({ ...task.meta(), flag: 'task' }) })

const sheet = z.strictObject({
  split: option(z.enum(['train', 'valid', 'test']), {
    help: 'split to show on the contact sheet',
    group: 'output',
    default: 'train'
  }),
  output: option(z.string().regex(/\.png$/i, 'a file name that ends in .png'), {
    help: 'PNG file for a contact sheet, a grid of small images',
    group: 'output',
    unit: 'file'
  })
})

/** `lrp-native data` and `lrp-native data inspect` */
export const register: Register = (command, context) => {
  list(command, context)
  inspect(
    command
      .command('inspect')
      .description(
        'Show the number and the sizes of the images, and the mean and standard deviation of their values; with --output, write a contact sheet.'
      ),
    context
  )
}

const list = defineCommand({
  examples: ['data', 'data inspect --data-path flowers'],
  run: ({ output }) =>
    output.result(
      Object.entries(DATASETS).map(([name, description]) => ({ name, description })),
      Object.entries(DATASETS).map(([name, description]) => `${name.padEnd(15)} ${description}`)
    )
})

const inspect = defineCommand({
  options: [sheet, opened],
  examples: [
    'data inspect',
    'data inspect --data-path flowers --image-size 64 --output flowers.png',
    'data inspect --data mnist --data-path path/to/mnist --json'
  ],
  run: look
})

async function look({ given, output, context: { signal } }: Call<undefined>): Promise<void> {
  const { split, output: file } = given(sheet)
  if (split !== undefined && file === undefined)
    throw optionError('split', ' only selects the images of the contact sheet: pass --output too')
  const dataset = await openDataset({ ...given(opened), onDownload: downloadProgress(output), signal })
  const summary = await inspectDataset(dataset)
  checkSignal(signal)
  if (file !== undefined) {
    if (dataset.splits[split ?? 'train'].labels.length === 0)
      throw new LrpError('INVALID_ARGUMENT', `the ${split ?? 'train'} split of ${dataset.name} is empty`)
    await writeAtomic(file, await contactSheet(dataset, split))
  }
  output.result(summary, linesOf(summary, file))
}

/** Smallest and largest value; nothing of an empty split. */
function rangeText([low, high]: [number, number]): string {
  const text = (value: number): string => String(Number(value.toPrecision(3)))
  return low > high ? '' : `${text(low)}..${text(high)}`
}

function linesOf(summary: DatasetSummary, sheet?: string): string[] {
  const { name, classes, imageShape, originalSizes, splits, mean, std, skipped, missing, notes = [] } = summary
  const width = Math.max(5, ...classes.map((one) => one.length))
  const row = (first: string, counts: (string | number)[]): string =>
    [first.padEnd(width), ...counts.map((count) => String(count).padStart(8))].join(' ')
  const parts = Object.values(splits)
  const regression = parts[0]!.ranges !== undefined
  return [
    `${name}: ${kindsText(classes.length, regression ? 'regression' : undefined)}, ${imagesText(imageShape, originalSizes)}`,
    row(regression ? 'value' : 'class', Object.keys(splits)),
    ...classes.map((one, label) =>
      row(
        one,
        parts.map(({ perClass, ranges }) => perClass?.[label] ?? rangeText(ranges![label]!))
      )
    ),
    row(
      'all',
      parts.map(({ images }) => images)
    ),
    ...(mean && std
      ? [
          `mean ${mean.map((one) => one.toFixed(4)).join(', ')}; deviation ${std.map((one) => one.toFixed(4)).join(', ')}`
        ]
      : []),
    `SHA-256 ${summary.fingerprint}`,
    ...notes.map((note) => `note: ${note}`),
    ...(skipped.length > 0 ? leftOutLines(skipped, missing) : []),
    ...(sheet === undefined ? [] : [`contact sheet: ${sheet}`])
  ]
}

const MOST_NAMED = 10

function leftOutLines(skipped: string[], missing: string[] = []): string[] {
  const named = skipped.slice(0, MOST_NAMED).map((path) => (missing.includes(path) ? `${path} (missing)` : path))
  const more = skipped.length - named.length
  return [`${leftOutText(skipped, missing)}:`, ...named, ...(more > 0 ? [`and ${more} more`] : [])]
}
