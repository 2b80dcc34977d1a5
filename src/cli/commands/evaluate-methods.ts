import { LrpError } from '../../core/errors.js'
import { counted } from '../../core/plural.js'
import type { Explainer } from '../../evaluate/methods.js'
import { evaluateOptions } from '../../evaluate/options.js'
import type { Evaluation } from '../../evaluate/results.js'
import type { ExplainOptions } from '../../explain/options.js'
import type { CliContext, CommonFlags } from '../context.js'
import { downloadProgress } from '../data-progress.js'
import { optionsOf } from '../flags.js'
import { openModel, ruleOptions, type DataFlags, type ModelFlags, type RuleFlags } from '../shared-flags.js'

export interface MethodFlags extends CommonFlags, DataFlags, ModelFlags, RuleFlags {
  input?: string[]
}

/** `evaluate` over a data set, images or an array: several methods, or the one that the rule flags describe. */
export async function runMethods(name: string | undefined, flags: MethodFlags, context: CliContext): Promise<void> {
  const output = await context.begin(flags)
  const { evaluate } = await import('../../evaluate/evaluate.js')
  const { join } = await import('node:path')
  const { loadPatterns } = await import('../../explain/patterns.js')
  const model = await openModel(name, flags)
  const progress = output.progress(1, 'images')
  try {
    const patterns = flags.patterns === undefined ? undefined : await loadPatterns(flags.patterns, model)
    const options = optionsOf(evaluateOptions, flags)
    const folder = options.output ?? model.experiment?.path('evaluation') ?? join('evaluation', model.name)
    const evaluation = await evaluate(model, {
      ...options,
      onDownload: downloadProgress(output),
      methods: await methodsOf(flags, patterns),
      patterns,
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
  const options = ruleOptions(flags)
  const { rules, ...rest } = options
  if (rules !== undefined && (rules.includes(',') || !rules.endsWith('.json'))) {
    const [other] = Object.keys(rest)
    if (other)
      throw new LrpError('INVALID_ARGUMENT', `a list of --rules compares them as they are: leave '${other}' out`)
    return rules.split(',').map((one) => one.trim())
  }
  if (Object.keys(options).length === 0) return undefined
  const { explain, planOf } = await import('../../explain/explain.js')
  const name = options.method ?? options.rule ?? (options.composite as string | undefined) ?? rules ?? 'auto'
  return [
    {
      name,
      options,
      rules: async (model) => (await planOf(model, options)).rules,
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
