import type { Command } from 'commander'
import { counted } from '../../core/plural.js'
import { wholeNumber, withCommonFlags, type CliContext, type CommonFlags } from '../context.js'
import { downloadProgress } from '../data-progress.js'
import {
  givenData,
  openModel,
  withDataFlags,
  withModelFlags,
  type DataFlags,
  type ModelFlags
} from '../shared-flags.js'

interface Flags extends CommonFlags, DataFlags, ModelFlags {
  split?: 'train' | 'valid' | 'test'
  limit?: number
  rule?: string
  composite?: string
  layer?: string
  class?: string
  by?: 'relevance' | 'activation'
  measure?: 'sum' | 'max'
  top?: number
  samples?: number
  image?: number
  output?: string
}

/** `lrp-native concepts` */
export function register(command: Command, context: CliContext): void {
  withDataFlags(withModelFlags(command))
    .option('--split <name>', 'train, valid or test (test)')
    .option('--limit <number>', 'maximum number of images (all)', wholeNumber('--limit', 1))
    .option('--rule <name>', 'explains every image, instead of a composite')
    .option('--composite <name>', 'explains every image (epsilon-plus)')
    .option('--layer <name>', 'layer whose channels are looked at (the last convolution)')
    .option('--class <name>', 'only this class, by name or number')
    .option('--by <what>', 'images are ranked by relevance or activation (relevance)')
    .option('--measure <what>', '... by its sum over space, or its largest value: sum, max (sum)')
    .option('--top <number>', 'channels of a class (5)', wholeNumber('--top', 1))
    .option('--samples <number>', 'images of a channel (8)', wholeNumber('--samples', 1))
    .option('--image <number>', 'image of the atlas, by its place in the split (0)', wholeNumber('--image', 0))
    .option('--output <folder>', "where results go; by default the experiment's concepts/")
  withCommonFlags(command, [
    'concepts',
    'concepts path/to/model --data-path path/to/class-folders --class cat --layer layer3'
  ])
  command.action((model: string | undefined, flags: Flags) => runConcepts(model, flags, context))
}

async function runConcepts(name: string | undefined, flags: Flags, context: CliContext): Promise<void> {
  const output = await context.begin(flags)
  const { concepts } = await import('../../concepts/concepts.js')
  const model = await openModel(name, flags)
  const folder = flags.output ?? model.resultFolder('concepts')
  const progress = output.progress(1, 'images')
  const { split, limit, rule, composite, layer, by, measure, top, samples, image } = flags
  const { result, files } = await concepts(model, {
    ...givenData(flags),
    onDownload: downloadProgress(output),
    ...{ split, limit, rule, composite, layer, class: flags.class, by, measure, top, samples, image },
    output: folder,
    onProgress: (done, total) => progress.updateLine(done, total),
    signal: context.signal
  }).finally(() => {
    progress.stop()
    model.dispose()
  })
  const lines = result.classes.map((one) => {
    const channels = one.channels.map(({ channel, relevance }) => `${channel} (${(relevance * 100).toFixed(1)} %)`)
    return `${one.class}, ${counted(one.images, 'image')}: channels ${channels.join(', ')}`
  })
  output.result({ ...result, folder, files }, [
    `most relevant channels of ${result.layer}:`,
    ...lines,
    `written to ${folder}`
  ])
}
