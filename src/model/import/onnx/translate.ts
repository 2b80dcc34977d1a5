import { isLrpError, LrpError } from '../../../core/errors.js'
import type { Graph, Layout } from '../../../core/graph.js'
import { TORCH_DTYPE, type DType } from '../../../core/tensor.js'
import { FURTHER_INPUT } from '../../further-inputs.js'
import { chooseInputs, type DeclaredInput, type GivenInputs, type OtherInput } from '../inputs.js'
import { BatchMixed, isConstant, OnnxCall, type NodeValue, type Value } from './call.js'
import { Constant } from './constant.js'
import { axisSize, dependsOnBatch, equal, Size, type Dim } from './dim.js'
import { Evaluation } from './evaluate.js'
import type { OnnxFile } from './file.js'
import { FOLD, TooLarge } from './fold.js'
import { readsChannelsLast } from './layout.js'
import { OnnxDraft } from './onnx-draft.js'
import { recurrentReason } from '../recurrent.js'
import { OPERATORS } from './operators/index.js'
import { invalid, standardOpset, type OnnxFunction, type OnnxGraph, type OnnxNode, type ValueInfo } from './proto.js'
import { countReaders, neededNodes, Scope, withAttributes } from './scope.js'
import { ONNX_DTYPES, tensorOf } from './tensor-proto.js'

export const OPSETS = { first: 7, last: 28 }
/** Nodes of functions within functions, and how deep they may go. */
const MOST_NODES = 200_000
const DEEPEST = 32

export interface Translated {
  graph: Graph
  constants: Map<string, Constant>
  notes?: string[]
  layout: Layout
  /** Its input holds bytes. */
  takesBytes: boolean
}

/** What is known of the input besides the file. */
interface Reading extends GivenInputs {
  /** Channels, height, width. */
  inputShape?: readonly number[]
  layout?: Layout
}

/** ONNX's number for the element type. */
const UINT8 = 2
const toLast = ([channels, ...space]: readonly number[]): number[] => [...space, channels!]

/**
 * The network of a file. A file for a fixed number of images is first read for any number of them; where one of its operators
 * mixes images, it stays a network for that number.
 */
export async function translate(file: OnnxFile, how: Reading = {}): Promise<Translated> {
  const { path, opset } = file
  if (opset < OPSETS.first || opset > OPSETS.last) {
    const range = `${OPSETS.first} to ${OPSETS.last}`
    throw new LrpError('UNSUPPORTED', `${path} uses ONNX opset ${opset}, but only opsets ${range} can be imported`)
  }
  const { input, given } = inputsOf(file, how)
  const layout = how.layout ?? layoutOf(file, input)
  const axes = axesOf(file, input, layout === 'nhwc' ? how.inputShape && toLast(how.inputShape) : how.inputShape)
  const about = { layout, takesBytes: input.type?.tensor_type?.elem_type === UINT8 }
  const [batch] = axes
  const read = async (axes: Dim[], followed?: number): Promise<Translated> => ({
    ...(await translated(file, input, given, axes, followed)),
    ...about
  })
  if (typeof batch !== 'number') return read(axes)
  try {
    return await read(axes.with(0, axisSize(0)), batch)
  } catch (error) {
    if (!(error instanceof BatchMixed) && !(isLrpError(error) && error.code === 'UNSUPPORTED')) throw error
    return read(axes)
  }
}

function layoutOf(file: OnnxFile, { name, type }: ValueInfo): Layout {
  const axes = (type?.tensor_type?.shape?.dim ?? []).map((axis) => axis.dim_value)
  return readsChannelsLast(file, name, axes) ? 'nhwc' : 'nchw'
}

/** The input that is explained, and arrays for the others: of inputs that are no weights, those that something reads. */
function inputsOf(file: OnnxFile, how: GivenInputs): { input: ValueInfo; given: OtherInput[] } {
  const { path, inputs, nodes, outputs, tensors, unreadable } = file
  const own = inputs.filter(({ name }) => !tensors.has(name) && !unreadable.has(name))
  const results = outputs.slice(0, 1).map((one) => one.name)
  const readers = countReaders(neededNodes(nodes, results), results)
  const read = own.filter(({ name }) => readers.has(name))
  const found = own.length > 1 && read.length > 0 ? read : own
  if (found.length === 0) throw invalid(path, 'it has no input')
  const declared = found.map(declaredInput)
  const { explained, others } = chooseInputs(path, declared, how)
  return { input: found.find(({ name }) => name === explained)!, given: others }
}

