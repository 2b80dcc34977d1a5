import type { Command } from 'commander'
import type { DatasetSummary } from '../../data/inspect.js'
import type { Task } from '../../core/graph.js'
import { kindsText } from '../../data/kinds-text.js'
import { checkSignal, LrpError } from '../../core/errors.js'
import { withCommonFlags, type CliContext, type CommonFlags } from '../context.js'
import { downloadProgress } from '../data-progress.js'
import { imagesText, leftOutText } from '../data-text.js'
import { dataOptions, withDataFlags, type DataFlags } from '../shared-flags.js'

interface Flags extends CommonFlags, DataFlags {
  task?: Task
  split?: 'train' | 'valid' | 'test'
  output?: string
}

/** `lrp-native data` and `lrp-native data inspect` */
export function register(program: Command, context: CliContext): void {
  const command = program.command('data').description('List the data sets; data inspect looks into one.')
  withCommonFlags(command, ['data', 'data inspect --data-path flowers'])
  command.action((flags: CommonFlags) => list(flags, context))
  const inspect = command.command('inspect').description('Counts, sizes, mean and deviation, and a sheet of images.')
  withDataFlags(inspect)
    .option('--split <name>', 'train, valid or test: the images on the sheet (train)')
    .option('--task <name>', 'what labels are: classification (classes) or regression (values)')
    .option('--output <file>', 'write the sheet of images to this PNG file')
  withCommonFlags(inspect, [
    'data inspect',
    'data inspect --data-path flowers --image-size 64 --output flowers.png',
    'data inspect --data mnist --data-path path/to/mnist --json'
  ])
  inspect.action((_: Flags, called: Command) => look(called.optsWithGlobals<Flags>(), context))
}

async function list(flags: CommonFlags, context: CliContext): Promise<void> {
  const output = await context.begin(flags)
  const { DATASETS } = await import('../../data/open.js')
  output.result(
    Object.entries(DATASETS).map(([name, description]) => ({ name, description })),
    Object.entries(DATASETS).map(([name, description]) => `${name.padEnd(15)} ${description}`)
  )
}

async function look(flags: Flags, context: CliContext): Promise<void> {
  checkSheet(flags)
  const output = await context.begin(flags)
  const { signal } = context
  const { openDataset } = await import('../../data/open.js')
  const { inspectDataset, contactSheet } = await import('../../data/inspect.js')
  const onDownload = downloadProgress(output)
  const dataset = await openDataset({ ...dataOptions(flags), task: flags.task, onDownload, signal })
  const summary = await inspectDataset(dataset)
  checkSignal(signal)
  if (flags.output !== undefined) {
    const { writeAtomic } = await import('../../core/files.js')
    const { split = 'train' } = flags
    if (dataset.splits[split].labels.length === 0)
      throw new LrpError('INVALID_ARGUMENT', `the ${split} split of ${dataset.name} is empty`)
    await writeAtomic(flags.output, await contactSheet(dataset, split))
  }
  output.result(summary, linesOf(summary, flags.output))
}

/** @throws LrpError INVALID_ARGUMENT for a sheet that cannot be as it was asked for */
function checkSheet({ split, output }: Flags): void {
  if (split !== undefined && !['train', 'valid', 'test'].includes(split))
    throw new LrpError('INVALID_ARGUMENT', `--split must be train, valid or test, not '${split}'`)
  if (split !== undefined && output === undefined)
    throw new LrpError('INVALID_ARGUMENT', '--split chooses the images of the sheet: give --output too')
  if (output !== undefined && !/\.png$/i.test(output))
    throw new LrpError('INVALID_ARGUMENT', `--output must end in .png, not '${output}': the sheet is a PNG file`)
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
    ...(sheet === undefined ? [] : [`sheet of images: ${sheet}`])
  ]
}

const MOST_NAMED = 10

function leftOutLines(skipped: string[], missing: string[] = []): string[] {
  const named = skipped.slice(0, MOST_NAMED).map((path) => (missing.includes(path) ? `${path} (missing)` : path))
  const more = skipped.length - named.length
  return [`${leftOutText(skipped, missing)}:`, ...named, ...(more > 0 ? [`and ${more} more`] : [])]
}
