import type { Command } from 'commander'
import type { DatasetSummary } from '../../data/inspect.js'
import type { Task } from '../../model/graph.js'
import { withCommonFlags, type CliContext, type CommonFlags } from '../context.js'
import { downloadProgress } from '../data-progress.js'
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
  const output = await context.begin(flags)
  const { openDataset } = await import('../../data/open.js')
  const { inspectDataset, contactSheet } = await import('../../data/inspect.js')
  const onDownload = downloadProgress(output)
  const dataset = await openDataset({ ...dataOptions(flags), task: flags.task, onDownload })
  const summary = await inspectDataset(dataset)
  if (flags.output !== undefined) {
    const { LrpError } = await import('../../errors.js')
    const { writeAtomic } = await import('../../files.js')
    const { split = 'train' } = flags
    const images = Object.hasOwn(dataset.splits, split) ? dataset.splits[split].labels.length : undefined
    if (images === undefined) {
      throw new LrpError('INVALID_ARGUMENT', `--split must be train, valid or test, not '${split}'`)
    }
    if (images === 0) throw new LrpError('INVALID_ARGUMENT', `the ${split} split of ${dataset.name} is empty`)
    await writeAtomic(flags.output, await contactSheet(dataset, split))
  }
  output.result(summary, linesOf(summary, flags.output))
}

function countText(count: number, regression: boolean): string {
  const plural = regression ? 'values' : 'classes'
  return count === 1 ? `1 ${regression ? 'value' : 'class'}` : `${count} ${plural}`
}

/** Smallest and largest value; nothing of an empty split. */
function rangeText([low, high]: [number, number]): string {
  const text = (value: number): string => String(Number(value.toPrecision(3)))
  return low > high ? '' : `${text(low)}..${text(high)}`
}

function linesOf(summary: DatasetSummary, sheet?: string): string[] {
  const { name, classes, imageShape, splits, mean, std, skipped } = summary
  const width = Math.max(5, ...classes.map((one) => one.length))
  const row = (first: string, counts: (string | number)[]): string =>
    [first.padEnd(width), ...counts.map((count) => String(count).padStart(8))].join(' ')
  const parts = Object.values(splits)
  const regression = parts[0]!.ranges !== undefined
  return [
    `${name}: ${countText(classes.length, regression)}, images of ${imageShape.join('x')}`,
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
    ...(skipped.length > 0 ? [`${skipped.length} unreadable images left out:`, ...skipped.slice(0, 10)] : []),
    ...(sheet === undefined ? [] : [`sheet of images: ${sheet}`])
  ]
}
