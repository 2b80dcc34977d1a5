import type { AttributeValue, GraphNode } from '../src/core/graph.js'
import { Model } from '../src/model/model.js'
import type { RawTensor, StateDict } from '../src/core/tensor.js'

/** A chain of layers with weights named like torch.nn.Sequential's. */
export function sequentialModel(
  inputShape: (number | null)[],
  layers: [op: string, attributes?: Record<string, AttributeValue>][],
  tensors: StateDict
): Promise<Model> {
  const nodes = layers.map(([op, attributes = {}], i): GraphNode => {
    const weighted = /^(linear|conv)/.test(op)
    return {
      name: String(i),
      op,
      attributes,
      inputs: [i === 0 ? 'input' : String(i - 1)],
      parameters: weighted ? { weight: `${i}.weight`, bias: `${i}.bias` } : {}
    }
  })
  return Model.create({ name: 'sequential', graph: { inputShape, nodes, output: nodes.at(-1)!.name }, tensors })
}

/** A float32 tensor as a weight. */
export function weight(shape: number[], values: ArrayLike<number>): RawTensor {
  return { dtype: 'f32', shape, data: new Uint8Array(Float32Array.from(values).buffer) }
}

/** A node of a small graph. */
export function node(
  name: string,
  op: string,
  inputs: string[],
  attributes: Record<string, AttributeValue> = {},
  parameters: Record<string, string> = {}
): GraphNode {
  return { name, op, inputs, attributes, parameters }
}