function declaredInput({ name, type }: ValueInfo): DeclaredInput {
  const axes = (type?.tensor_type?.shape?.dim ?? []).map(({ dim_value: axis }) => (axis > 0 ? axis : null))
  return { name, shape: axes, dtype: ONNX_DTYPES[type?.tensor_type?.elem_type || 1] ?? 'f32' }
}

/** Sizes of the input's axes: the file's, else those that the caller names, else open. */
function axesOf(file: OnnxFile, { name, type }: ValueInfo, imageShape?: readonly number[]): Dim[] {
  const { path } = file
  const axes = (type?.tensor_type?.shape?.dim ?? []).map((axis) => axis.dim_value)
  if (axes.length < 2) throw new LrpError('UNSUPPORTED', `${path} does not contain the shape of its input '${name}'`)
  if (axes.some((axis) => axis > 1 << 24)) throw invalid(path, `its input '${name}' is too large`)
  return axes.map((axis, i) => {
    const wanted = i > 0 ? imageShape?.[i - 1] : undefined
    return axis > 0 ? axis : (wanted ?? (i === 1 ? channelsRead(file, name) : undefined) ?? axisSize(i))
  })
}

/** How many channels the convolution that reads the input has. */
function channelsRead({ nodes, tensors }: OnnxFile, name: string): number | undefined {
  const reader = nodes.find((node) => node.op_type === 'Conv' && node.input[0] === name)
  const weight = reader && tensors.get(reader.input[1]!)
  const groups = reader?.attribute.find((one) => one.name === 'group')?.i ?? 1
  return weight && weight.shape.length > 2 ? weight.shape[1]! * groups : undefined
}

/** With all outputs of the file; where one of the others cannot be read, with the first alone. */
async function translated(
  file: OnnxFile,
  input: ValueInfo,
  given: OtherInput[],
  axes: Dim[],
  followed: number | undefined
): Promise<Omit<Translated, 'layout' | 'takesBytes'>> {
  const results = file.outputs.map(({ name }) => name)
  if (results.length > 1) {
    try {
      return await new Translation(file, input, given, axes, followed, results).run()
    } catch (error) {
      if (!(error instanceof BatchMixed) && !isLrpError(error)) throw error
    }
  }
  return new Translation(file, input, given, axes, followed, results.slice(0, 1)).run()
}

class Translation {
  private readonly draft: OnnxDraft
  private readonly evaluation = new Evaluation()
  private nodes = 0

  constructor(
    private readonly file: OnnxFile,
    private readonly input: ValueInfo,
    /** The other inputs, as they are for every image. */
    private readonly given: OtherInput[],
    private readonly axes: Dim[],
    /** Number of images the file is for, where any number is to be followed through it. */
    private readonly followed: number | undefined,
    /** Names of the outputs that are read. */
    private readonly results: string[]
  ) {
    this.draft = new OnnxDraft(followed !== undefined)
  }

  async run(): Promise<Omit<Translated, 'layout' | 'takesBytes'>> {
    const { file, draft } = this
    const { path } = file
    const scope = new Scope()
    for (const [name, tensor] of file.tensors) scope.set(name, Constant.weight(name, tensor))
    const dtype = ONNX_DTYPES[this.input.type?.tensor_type?.elem_type || 1]
    if (!dtype) throw new LrpError('UNSUPPORTED', `the input '${this.input.name}' of ${path} does not contain numbers`)
    scope.set(this.input.name, { node: this.tokens(dtype), shape: this.axes, dtype })
    for (const one of this.given) scope.set(one.name, this.valueOf(one))
    const [result] = this.results
    if (result === undefined) throw invalid(path, 'it has no output')
    await this.walk(file.nodes, this.results, scope, file.opset, 0)
    const output = scope.get(result)
    if (!output || isConstant(output)) throw invalid(path, 'its output does not depend on its input')
    if (this.followed !== undefined && !isBatchFirst(output)) throw new BatchMixed()
    if (this.axes[0] === 1 && output.shape[0] !== 1) {
      const why = 'its output has no axis for images: export it with a dynamic batch'
      throw new LrpError('UNSUPPORTED', `${path} was exported for only one image, and ${why}`)
    }
    const node = output.node === 'input' ? draft.draft.add(result, 'identity', ['input']) : output.node
    const inputShape = this.axes.map((axis, i) => (typeof axis === 'number' && (i > 0 || axis > 0) ? axis : null))
    const others = this.results.slice(1).flatMap((name) => this.otherOutput(scope, name))
    const [nodes, names] = [others.map((one) => one.node), [result, ...others.map((one) => one.name)]]
    const { graph, notes } = draft.draft.finish(inputShape, node, [node, ...nodes], names)
    return { graph, constants: draft.constants, notes }
  }

