import * as z from 'zod'
import { option } from '../../core/option.js'
import { withoutUndefined } from '../../core/options.js'
import { counted } from '../../core/plural.js'
import {
  compareOutputs,
  compareOutputsOptions,
  type OutputComparison,
  type OutputDifference
} from '../../explain/compare-outputs.js'
import { inspectModel, toMermaid, treatmentOf, type ModelSummary } from '../../explain/inspect-model.js'
import { Model } from '../../model/model.js'
import { loadOptions } from '../../model/options.js'
import { provenanceOf, type Provenance } from '../../model/provenance.js'
import { ruleChoice } from '../../rules/options.js'
import { defineCommand, MODEL } from '../command.js'
import type { Output } from '../context.js'

const options = z.strictObject({
  format: option(z.enum(['table', 'mermaid', 'json']).default('table'), {
    help: 'format of the printed network',
    group: 'output'
  })
})

export const register = defineCommand<string | undefined>({
  argument: MODEL,
  options: [loadOptions, ruleChoice, compareOutputsOptions, options],
  examples: [
    'inspect model.onnx',
    'inspect mlp-digits --composite epsilon-plus',
    'inspect model.onnx --input x.npy --logits y.npy --activations activations.npz',
    'inspect vgg16.pth --architecture vgg16 --format mermaid > vgg16.mmd'
  ],
  run: async ({ argument, given, output, context }) => {
    using model = await Model.load(argument, given(loadOptions))
    const outputs = given(compareOutputsOptions)
    const provenance = await provenanceOf(model)
    if (Object.keys(withoutUndefined(outputs)).length > 0) {
      const found = await compareOutputs(model, outputs)
      if (!found.agrees) context.status = 1
      return printComparison({ ...found, provenance }, output)
    }
    const summary = { ...(await inspectModel(model, given(ruleChoice))), provenance }
    const { format } = given(options)
    if (format === 'json') return output.result(summary, [JSON.stringify(summary, null, 2)])
    for (const one of summary.imported) output.note(`note: ${one}`)
    if (summary.obstacle) output.note(`note: LRP with ${summary.composite} is not possible: ${summary.obstacle}`)
    output.result(summary, format === 'mermaid' ? [toMermaid(summary)] : table(summary))
  }
})

function printComparison(found: OutputComparison & { provenance: Provenance }, output: Output): void {
  const percent = ({ difference }: OutputDifference): string => `${(difference * 100).toPrecision(3)} %`
  if (found.unknown.length > 0) output.note(`note: the network does not contain the nodes ${found.unknown.join(', ')}`)
  const { firstDifference: first, logits, images, nodes } = found
  const compared = nodes.length > 0 ? ` and ${counted(nodes.length, 'node')}` : ''
  output.result(found, [
    first
      ? `the first node whose output differs is '${first.node}', by ${percent(first)} of its largest value`
      : `the outputs of ${counted(images, 'image')}${compared} agree`,
    `logits differ by at most ${percent(logits)} of the largest logit`
  ])
}

const count = (value: number) => value.toLocaleString('en-US')

function table(summary: ModelSummary): string[] {
  const rows = summary.nodes.map((node) => [
    node.name,
    node.op,
    node.outputShape.join('x'),
    node.parameters > 0 ? count(node.parameters) : '',
    node.multiplyAdds > 0 ? count(node.multiplyAdds) : '',
    treatmentOf(node) ?? '-'
  ])
  const head = ['node', 'op', 'output', 'parameters', 'multiply-adds', summary.composite]
  const widths = head.map((title, i) => Math.max(title.length, ...rows.map((row) => row[i]!.length)))
  const line = (row: string[]) =>
    row
      .map((cell, i) => (i === 3 || i === 4 ? cell.padStart(widths[i]!) : cell.padEnd(widths[i]!)))
      .join('  ')
      .trimEnd()
  const total = `${count(summary.parameters)} parameters, ${count(summary.multiplyAdds)} multiply-adds for one image`
  const removed = summary.removed ? `, without the final ${summary.removed.kind} '${summary.removed.node}'` : ''
  const about = `${summary.name}: input ${summary.inputShape.join('x')}, output ${summary.outputKind}${removed}`
  return [about, line(head), ...rows.map(line), total]
}
