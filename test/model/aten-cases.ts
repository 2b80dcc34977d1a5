import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import type { AttributeValue, GraphNode } from '../../src/core/graph.js'
import { packageRoot } from '../../src/core/paths.js'
import type { RawTensor, Tensor } from '../../src/core/tensor.js'
import { Model } from '../../src/model/model.js'
import { node } from '../models.js'
import { floats } from '../shared.js'

/** An overload of aten as Python calls it; scripts/make-aten-fixture.py writes them. */
export interface AtenCase {
  op: string
  /** Values, or names of tensors. `indices.1`: the second of a list. */
  arguments: Record<string, AttributeValue>
  /** Of the output. */
  shape: number[]
  output: string
  /** With respect to the argument `of`, for relevance cos(0.7 i). Absent where no gradient reaches it. */
  gradient?: string
  of?: string
}

interface Fixture {
  tensors: Record<string, { dtype: string; shape: number[]; data: string }>
  cases: AtenCase[]
}

const path = join(packageRoot, 'test', 'model', 'fixtures', 'aten-overloads.json.gz')
const fixture = JSON.parse(gunzipSync(readFileSync(path)).toString()) as Fixture
const bytes = (text: string): Uint8Array => new Uint8Array(Buffer.from(text, 'base64'))

export const ATEN_CASES = fixture.cases

export function numbers(text: string): Float32Array {
  return new Float32Array(bytes(text).buffer)
}

/** A call with its tensors apart from its other arguments. */
export interface Call {
  op: string
  /** Tensors by argument. */
  tensors: [string, RawTensor][]
  attributes: GraphNode['attributes']
}

export function callOf({ op, arguments: given }: AtenCase): Call {
  const isTensor = (value: unknown): value is string => typeof value === 'string' && value in fixture.tensors
  const tensors: [string, RawTensor][] = []
  const attributes: GraphNode['attributes'] = {}
  for (const [name, value] of Object.entries(given)) {
    if (!isTensor(value)) attributes[name] = value
    else {
      const { dtype, shape, data } = fixture.tensors[value]!
      tensors.push([name, { dtype: dtype as RawTensor['dtype'], shape, data: bytes(data) }])
    }
  }
  return { op, tensors, attributes }
}

/** Output and inferred shape of a call as a node over the network's input, its first tensor of numbers, and constants. */
export async function forward({ op, tensors, attributes }: Call): Promise<Tensor & { inferred: number[] }> {
  const explained = tensors.findIndex(([, { dtype }]) => dtype === 'f32')
  const inputs = tensors.map(([name], i) => (i === explained ? 'input' : name))
  const constants = inputs.flatMap((name) =>
    name === 'input' ? [] : [node(name, 'constant', [], {}, { value: name })]
  )
  const input = tensors[Math.max(0, explained)]![1]
  const call = node('call', op, inputs, { ...attributes, arguments: tensors.map(([name]) => name) })
  using model = await Model.create({
    name: op,
    // a softmax at the end would be left out
    graph: {
      inputShape: input.shape,
      nodes: [...constants, call, node('after', 'mul_scalar', ['call'], { value: 1 })],
      output: 'after'
    },
    tensors: new Map(tensors)
  })
  return { ...(await model.forward(floats(input))), inferred: model.shapes().call! }
}
