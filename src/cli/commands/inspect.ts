import type { Command } from 'commander'
import { LrpError } from '../../core/errors.js'
import type { ModelSummary } from '../../explain/inspect-model.js'
import { withCommonFlags, type CliContext, type CommonFlags } from '../context.js'
import { openModel, withModelFlags, type ModelFlags } from '../shared-flags.js'

interface Flags extends CommonFlags, ModelFlags {
  rule?: string
  composite?: string
  rules?: string
  format: string
}

const FORMATS = ['table', 'mermaid', 'json']

/** `lrp-native inspect [model]` */
export function register(program: Command, context: CliContext): void {
  const command = program
    .command('inspect')
    .description(
      'Show what a network is made of: nodes, shapes, parameters, multiply-adds and the rule each would get.'
    )
  withModelFlags(command)
    .option('--rule <name>', 'the rule whose treatment of each node is shown; epsilon by default')
    .option('--composite <name>', 'a composite instead')
    .option('--rules <file>', 'JSON file that maps layers to rules (docs/rules.md)')
    .option('--format <name>', FORMATS.join(', '), 'table')
  withCommonFlags(command, [
    'inspect model.onnx',
    'inspect mlp-digits --composite epsilon-plus',
    'inspect vgg16.pth --architecture vgg16 --format mermaid > vgg16.mmd'
  ])
  command.action(async (name: string | undefined, flags: Flags) => {
    if (!FORMATS.includes(flags.format)) {
      throw new LrpError('INVALID_ARGUMENT', `--format must be one of ${FORMATS.join(', ')}, not '${flags.format}'`)
    }
    const output = await context.begin(flags)
    const { inspectModel, toMermaid } = await import('../../explain/inspect-model.js')
    const { model } = await openModel(name, flags)
    try {
      const { rule, composite, rules, format } = flags
      const summary = await inspectModel(model, { rule, composite, rules })
      if (format === 'json') return output.result(summary, [JSON.stringify(summary, null, 2)])
      if (summary.obstacle) output.note(`note: LRP by ${summary.composite} is not possible: ${summary.obstacle}`)
      output.result(summary, format === 'mermaid' ? [toMermaid(summary)] : table(summary))
    } finally {
      model.dispose()
    }
  })
}

const count = (value: number) => value.toLocaleString('en-US')

function table(summary: ModelSummary): string[] {
  const rows = summary.nodes.map((node) => [
    node.name,
    node.op,
    node.outputShape.join('x'),
    node.parameters > 0 ? count(node.parameters) : '',
    node.multiplyAdds > 0 ? count(node.multiplyAdds) : '',
    node.rule?.rule ?? '-'
  ])
  const head = ['node', 'op', 'output', 'parameters', 'multiply-adds', summary.composite]
  const widths = head.map((title, i) => Math.max(title.length, ...rows.map((row) => row[i]!.length)))
  const line = (row: string[]) =>
    row
      .map((cell, i) => (i === 3 || i === 4 ? cell.padStart(widths[i]!) : cell.padEnd(widths[i]!)))
      .join('  ')
      .trimEnd()
  const total = `${count(summary.parameters)} parameters, ${count(summary.multiplyAdds)} multiply-adds for one image`
  return [`${summary.name}: input ${summary.inputShape.join('x')}`, line(head), ...rows.map(line), total]
}
