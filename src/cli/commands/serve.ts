import type { Command } from 'commander'
import { asked } from '../../core/command-line.js'
import { wholeNumber, withCommonFlags, type CliContext, type CommonFlags } from '../context.js'
import { downloadProgress } from '../data-progress.js'
import {
  dataOf,
  openModel,
  patternsFor,
  withDataFlags,
  withModelFlags,
  type DataFlags,
  type ModelFlags
} from '../shared-flags.js'

interface Flags extends CommonFlags, DataFlags, ModelFlags {
  input?: string[]
  split?: 'train' | 'valid' | 'test'
  limit?: number
  port?: number
  host?: string
  patterns?: string
  rules?: string[]
}

/** `lrp-native serve` */
export function register(program: Command, context: CliContext): void {
  const command = program
    .command('serve')
    .description(
      'Serve a page on this machine where rules, their parameters and the class are turned, and the map follows.'
    )
  withModelFlags(command)
  withDataFlags(command)
    .option('--input <paths...>', 'images or folders of images to choose from, instead of a data set')
    .option('--split <name>', 'train, valid or test', 'test')
    .option('--limit <number>', 'at most so many images to choose from (24)', wholeNumber('--limit', 1))
    .option('--port <number>', 'where to listen (8420); 0: any free port', wholeNumber('--port', 0))
    .option('--host <address>', 'the address to listen at (127.0.0.1: this machine alone)')
    .option('--rules <files...>', 'JSON files with rules or composites of your own, to choose from too (docs/rules.md)')
    .option('--patterns <file>', "fitted patterns; by default the experiment's patterns.safetensors")
  withCommonFlags(command, ['serve', 'serve mlp-digits --port 9000', 'serve model.onnx --input photos'])
  command.action((model: string | undefined, flags: Flags) => runServe(model, flags, context))
}

async function runServe(name: string | undefined, flags: Flags, context: CliContext): Promise<void> {
  const output = await context.begin(flags)
  const { serve } = await import('../../serve/server.js')
  const { model, experiment } = await openModel(name, flags)
  try {
    const { input, split, limit, port, host, rules } = flags
    const served = await serve(model, {
      ...dataOf(flags, experiment),
      ...(await patternsFor(model, { patterns: flags.patterns }, experiment)),
      onDownload: downloadProgress(output),
      input,
      split,
      limit,
      port,
      host,
      rules,
      called: name ?? experiment?.name,
      loadedWith: asked(flags, ['architecture', 'preprocess'])
    })
    output.result({ url: served.url }, [`${served.url} (Ctrl-C ends)`])
    await ended(context.signal)
    await served.close()
  } finally {
    model.dispose()
  }
}

function ended(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve()
  return new Promise((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }))
}