  /** An array of one row is repeated for every image where the file has a row for each. */
  private valueOf({ name, tensor, isPerImage, attributes }: OtherInput): Value {
    const constant = Constant.weight(name, tensor)
    if (!isPerImage) return constant
    const shape = [this.axes[0]!, ...tensor.shape.slice(1)]
    if (attributes) {
      const value = this.draft.weight(constant, 'value')
      const further = this.draft.draft.add(name, FURTHER_INPUT, ['input'], attributes, { value })
      return { node: further, shape, dtype: tensor.dtype }
    }
    const node = this.draft.input(constant)
    const repeated = this.draft.draft.add(`${name}.repeated`, 'expand_batch', [node, 'input'])
    return { node: repeated, shape, dtype: tensor.dtype }
  }

  /** An output other than the first: one that holds a row for each image. */
  private otherOutput(scope: Scope, name: string): { node: string; name: string }[] {
    const value = scope.get(name)
    const isRows = value && !isConstant(value) && value.node !== 'input' && isBatchFirst(value)
    return isRows ? [{ node: value.node, name }] : []
  }

  /** The node of the input: whole numbers, which may be tokens that are looked up, are made whole first. */
  private tokens(dtype: DType): string {
    if (dtype !== 'i64' && dtype !== 'i32') return 'input'
    return this.draft.draft.add('input.cast', 'aten::to.dtype', ['input'], {
      arguments: ['self'],
      dtype: TORCH_DTYPE[dtype]
    })
  }

  /** Reads the nodes that the results need, in the file's order. */
  private async walk(all: OnnxNode[], results: string[], scope: Scope, opset: number, depth: number): Promise<void> {
    const { path } = this.file
    if (depth > DEEPEST) throw invalid(path, 'its functions and branches are nested too deeply')
    const nodes = neededNodes(all, results)
    this.nodes += nodes.length
    if (this.nodes > MOST_NODES) throw invalid(path, 'it has too many nodes')
    const readers = countReaders(nodes, results)
    for (const node of nodes) {
      const inputs = node.input.map((name) => this.find(scope, node, name))
      const made = await this.node(node, inputs, readers, scope, opset, depth)
      node.output.forEach((name, i) => {
        const value = made[i]
        if (!name || !value) return
        if (scope.has(name)) throw invalid(path, `two of its nodes compute the value '${name}'`)
        scope.set(name, value)
        this.draft.countUses(inputs, value, readers.get(name) ?? 0)
      })
    }
  }

  private find(scope: Scope, node: OnnxNode, name: string): Value | undefined {
    if (name === '') return undefined
    const value = scope.get(name)
    if (value) return value
    const unreadable = this.file.unreadable.get(name) ?? this.file.unreadable.get('')
    if (unreadable) throw unreadable
    const reader = node.name || node.output[0]
    const why = `the node '${reader}' reads '${name}', which no earlier node computes: a weight is missing or the nodes form a cycle`
    throw invalid(this.file.path, why)
  }

  private async node(
    node: OnnxNode,
    inputs: (Value | undefined)[],
    readers: ReadonlyMap<string, number>,
    scope: Scope,
    opset: number,
    depth: number
  ): Promise<(Value | undefined)[]> {
    const own = this.file.functions.find(
      (one) => one.name === node.op_type && one.domain === node.domain && one.overload === node.overload
    )
    if (own) return this.inlined(own, node, inputs, opset, depth)
    const read = node.output.flatMap((name, i) => (name && readers.has(name) ? [i] : []))
    const call = new OnnxCall(node, this.file.path, opset, inputs, new Set(read), this.followed)
    const isStandard = node.domain === '' || node.domain === 'ai.onnx'
    if (isStandard && node.op_type === 'If') return this.branch(call, scope, opset, depth)
    const operator = isStandard && Object.hasOwn(OPERATORS, node.op_type)
    if (!operator) {
      const known = isStandard ? 'among those that can be imported' : `of the domain '${node.domain}'`
      throw call.fail((isStandard && recurrentReason(node.op_type)) || `ONNX has no such operator ${known}`)
    }
    try {
      return await this.operate(call, inputs)
    } catch (error) {
      if (isLrpError(error) || error instanceof BatchMixed) throw error
      throw call.fail(error instanceof RangeError ? error.message : 'its inputs are not valid')
    }
  }

