import type { Command } from 'commander'
import { z } from 'zod'
import { option } from '../../core/option.js'
import { LrpError } from '../../core/errors.js'
import type { Scores } from '../../evaluate/score-maps.js'
import { counted } from '../../core/plural.js'
import { collect, wholeNumber, withCommonFlags, type CliContext } from '../context.js'
import { refuseOthers, type Mode } from '../modes.js'
import { openModel, withDataFlags, withModelFlags, withRuleFlags } from '../shared-flags.js'
import { addMethodFlags, runMethods, type MethodFlags } from './evaluate-methods.js'

const RULES = {
  rules: option(z.string(), {
    help: 'rules, composites and methods to compare, separated by commas, or a JSON file that maps layers to rules',
    group: 'how',
    unit: 'names'
  })
}

interface Flags extends MethodFlags {
  attribution?: string
  target?: string
  mask?: string
  featuresInStep?: number
  regions?: number
}

/** `lrp-native evaluate` */
export function register(command: Command, context: CliContext): void {
  addMapFlags(addMetricFlags(withDataFlags(withRuleFlags(withModelFlags(command), RULES))))
  addMethodFlags(command)
  withCommonFlags(command, [
    'evaluate --rules epsilon,alpha2beta1,epsilon-plus,gradient,random --limit 50',
    'evaluate mlp-digits --rules epsilon,gamma --fill inpaint --patch-size 2 --metrics all',
    'evaluate mlp-digits --input x.npy --attribution a.npy --metrics all --json',
    'evaluate mlp-digits --input x.npy --attribution a.npy --mask m.npy --metrics sparseness,pointing_game'
  ])
  command.action((model: string | undefined, flags: Flags) => {
    const mode = flags.attribution !== undefined ? MAPS : METHODS
    refuseOthers(command, mode, [MAPS, METHODS])
    return mode === MAPS ? runScores(model, flags, context) : runMethods(model, flags, context)
  })
}

const MAPS: Mode = { name: 'with --attribution', flags: [addMapFlags, addMetricFlags], others: ['input'] }
const METHODS: Mode = {
  name: 'where methods are compared',
  flags: [withRuleFlags, withDataFlags, addMetricFlags, addMethodFlags]
}

/** The flags of scoring given maps. */
function addMapFlags(command: Command): Command {
  return command
    .option('--attribution <file>', 'maps to score, .npy shaped like the input')
    .option('--target <file>', '.npy with the explained class of each image; the predicted one by default')
    .option(
      '--features-in-step <number>',
      'given maps: pixels flipped at a time (28)',
      wholeNumber('--features-in-step', 1)
    )
    .option('--regions <number>', 'given maps: regions replaced one after the other (20)', wholeNumber('--regions', 1))
}

/** The flags of scoring maps, whoever made them. */
function addMetricFlags(command: Command): Command {
  return command
    .option('--mask <file>', '.npy of masks (above 0 is inside) or of boxes (left, top, right, bottom)')
    .option('--metrics <names...>', 'metrics (docs/metrics.md), or all that the arrays allow', collect(String))
    .option('--patch-size <pixels>', 'side of a region (1; of given maps 4)', wholeNumber('--patch-size', 1))
}

const mean = (values: number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length

/** Mean of a metric over the images that have it; of a curve the mean over its steps. */
function meanLine([metric, values]: [string, Scores[string]]): string {
  const found = values.flatMap((value) => (value === null ? [] : [Array.isArray(value) ? mean(value) : value]))
  return `${metric.padEnd(34)} mean ${mean(found).toFixed(4)} over ${counted(found.length, 'image')}`
}

async function runScores(name: string | undefined, flags: Flags, context: CliContext): Promise<void> {
  const [inputPath] = flags.input ?? []
  if (!inputPath || !flags.attribution) {
    throw new LrpError('INVALID_ARGUMENT', '--attribution needs the images of its maps: give --input x.npy')
  }
  const output = await context.begin(flags)
  const { readNpy } = await import('../../data/npy.js')
  const { scoreMaps } = await import('../../evaluate/score-maps.js')
  const model = await openModel(name, flags)
  const progress = output.progress(1, 'images')
  try {
    const [input, attribution] = await Promise.all([readNpy(inputPath), readNpy(flags.attribution)])
    const target = flags.target === undefined ? undefined : (await readNpy(flags.target)).data
    const mask = flags.mask === undefined ? undefined : await readNpy(flags.mask)
    const metrics = flags.metrics === undefined || flags.metrics[0] === 'all' ? 'all' : flags.metrics
    const { patchSize, featuresInStep, regions, seed } = flags
    const onProgress = (done: number, total: number): void => progress.updateLine(done, total)
    const scores = await scoreMaps(model, {
      input: { data: input.data, shape: input.shape }, // without the file's own name of its element type
      attribution,
      target,
      mask,
      metrics,
      patchSize,
      featuresInStep,
      regions,
      seed,
      onNote: (note) => output.note(note),
      onProgress,
      signal: context.signal
    })
    progress.stop()
    output.result(scores, Object.entries(scores).map(meanLine))
  } finally {
    progress.stop()
    model.dispose()
  }
}
