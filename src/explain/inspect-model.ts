import type { RuleChoice } from '../rules/options.js'
import { chooseComposite } from '../rules/choose.js'
import { planNodes } from '../rules/resolve.js'
import { isLrpError } from '../core/errors.js'
import { counted } from '../core/plural.js'
import type { NodeRule } from '../native/addon.js'
import { sizeOf } from '../core/tensor.js'
import type { Layout, OutputKind } from '../core/graph.js'
import type { Model } from '../model/model.js'

/** A node of a network as `inspect` shows it. */
export interface NodeSummary {
  /** Name of the node. */
  name: string
  /** Name of the op. */
  op: string
  /** Names of the nodes that this node reads. */
  inputs: string[]
  /** Shape of the output for one image, without the batch. */
  outputShape: number[]
  /**
   * Number of parameters, without running statistics. A weight that several nodes share counts only at the first of
   * them.
   */
  parameters: number
  /** Number of multiply-adds for one image. */
  multiplyAdds: number
  /** LRP rule of the node; missing if no rule applies or if the node is folded. */
  rule?: NodeRule
  /** True if the node is folded into another layer before the explanation. */
  folded?: boolean
}

/** Return value of `inspectModel`: nodes with shapes, sizes and rules, and totals. */
export interface ModelSummary {
  /** Name of the model. */
  name: string
  /** Shape of one input, without the batch. */
  inputShape: number[]
  /** Layout of arrays in the model file. */
  layout: Layout
  /** Changes that the import made to the network, as sentences. */
  imported: string[]
  /** Meaning of the outputs: classes, binary, multilabel or values. */
  outputKind: OutputKind
  /** The final softmax or sigmoid that was removed from the network. */
  removed?: Model['removed']
  /** The nodes in order of execution. */
  nodes: NodeSummary[]
  /** Total number of parameters. */
  parameters: number
  /** Number of multiply-adds for one image. */
  multiplyAdds: number
  /** Name of the rule or composite that defines the rules of the nodes. */
  composite: string
  /** The reason why LRP cannot explain the network with these rules, if it cannot. */
  obstacle?: string
}

/**
 * Describes a network: its nodes with shapes and sizes, and the rule that each node gets.
 * @throws LrpError INVALID_ARGUMENT for unknown rules, DISPOSED
 */
export async function inspectModel(model: Model, choice: RuleChoice = {}): Promise<ModelSummary> {
  const [shapes, composite] = [model.shapes(), await chooseComposite(choice)]
  const images = model.graph.inputShape[0] ?? 1
  const work = new Map(model.parts.facts!.map(({ name, multiplyAdds }) => [name, multiplyAdds / images]))
  const rules = planned(model, composite)
  const counted = new Set<string>()
  const folded = new Set(await model.folded())
  const nodes = model.graph.nodes.map((node): NodeSummary => {
    const own = Object.entries(node.parameters).flatMap(([role, name]) =>
      role.startsWith('running_') || counted.has(name) ? [] : [name]
    )
    own.forEach((name) => counted.add(name))
    return {
      name: node.name,
      op: node.op,
      inputs: node.inputs,
      outputShape: shapes[node.name]!.slice(1),
      parameters: own.reduce((sum, name) => sum + sizeOf(model.parameterShapes.get(name) ?? [0]), 0),
      multiplyAdds: work.get(node.name)!,
      ...(folded.has(node.name) ? { folded: true } : { rule: rules.found.get(node.name) })
    }
  })
  return {
    name: model.name,
    inputShape: model.imageShape,
    layout: model.layout,
    imported: importOf(model, folded),
    outputKind: model.outputKind(shapes[model.graph.output]!.at(-1)!),
    removed: model.removed,
    nodes,
    parameters: nodes.reduce((sum, node) => sum + node.parameters, 0),
    multiplyAdds: nodes.reduce((sum, node) => sum + node.multiplyAdds, 0),
    composite: composite.name,
    obstacle: rules.obstacle
  }
}

function importOf({ parts, layout, removed }: Model, folded: Set<string>): string[] {
  return [
    ...(folded.size > 0 ? [`folded before explaining: ${counted(folded.size, 'node')}, marked 'folded'`] : []),
    ...(layout === 'nhwc' ? ['transposed: the file uses [batch, height, width, channels]'] : []),
    ...(removed ? [`removed: the final ${removed.kind}`] : []),
    ...(parts.notes ?? [])
  ]
}

function planned(model: Model, composite: Awaited<ReturnType<typeof chooseComposite>>) {
  try {
    const plans = planNodes(model.graph, composite, { inputRange: model.inputRange })
    const rules = plans.filter((plan) => typeof plan !== 'string')
    const obstacle = plans.find((plan) => typeof plan === 'string')
    return { found: new Map(rules.map((rule) => [rule.node, rule])), obstacle }
  } catch (error) {
    if (!isLrpError(error)) throw error
    return { found: new Map<string, NodeRule>(), obstacle: error.message }
  }
}

/** The name of a node's rule, or `folded`; undefined if it has no rule. */
export function treatmentOf({ folded, rule }: NodeSummary): string | undefined {
  return folded ? 'folded' : rule?.rule
}

/** Draws the network as a Mermaid flowchart: a box for each node, an arrow for each value. */
export function toMermaid(summary: ModelSummary): string {
  const ids = new Map([['input', 'input'], ...summary.nodes.map((node, i): [string, string] => [node.name, `n${i}`])])
  const boxes = summary.nodes.map((node) => {
    const treatment = treatmentOf(node)
    const rule = treatment ? `<br/>${treatment}` : ''
    return `  ${ids.get(node.name)}["${escaped(node.name)}<br/>${node.op} ${node.outputShape.join('×')}${rule}"]`
  })
  const arrows = summary.nodes.flatMap((node) =>
    node.inputs.map((from) => `  ${ids.get(from)} --> ${ids.get(node.name)}`)
  )
  const input = `  input(["input<br/>${summary.inputShape.join('×')}"])`
  return ['flowchart TD', input, ...boxes, ...arrows].join('\n')
}

function escaped(text: string): string {
  return text.replace(/["<>&#]/g, (one) => `#${one.codePointAt(0)};`)
}