  private async operate(call: OnnxCall, inputs: (Value | undefined)[]): Promise<(Value | undefined)[]> {
    const given = inputs.filter((one): one is Value => one !== undefined)
    const constants = given.length > 0 && given.every(isConstant) ? (given as Constant[]) : undefined
    const folded = constants && constants.length === inputs.length ? fold(call, constants) : undefined
    if (folded) return folded
    const isOpen = constants?.some((one) => one.isOpen)
    const draft = constants && !isOpen ? new OnnxDraft() : this.draft
    const result = OPERATORS[call.op]!(call, draft)
    const made = Array.isArray(result) ? result : [draft.nameResult(call, result)]
    call.checkUnderstood(made)
    if (draft === this.draft) return made
    return this.evaluation.of(call, draft, made)
  }

  /** The body of a function of the file in the place of its call. */
  private async inlined(
    { input, output, node: body, attribute_proto, opset_import }: OnnxFunction,
    node: OnnxNode,
    inputs: (Value | undefined)[],
    opset: number,
    depth: number
  ): Promise<(Value | undefined)[]> {
    const given = new Map([...attribute_proto, ...node.attribute].map((one) => [one.name, one]))
    const nodes = body.map((one) => withAttributes(one, given))
    const readers = countReaders(nodes, output)
    const inner = new Scope()
    input.forEach((name, i) => {
      const value = inputs[i]
      if (!value) return
      inner.set(name, value)
      this.draft.countUses([value], value, readers.get(name) ?? 0)
    })
    const missing = new Set(input.filter((_, i) => !inputs[i]))
    const present = nodes.map((one) => ({ ...one, input: one.input.map((name) => (missing.has(name) ? '' : name)) }))
    await this.walk(present, output, inner, standardOpset(opset_import) ?? opset, depth + 1)
    return output.map((name) => inner.get(name))
  }

  /** The branch of an `If` whose condition is known. */
  private async branch(call: OnnxCall, scope: Scope, opset: number, depth: number): Promise<(Value | undefined)[]> {
    const condition = call.constant(0)?.scalar
    if (condition === undefined) throw call.fail('its condition is not one value')
    const name = condition ? 'then_branch' : 'else_branch'
    const graph: OnnxGraph | null | undefined = call.node.attribute.find((one) => one.name === name)?.g
    if (!graph) throw call.fail(`its ${name} is missing`)
    const inner = new Scope(scope)
    for (const tensor of graph.initializer) {
      inner.set(tensor.name, Constant.weight(undefined, tensorOf(tensor, this.file.path)))
    }
    const results = graph.output.map((one) => one.name)
    await this.walk(graph.node, results, inner, opset, depth + 1)
    return results.map((one) => inner.get(one))
  }
}

function fold(call: OnnxCall, constants: Constant[]): Constant[] | undefined {
  const compute = Object.hasOwn(FOLD, call.op) ? FOLD[call.op] : undefined
  const isHalf = constants.some(({ dtype, isOpen }) => (dtype === 'f16' || dtype === 'bf16') && !isOpen)
  if (!compute || isHalf) return undefined
  try {
    const made = compute(call, constants)
    call.all()
    const list = Array.isArray(made) ? made : [made]
    call.checkUnderstood(list)
    return list
  } catch (error) {
    if (error instanceof TooLarge || (error instanceof RangeError && constants.some((one) => one.isOpen)))
      return undefined
    throw error
  }
}

/** Whether the first axis of a value is the batch, and no other axis depends on it. */
function isBatchFirst({ shape }: NodeValue): boolean {
  const [first, ...rest] = shape
  return first instanceof Size && equal(first, axisSize(0)) && !rest.some(dependsOnBatch)
}
