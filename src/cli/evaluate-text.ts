import { counted } from '../core/plural.js'
import type { Evaluation } from '../evaluate/results.js'
import type { Scores } from '../evaluate/score-maps.js'

const MARK = { higher: ' ^', lower: ' v' }
const CELL = 12
/** Columns of methods that fit into a line of a hundred characters besides the metric's name. */
const COLUMNS = 5

/**
 * The ranking with intervals, the tests, and the means of the other metrics, a row each.
 * @param noun what one input is called
 */
export function evaluationTable(
  { methods, metrics, images, notes, rankedBy, comparisons }: Evaluation,
  noun: string
): string[] {
  const width = Math.max(...methods.map(({ name }) => name.length))
  const ranking = methods.map(({ name, scores }, i) => {
    const { mean, low, high } = scores[rankedBy]!
    const test = comparisons[i - 1]
    const tested = test ? `  p ${test.p.toFixed(4)} against ${test.best}` : ''
    return `${name.padEnd(width)}  ${mean.toFixed(3)} [${low.toFixed(3)}, ${high.toFixed(3)}]${tested}`
  })
  const others = metrics.filter(({ name }) => name !== rankedBy)
  return [
    `mean ${rankedBy} over ${counted(images.length, noun)} with its 95 % interval, best method first:`,
    ...ranking,
    ...(others.length > 0
      ? [
          '',
          `means (^ higher is better, v lower is better${methods.length > 1 ? ', * best method' : ''}):`,
          ...meansTable(others, methods)
        ]
      : []),
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
      const best =
        better === undefined || methods.length === 1
          ? NaN
          : better === 'higher'
            ? Math.max(...means)
            : Math.min(...means)
      const row = some.map(({ scores }, i) => {
        const { mean } = scores[name]!
        return `${Number(mean.toPrecision(4))}${mean === best ? '*' : ''}`.padStart(cells[i]!)
      })
      lines.push([`${name}${better ? MARK[better] : ''}`.padEnd(width), ...row].join('  '))
    }
  }
  return lines
}

const mean = (values: number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length

/** Mean of a metric over the inputs that have it; of a curve the mean over its steps. */
export function meanLine(metric: string, values: Scores[string], noun: string): string {
  const found = values.flatMap((value) => (value === null ? [] : [Array.isArray(value) ? mean(value) : value]))
  return `${metric.padEnd(34)} mean ${mean(found).toFixed(4)} over ${counted(found.length, noun)}`
}
