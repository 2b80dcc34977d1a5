import type { Command } from 'commander'
import { LrpError } from '../../core/errors.js'
import type { Explainer } from '../../evaluate/methods.js'
import { FILLS, type Fill } from '../../evaluate/perturbation/fills.js'
import type { Evaluation } from '../../evaluate/results.js'
import type { ExplainOptions } from '../../explain/options.js'
import { counted } from '../../core/plural.js'
import { realNumber, wholeNumber, type CliContext, type CommonFlags } from '../context.js'
import { downloadProgress } from '../data-progress.js'
import { givenData, openModel, ruleOptions, type DataFlags, type ModelFlags, type RuleFlags } from '../shared-flags.js'

export interface MethodFlags extends CommonFlags, DataFlags, ModelFlags, RuleFlags {
  input?: string[]
  limit?: number
  output?: string
  split?: 'train' | 'valid' | 'test'
  metrics?: string[]
  mask?: string
  patchSize?: number
  fill?: Fill
  value?: number
  measure?: 'probability' | 'logit'
  flips?: number
  growing?: boolean
  share?: number
  draws?: number
  randomisation?: number
}

/** The flags of comparing methods. */
export function addMethodFlags(command: Command): Command {
  return command
    .option('--input <paths...>', 'images or one .npy file instead of the test split')
    .option('--split <name>', 'train, valid or test')
    .option('--limit <number>', 'maximum number of images (100)', wholeNumber('--limit', 1))
    .option('--output <folder>', "where results go; by default the experiment's evaluation/")
    .option('--fill <name>', `what replaces a pixel: ${FILLS.join(', ')} (mean)`)
    .option('--value <number>', 'the number of --fill constant (0)', realNumber('--value'))
    .option('--measure <name>', 'what curves are drawn of: probability or logit of the explained class (probability)')
    .option('--flips <steps>', 'steps of a curve (20)', wholeNumber('--flips', 2))
    .option('--growing', 'steps that grow instead of steps of one size')
    .option('--share <share>', 'share of the image that the last step reaches (1)', realNumber('--share'))
    .option('--draws <number>', 'draws of the random order (5)', wholeNumber('--draws', 1))
    .option(
      '--randomisation <images>',
      'number of images for parameter randomisation: layer after layer is randomised and maps are compared',
      wholeNumber('--randomisation', 1)
    )
}

/** `evaluate` over a data set, images or an array: several methods, or the one that the rule flags describe. */
export async function runMethods(name: string | undefined, flags: MethodFlags, context: CliContext): Promise<void> {
  const output = await context.begin(flags)
  const { evaluate } = await import('../../evaluate/evaluate.js')
  const { join } = await import('node:path')
  const { loadPatterns } = await import('../../explain/patterns.js')
  const { readNpy } = await import('../../data/npy.js')
  const model = await openModel(name, flags)
  const progress = output.progress(1, 'images')
  try {
    const patterns = flags.patterns === undefined ? undefined : await loadPatterns(flags.patterns, model)
    const folder = flags.output ?? model.experiment?.path('evaluation') ?? join('evaluation', model.name)
    const { metrics, limit, input, split, draws, randomisation, seed } = flags
    const { patchSize, fill, value, measure, flips: steps, growing, share } = flags
    const evaluation = await evaluate(model, {
      ...givenData(flags),
      onDownload: downloadProgress(output),
      methods: await methodsOf(flags, patterns),
      metrics: metrics?.[0] === 'all' ? 'all' : metrics,
      perturbation: { patchSize, fill, value, measure, steps, growing, share },
      limit,
      mask: flags.mask === undefined ? undefined : await readNpy(flags.mask),
      input,
      split,
      draws,
      randomisation,
      patterns,
      seed,
      output: folder,
      onProgress: (done, total) => progress.updateLine(done, total),
      signal: context.signal
    })
    progress.stop()
    output.result({ ...evaluation, folder }, [...table(evaluation), `written to ${folder}`])
  } finally {
    progress.stop()
    model.dispose()
  }
}

/** Names from `--rules a,b,c`; or the one method that the other rule flags describe. */
async function methodsOf(
  flags: MethodFlags,
  patterns: ExplainOptions['patterns']
): Promise<(string | Explainer)[] | undefined> {
  const { rules, ...rest } = ruleOptions(flags)
  const isList = rules !== undefined && (rules.includes(',') || !rules.endsWith('.json'))
  if (isList) {
    const [other] = Object.keys(rest)
    if (other)
      throw new LrpError('INVALID_ARGUMENT', `a list of --rules compares them as they are: leave '${other}' out`)
    return rules.split(',').map((one) => one.trim())
  }
  const options = ruleOptions(flags)
  if (Object.keys(options).length === 0) return undefined
  const { explain } = await import('../../explain/explain.js')
  const name = options.method ?? options.rule ?? (options.composite as string | undefined) ?? options.rules ?? 'epsilon'
  return [
    {
      name,
      options,
      explain: async (model, images, targets) =>
        (await explain(model, images, { ...options, patterns, targets })).relevance.data
    }
  ]
}

const MARK = { higher: ' ^', lower: ' v' }
const CELL = 12
/** Columns of methods that fit into a line of a hundred characters besides the metric's name. */
const COLUMNS = 5

/** The ranking with intervals, the tests, and the means of the other metrics, a row each. */
function table({ methods, metrics, images, notes, rankedBy, comparisons }: Evaluation): string[] {
  const width = Math.max(...methods.map(({ name }) => name.length))
  const ranking = methods.map(({ name, scores }, i) => {
    const { mean, low, high } = scores[rankedBy]!
    const test = comparisons[i - 1]
    const tested = test ? `  p ${test.p.toFixed(4)} against ${test.best}` : ''
    return `${name.padEnd(width)}  ${mean.toFixed(3)} [${low.toFixed(3)}, ${high.toFixed(3)}]${tested}`
  })
  const others = metrics.filter(({ name }) => name !== rankedBy)
  return [
    `${rankedBy} over ${counted(images.length, 'image')}, mean and 95 % interval, best first:`,
    ...ranking,
    ...(others.length > 0 ? ['', 'means (^ higher is better, v lower, * best):', ...meansTable(others, methods)] : []),
    ...notes
  ]
}

function meansTable(metrics: Evaluation['metrics'], methods: Evaluation['methods']): string[] {
  const width = Math.max(...metrics.map(({ name }) => name.length + 2))
  const lines: string[] = []
  for (let from = 0; from < methods.length; from += COLUMNS) {
    const some = methods.slice(from, from + COLUMNS)
    const cells = some.map(({ name }) => Math.max(CELL, name.length))
    lines.push([' '.repeat(width), ...some.map(({ name }, i) => name.padStart(cells[i]!))].join('  '))
    for (const { name, better } of metrics) {
      const means = methods.map(({ scores }) => scores[name]!.mean)
      const best = better === undefined ? NaN : better === 'higher' ? Math.max(...means) : Math.min(...means)
      const row = some.map(({ scores }, i) => {
        const { mean } = scores[name]!
        return `${Number(mean.toPrecision(4))}${mean === best ? '*' : ''}`.padStart(cells[i]!)
      })
      lines.push([`${name}${better ? MARK[better] : ''}`.padEnd(width), ...row].join('  '))
    }
  }
  return lines
}
