import { LrpError } from '../core/errors.js'
import type { Dataset } from '../data/dataset.js'
import type { DataTask, Graph, GraphNode, ModelParts } from '../core/graph.js'
import { callNative } from '../native/addon.js'
import { isWeighted, recordOf } from '../rules/treatment.js'
import type { RawTensor, StateDict } from '../core/tensor.js'

/** The last layer with weights, which decides the classes or values: a linear layer, or a convolution of 1x1. */
export interface Head {
  node: GraphNode
  /** What it reads: the features. */
  features: string
}

/** @throws LrpError UNSUPPORTED when the network does not end in such a layer */
export function findHead(graph: Graph): Head {
  const byName = new Map(graph.nodes.map((node) => [node.name, node]))
  let node = byName.get(graph.output)
  while (node && node.parameters.weight === undefined && node.inputs.length === 1) node = byName.get(node.inputs[0]!)
  if (!node || !isWeighted(node) || recordOf(node).transposed || node.inputs[0] === 'input') {
    throw new LrpError(
      'UNSUPPORTED',
      `the network must end in a linear layer or a convolution, but '${graph.output}' ends in neither`
    )
  }
  return { node, features: node.inputs[0]! }
}

/** Everything from the head on, as a network of its own that reads features. */
export function headGraph(graph: Graph, head: Head, featureShape: number[]): Graph {
  const from = graph.nodes.indexOf(head.node)
  const kept = new Set<string>()
  const nodes = graph.nodes.slice(from).flatMap((node): GraphNode[] => {
    if (node !== head.node && !node.inputs.some((input) => kept.has(input))) return []
    kept.add(node.name)
    return [{ ...node, inputs: node.inputs.map((input) => (input === head.features ? 'input' : input)) }]
  })
  return { inputShape: [null, ...featureShape], nodes, output: graph.output }
}

/** Tensors that a graph reads, out of those of a larger one. */
export function tensorsOf(graph: Graph, tensors: StateDict): StateDict {
  const names = graph.nodes.flatMap((node) => Object.values(node.parameters))
  return new Map(names.map((name) => [name, tensors.get(name)!]))
}

/** The same network with a new head of `outputs` outputs, initialised as PyTorch does. The same seed gives the same head. */
async function withNewHead(parts: ModelParts, head: Head, outputs: number, seed: number): Promise<ModelParts> {
  const { weight, bias } = head.node.parameters
  const old = parts.tensors.get(weight!)!.shape
  const bound = 1 / Math.sqrt(old.slice(1).reduce((product, axis) => product * axis, 1))
  const wanted = [{ name: weight!, shape: [outputs, ...old.slice(1)], bound }]
  if (bias !== undefined) wanted.push({ name: bias, shape: [outputs], bound })
  const made: Record<string, RawTensor> = await callNative((addon) => addon.initialise(wanted, seed))
  const graph = { ...parts.graph, shapes: undefined }
  return { ...parts, graph, tensors: new Map([...parts.tensors, ...Object.entries(made)]) }
}

/** What labels are to a model: independent classes make a classifier too. */
export function taskOf({ task }: Pick<Dataset, 'task'>): Pick<ModelParts, 'task' | 'multilabel'> {
  return task === 'multilabel' ? { task: 'classification', multilabel: true } : { task, multilabel: undefined }
}

/** The outputs that a data set wants: one for each class or value, for the task `binary` a single logit. */
export function outputsFor({ classes }: Dataset, task: DataTask): number {
  return task === 'binary' ? 1 : classes.length
}

/**
 * Whether a model already tells the classes of a data set apart, in its order, or predicts as many values. A file that names
 * neither task nor classes has the outputs that are wanted if it has as many.
 */
function hasOutputs(parts: ModelParts, head: Head, dataset: Dataset, outputs: number): boolean {
  const { classes } = dataset
  const { task = 'classification', multilabel = false } = taskOf(dataset)
  const own = parts.task ?? (parts.classes && 'classification')
  if (parts.tensors.get(head.node.parameters.weight!)!.shape[0] !== outputs || (own ?? task) !== task) return false
  if ((parts.multilabel ?? multilabel) !== multilabel) return false
  return task === 'regression' || parts.classes === undefined || parts.classes.every((name, i) => name === classes[i])
}

/**
 * A model whose head fits a data set: its own if that has the classes or values, else a new one.
 * @param renew a new head in any case
 */
export async function withFittingHead(
  parts: ModelParts,
  dataset: Dataset,
  outputs: number,
  seed: number,
  renew = false
): Promise<ModelParts> {
  const head = findHead(parts.graph)
  const { task, classes } = dataset
  if (task === 'regression') checkValueHead(parts.graph)
  const keeps = !renew && hasOutputs(parts, head, dataset, outputs)
  return { ...(keeps ? parts : await withNewHead(parts, head, outputs, seed)), ...taskOf(dataset), classes }
}

/** @throws LrpError UNSUPPORTED where what follows the head makes probabilities: no values can be learnt through it */
export function checkValueHead(graph: Graph): void {
  const squashes = graph.nodes.findLast((node) => recordOf(node).squashes === 'softmax')
  const last = graph.nodes.findLast(({ parameters }) => parameters.weight !== undefined)
  if (!squashes || graph.nodes.indexOf(squashes) < graph.nodes.indexOf(last!)) return
  throw new LrpError('UNSUPPORTED', `a network for regression cannot end in ${squashes.op} (node '${squashes.name}')`)
}
