import { LrpError } from '../../core/errors.js'
import { writeAtomic } from '../../core/files.js'
import { packageVersion } from '../../core/package-version.js'
import type { RawTensor } from '../../core/tensor.js'
import { ONNX } from '../import/onnx/proto.js'
import { ONNX_DTYPES } from '../import/onnx/tensor-proto.js'
import { FURTHER_INPUT, furtherInputs } from '../further-inputs.js'
import type { Model } from '../model.js'
import { OPERATORS } from './onnx-operators.js'
import { NodeWriter, type OnnxNode } from './onnx-node.js'

const OPSET = 21
const IR_VERSION = 10
/** What one protobuf message can hold. */
const LARGEST = 2 ** 31 - 2 ** 20

/**
 * Writes graph and weights as an ONNX file (opset 21). If the network has several inputs, all of them become inputs of
 * the file, with one row for each image.
 * @throws LrpError UNSUPPORTED naming the node, IO
 */
export async function writeOnnx(model: Model, path: string): Promise<void> {
  const tensors = new Map(await model.stateDict())
  const total = [...tensors.values()].reduce((sum, { data }) => sum + data.length, 0)
  if (total > LARGEST)
    throw new LrpError(
      'UNSUPPORTED',
      `${path} cannot be written: the weights are larger than 2 GB, the limit of an ONNX file`
    )
  const shapes: Record<string, number[]> = { input: [1, ...model.imageShape], ...model.shapes() }
  const nodes: OnnxNode[] = []
  const further = furtherInputs(model.graph)
  for (const node of model.graph.nodes) {
    if (node.op === FURTHER_INPUT) continue
    const operator = Object.hasOwn(OPERATORS, node.op) ? OPERATORS[node.op] : undefined
    if (!operator) throw new LrpError('UNSUPPORTED', `node '${node.name}' (${node.op}) has no counterpart in ONNX`)
    const writer = new NodeWriter(node, shapes, tensors)
    operator(writer)
    nodes.push(...writer.nodes)
  }
  const read = new Set(nodes.flatMap((node) => node.input))
  for (const { name } of further) read.delete(name) // the file is given their values
  const graph = {
    name: model.name,
    node: nodes,
    initializer: [...tensors].filter(([name]) => read.has(name)).map(([name, tensor]) => toMessage(name, tensor)),
    input: [valueInfo('input', shapes.input!), ...further.map(({ name, shape }) => valueInfo(name, [1, ...shape]))],
    output: [valueInfo(model.graph.output, shapes[model.graph.output]!)]
  }
  const message = {
    ir_version: IR_VERSION,
    producer_name: `lrp-native ${packageVersion()}`,
    graph,
    opset_import: [{ domain: '', version: OPSET }]
  }
  const type = ONNX.lookupType('Model')
  await writeAtomic(path, type.encode(type.fromObject(message)).finish())
}

function toMessage(name: string, { dtype, shape, data }: RawTensor) {
  const type = Object.entries(ONNX_DTYPES).find(([, one]) => one === dtype)![0]
  return { name, dims: shape, data_type: Number(type), raw_data: data }
}

function valueInfo(name: string, shape: number[]) {
  const dim = shape.map((axis, i) => (i === 0 ? { dim_param: 'batch' } : { dim_value: axis }))
  return { name, type: { tensor_type: { elem_type: 1, shape: { dim } } } }
}
