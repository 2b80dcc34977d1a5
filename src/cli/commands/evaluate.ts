import type { Command } from 'commander'
import { z } from 'zod'
import { option } from '../../core/option.js'
import { LrpError } from '../../core/errors.js'
import { counted } from '../../core/plural.js'
import { evaluateOptions, scoreMapsOptions } from '../../evaluate/options.js'
import type { Scores } from '../../evaluate/score-maps.js'
import { withCommonFlags, type CliContext } from '../context.js'
import { addFlags, optionsOf } from '../flags.js'
import { refuseOthers, type Mode } from '../modes.js'
import { openModel, withModelFlags, withRuleFlags } from '../shared-flags.js'
import { runMethods, type MethodFlags } from './evaluate-methods.js'

const RULES = {
  rules: option(z.string(), {
    help: 'rules, composites and methods to compare, separated by commas, or a JSON file that maps layers to rules',
    group: 'how',
    unit: 'names'
  })
}

const { attribution } = scoreMapsOptions.shape
/** What is read from files; `--attribution` decides whether maps are given. */
const mapsOptions = scoreMapsOptions
  .omit({ input: true })
  .extend({ attribution: attribution.optional().meta(attribution.meta()!) })

interface Flags extends MethodFlags {
  attribution?: string
}

/** `lrp-native evaluate` */
export function register(command: Command, context: CliContext): void {
  withMapFlags(withMethodFlags(withModelFlags(command)))
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

function withMethodFlags(command: Command): Command {
  return addFlags(withRuleFlags(command, RULES), evaluateOptions)
}

function withMapFlags(command: Command): Command {
  return addFlags(command, mapsOptions)
}

const MAPS: Mode = { name: 'with --attribution', flags: [withMapFlags], others: ['input'] }
const METHODS: Mode = { name: 'where methods are compared', flags: [withMethodFlags] }

const mean = (values: number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length

/** Mean of a metric over the images that have it; of a curve the mean over its steps. */
function meanLine([metric, values]: [string, Scores[string]]): string {
  const found = values.flatMap((value) => (value === null ? [] : [Array.isArray(value) ? mean(value) : value]))
  return `${metric.padEnd(34)} mean ${mean(found).toFixed(4)} over ${counted(found.length, 'image')}`
}

async function runScores(name: string | undefined, flags: Flags, context: CliContext): Promise<void> {
  const { attribution, ...options } = optionsOf(mapsOptions, flags)
  const [input] = flags.input ?? []
  if (!input || !attribution)
    throw new LrpError('INVALID_ARGUMENT', '--attribution needs the images of its maps: give --input x.npy')
  const output = await context.begin(flags)
  const { scoreMaps } = await import('../../evaluate/score-maps.js')
  const model = await openModel(name, flags)
  const progress = output.progress(1, 'images')
  try {
    const scores = await scoreMaps(model, {
      ...options,
      input,
      attribution,
      onNote: (note) => output.note(note),
      onProgress: (done, total) => progress.updateLine(done, total),
      signal: context.signal
    })
    progress.stop()
    output.result(scores, Object.entries(scores).map(meanLine))
  } finally {
    progress.stop()
    model.dispose()
  }
}
