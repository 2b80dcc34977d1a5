import { basename, extname } from 'node:path'
import { isLrpError, LrpError } from '../../../core/errors.js'
import type { StateDict } from '../../../core/tensor.js'
import type { ModelParts } from '../../../core/graph.js'
import { isConstant, OnnxCall, type Value } from './call.js'
import { BATCH, Constant, transposeMatrix } from './constant.js'
import { ELEMENTWISE } from './elementwise.js'
import { readOnnx, type OnnxFile, type OnnxNode } from './file.js'
import { FOLD } from './fold.js'
import { LINEAR, type Operator } from './linear.js'
import { NORM } from './norm.js'
import { OnnxDraft } from './onnx-draft.js'
import { UNFINISHED } from './patterns.js'
import { POOL } from './pool.js'
import { SHAPE } from './shape.js'

const OPSETS = { first: 11, last: 21 }
const OPERATORS: Record<string, Operator> = { ...LINEAR, ...POOL, ...NORM, ...ELEMENTWISE, ...SHAPE }

/**
 * Reads an `.onnx` file, graph and weights, opsets 11 to 21. What the file computes from shapes and weights alone is
 * computed here; activations and norms that exporters take apart are put together again. Axis 0 of the input is the
 * batch, whatever size the file was exported for.
 * @throws LrpError INVALID_FILE, UNSUPPORTED naming node and operator, NOT_FOUND, IO
 */
export async function importOnnx(path: string): Promise<ModelParts> {
  const file = await readOnnx(path)
  const { graph, constants } = translate(file)
  const tensors: StateDict = new Map()
  for (const node of graph.nodes) {
    for (const name of Object.values(node.parameters)) tensors.set(name, await materialise(constants.get(name)!))
  }
  return { name: basename(path, extname(path)), graph, tensors }
}

function materialise(constant: Constant) {
  return constant.transposeOf ? transposeMatrix(constant.transposeOf.raw) : constant.raw
}

function translate(file: OnnxFile) {
  const { path, opset } = file
  if (opset < OPSETS.first || opset > OPSETS.last) {
    const range = `${OPSETS.first} to ${OPSETS.last}`
    throw new LrpError('UNSUPPORTED', `${path} uses opset ${opset} of ONNX; opsets ${range} can be imported`)
  }
  const draft = new OnnxDraft()
  const values = new Map<string, Value>()
  for (const [name, tensor] of file.tensors) values.set(name, Constant.weight(name, tensor))
  const inputShape = readInput(file, values)
  const readers = countReaders(file)
  for (const node of file.nodes) {
    const call = new OnnxCall(
      node,
      path,
      opset,
      node.input.map((name) => find(file, values, node, name))
    )
    const made = run(call, draft)
    node.output.forEach((name, i) => {
      const value = made[i]
      if (!name || !value) return
      values.set(name, value)
      draft.countUses(call, value, readers.get(name) ?? 0)
    })
  }
  const output = readOutput(file, values)
  const { graph } = draft.draft.finish([null, ...inputShape.slice(1)], output)
  const unfinished = graph.nodes.find((node) => UNFINISHED.includes(node.op))
  if (unfinished) {
    const what = `the node '${unfinished.name}' (${unfinished.op}) is part of no activation or norm that is known`
    throw new LrpError('UNSUPPORTED', `${path}: ${what}`)
  }
  return { graph, constants: draft.constants }
}

function find(file: OnnxFile, values: Map<string, Value>, node: OnnxNode, name: string): Value | undefined {
  if (name === '') return undefined
  const value = values.get(name)
  if (value) return value
  const reader = node.name || node.output[0]
  const why = `the node '${reader}' reads '${name}', which nothing before it gives: a weight is missing or its nodes form a cycle`
  throw new LrpError('INVALID_FILE', `${file.path} is no usable ONNX file: ${why}`)
}

function run(call: OnnxCall, draft: OnnxDraft): Value[] {
  const { domain, op_type } = call.node
  const isStandard = domain === '' || domain === 'ai.onnx'
  const given = call.inputs.filter((one): one is Value => one !== undefined)
  const constants = given.length > 0 && given.every(isConstant) ? (call.inputs as Constant[]) : undefined
  const isFoldable =
    isStandard && constants !== undefined && Object.hasOwn(FOLD, op_type) && !dependsOnBatch(op_type, constants)
  const fold = isFoldable ? FOLD[op_type] : undefined
  const operator = isStandard && Object.hasOwn(OPERATORS, op_type) ? OPERATORS[op_type] : undefined
  if (!fold && !operator) throw call.fail('there is no such operator among those that can be imported')
  try {
    const made = fold ? fold(call, constants!) : operator!(call, draft)
    return Array.isArray(made) ? made : [made]
  } catch (error) {
    if (isLrpError(error)) throw error
    throw call.fail(error instanceof RangeError ? error.message : 'its inputs do not fit it')
  }
}

/** A weight repeated for every image is as large as the batch. */
function dependsOnBatch(op: string, inputs: Constant[]): boolean {
  return op === 'Expand' && inputs[1]?.numbers.some((axis) => axis % BATCH === 0 && axis > 0) === true
}

/** The shape of the one input that is no weight; axis 0 becomes the batch. */
function readInput({ inputs, path }: OnnxFile, values: Map<string, Value>): number[] {
  const own = inputs.filter(({ name }) => !values.has(name))
  if (own.length !== 1)
    throw new LrpError('UNSUPPORTED', `${path}: a model must have one input, and it has ${own.length}`)
  const { name, type } = own[0]!
  const axes = (type?.tensor_type?.shape?.dim ?? []).map((axis) => axis.dim_value)
  if (axes.length < 2) throw new LrpError('UNSUPPORTED', `${path}: the shape of its input '${name}' is not stated`)
  const free = axes.findIndex((axis, i) => i > 0 && !(axis > 0))
  if (free > 0) throw new LrpError('UNSUPPORTED', `${path}: axis ${free} of its input '${name}' has no fixed size`)
  const shape = [BATCH, ...axes.slice(1)]
  values.set(name, { node: 'input', shape })
  return shape
}

function readOutput({ outputs, path }: OnnxFile, values: Map<string, Value>): string {
  if (outputs.length !== 1) throw new LrpError('UNSUPPORTED', `${path}: a model must have one output`)
  const output = values.get(outputs[0]!.name)
  if (!output || isConstant(output) || output.node === 'input') {
    throw new LrpError('INVALID_FILE', `${path} is no usable ONNX file: its output does not depend on its input`)
  }
  return output.node
}

function countReaders({ nodes, outputs }: OnnxFile): Map<string, number> {
  const readers = new Map<string, number>()
  for (const name of [...nodes.flatMap((node) => node.input), ...outputs.map((one) => one.name)]) {
    readers.set(name, (readers.get(name) ?? 0) + 1)
  }
  return readers
}
