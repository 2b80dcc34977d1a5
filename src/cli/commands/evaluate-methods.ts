import type { Command } from 'commander'
import { LrpError } from '../../core/errors.js'
import type { Explainer } from '../../evaluate/evaluate.js'
import type { Replacement } from '../../evaluate/flipping/replacement.js'
import type { Evaluation } from '../../evaluate/summary.js'
import type { ExplainOptions } from '../../explain/explain.js'
import { counted } from '../../core/plural.js'
import { realNumber, wholeNumber, type CliContext } from '../context.js'
import { downloadProgress } from '../data-progress.js'
import { dataOf, openModel, patternsFor, ruleOptions } from '../shared-flags.js'
import type { RemovalFlags } from './remove-features.js'

export interface MethodFlags extends RemovalFlags {
  split?: 'train' | 'valid' | 'test'
  metrics?: string[]
  mask?: string
  patchSize?: number
  replacement?: Replacement
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
    .option('--split <name>', 'train, valid or test')
    .option(
      '--replacement <name>',
      'what replaces a pixel: black, white, constant, mean, channel-mean, uniform, normal, blur, inpaint, noisy-linear (mean)'
    )
    .option('--value <number>', 'what --replacement constant puts in (0)', realNumber('--value'))
    .option('--measure <name>', 'what curves are drawn of: probability or logit of the explained class (probability)')
    .option('--flips <steps>', 'steps of a curve (20)', wholeNumber('--flips', 2))
    .option('--growing', 'more and more flips per step instead of as many at every step')
    .option('--share <share>', 'share of the image that the last step reaches (1)', realNumber('--share'))
    .option('--draws <number>', 'draws of the random order (5)', wholeNumber('--draws', 1))
    .option(
      '--randomisation <images>',
      'also randomise layer after layer and compare the maps of so many images',
      wholeNumber('--randomisation', 1)
    )
}

/** `evaluate` over a data set, images or an array: several methods, or the one that the rule flags describe. */
export async function runMethods(name: string | undefined, flags: MethodFlags, context: CliContext): Promise<void> {
  const output = await context.begin(flags)
  const { evaluate } = await import('../../evaluate/evaluate.js')
  const { join } = await import('node:path')
  const { readNpy } = await import('../../data/npy.js')
  const { model, experiment } = await openModel(name, flags)
  const progress = output.progress(1, 'images')
  try {
    const { patterns } = await patternsFor(model, flags, experiment)
    const folder = flags.output ?? experiment?.path('evaluation') ?? join('evaluation', model.name)
    const { metrics, limit, input, split, draws, randomisation, seed } = flags
    const { patchSize, replacement, value, measure, flips: steps, growing, share } = flags
    const evaluation = await evaluate(model, {
      ...dataOf(flags, experiment),
      onDownload: downloadProgress(output),
      methods: await methodsOf(flags, patterns),
      metrics: metrics?.[0] === 'all' ? 'all' : metrics,
      flipping: { patchSize, replacement, value, measure, steps, growing, share },
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
  const isList = rules !== undefined && !rules.endsWith('.json')
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

function table({ methods, metrics, images, rankedBy, comparisons }: Evaluation): string[] {
  const width = Math.max(...methods.map(({ name }) => name.length))
  const arrow = { higher: '^', lower: 'v' }
  const head = metrics.map(({ name, better }) => `${name}${better ? ` ${arrow[better]}` : ''}`)
  const rows = methods.map(({ name, scores }) => {
    const cells = metrics.map((metric, i) => {
      const { mean, low, high } = scores[metric.name]!
      return `${mean.toFixed(3)} [${low.toFixed(3)}, ${high.toFixed(3)}]`.padStart(Math.max(24, head[i]!.length))
    })
    return `${name.padEnd(width)}  ${cells.join('  ')}`
  })
  const titles = head.map((title) => title.padStart(24)).join('  ')
  const tests = comparisons.map(({ other, mean, p }) => `${other}: ${mean.toFixed(3)} (p ${p.toFixed(4)})`)
  return [
    `${counted(images.length, 'image')}, mean and 95 % interval, best ${rankedBy} first (^ higher is better, v lower):`,
    `${' '.repeat(width)}  ${titles}`,
    ...rows,
    ...(tests.length > 0 ? [`${rankedBy} of ${methods[0]!.name} over that of ${tests.join(', ')}`] : [])
  ]
}
