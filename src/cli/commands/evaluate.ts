import type { Command } from 'commander'
import { LrpError } from '../../core/errors.js'
import { counted } from '../../core/plural.js'
import { collect, wholeNumber, withCommonFlags, type CliContext } from '../context.js'
import { refuseOthers, type Mode } from '../modes.js'
import { openModel, withDataFlags, withModelFlags, withRuleFlags } from '../shared-flags.js'
import { addMethodFlags, runMethods, type MethodFlags } from './evaluate-methods.js'
import { addRemovalFlags, runRemoval } from './remove-features.js'

const RULES = 'rules, composites and methods to compare, separated by commas, or a JSON file that maps layers to rules'

interface Flags extends MethodFlags {
  attribution?: string
  target?: string
  mask?: string
  featuresInStep?: number
  regions?: number
}

/** `lrp-native evaluate` */
export function register(program: Command, context: CliContext): void {
  const command = program
    .command('evaluate')
    .description(
      'Measure explanations: compare methods over images, score maps made by any tool (--attribution), or remove features (--method feature-removal).'
    )
  addMapFlags(addMetricFlags(withDataFlags(withRuleFlags(withModelFlags(command), RULES))))
  addMethodFlags(command)
  addRemovalFlags(command)
  withCommonFlags(command, [
    'evaluate --rules epsilon,alpha2beta1,epsilon-plus,gradient,random --limit 50',
    'evaluate mlp-digits --rules epsilon,gamma --replacement inpaint --patch-size 2 --metrics all',
    'evaluate mlp-digits --input x.npy --attribution a.npy --metrics all --json',
    'evaluate mlp-digits --input x.npy --attribution a.npy --mask m.npy --metrics sparseness,pointing_game',
    'evaluate --method feature-removal --rule epsilon'
  ])
  command.action((model: string | undefined, flags: Flags) => {
    const mode = flags.method === 'feature-removal' ? REMOVAL : flags.attribution !== undefined ? MAPS : METHODS
    refuseOthers(command, mode, [REMOVAL, MAPS, METHODS])
    if (mode === REMOVAL) return runRemoval(model, { ...flags, method: undefined }, context)
    return mode === MAPS ? runScores(model, flags, context) : runMethods(model, flags, context)
  })
}

const REMOVAL: Mode = { name: 'with --method feature-removal', flags: [withRuleFlags, withDataFlags, addRemovalFlags] }
const MAPS: Mode = { name: 'with --attribution', flags: [addMapFlags, addMetricFlags], others: ['input'] }
const METHODS: Mode = {
  name: 'where methods are compared',
  flags: [withRuleFlags, withDataFlags, addMetricFlags, addMethodFlags],
  others: ['input', 'limit', 'output']
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

async function runScores(name: string | undefined, flags: Flags, context: CliContext): Promise<void> {
  const [inputPath] = flags.input ?? []
  if (!inputPath || !flags.attribution) {
    throw new LrpError('INVALID_ARGUMENT', 'maps need the images they are of: give --input x.npy beside --attribution')
  }
  const output = await context.begin(flags)
  const { readNpy } = await import('../../data/npy.js')
  const { scoreMaps } = await import('../../evaluate/score-maps.js')
  const { model } = await openModel(name, flags)
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
      onProgress,
      signal: context.signal
    })
    progress.stop()
    const mean = (values: (number | number[])[]): string => {
      const flat = values.map((value) =>
        Array.isArray(value) ? value.reduce((a, b) => a + b, 0) / value.length : value
      )
      return (flat.reduce((a, b) => a + b, 0) / flat.length).toFixed(4)
    }
    output.result(
      scores,
      Object.entries(scores).map(
        ([metric, values]) => `${metric.padEnd(34)} mean ${mean(values)} over ${counted(values.length, 'image')}`
      )
    )
  } finally {
    progress.stop()
    model.dispose()
  }
}
