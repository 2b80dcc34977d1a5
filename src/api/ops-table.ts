import { native } from '../native/addon.js'

const SIGNS = { any: 'any', keeps: 'non-negative if the inputs are', nonnegative: 'non-negative' }

/** The table of docs/ops.md: every op of this package, as its record in native/ops/registry.cpp describes it. */
export function opsTable(): string {
  const rows = native()
    .ops()
    .map((op) => ({ op, ...native().opRecord(op) }))
    .map(({ op, kind, rule, sign, movesValues, gates, conserves }) => {
      const named = rule === '' ? '' : `\`${rule}\``
      return row([`\`${op}\``, kind, named, SIGNS[sign], yes(movesValues), yes(gates), conserves])
    })
  const head = ['op', 'kind', 'default rule', 'sign of the output', 'rearranges values', 'gates', 'conserves relevance']
  return [row(head), row(head.map(() => '---')), ...rows].join('\n')
}

const yes = (flag: boolean): string => (flag ? 'yes' : '')

function row(cells: string[]): string {
  return `|${cells.map((cell) => (cell === '' ? ' ' : ` ${cell} `)).join('|')}|`.replaceAll(' --- ', '---')
}

const TABLE = /(<!-- make-ops-page: begin -->\n\n)[^]*?(\n\n<!-- make-ops-page: end -->)/

/** A page with its table written again. */
export function withOpsTable(page: string): string {
  return page.replace(TABLE, (_, begin: string, end: string) => begin + opsTable() + end)
}
