import type { AttributeValue, Graph, GraphNode, ModelParts } from '../../../core/graph.js'
import { TORCH_DTYPE, type DType, type RawTensor, type StateDict } from '../../../core/tensor.js'
import { native } from '../../../native/addon.js'
import { Draft } from '../draft.js'
import { recurrentReason } from '../recurrent.js'
import { invalid, isFloat, metaOf, refused, tensorsOf, type Argument, type Call, type Program } from './program.js'
import { CallReader, type Places } from './reader.js'
import type { Plan } from './plan.js'
import { OF_ANY_TYPE } from './moves.js'
import { SPECIAL } from './special.js'

/** They make a tensor from numbers alone, of the number type that PyTorch has as its default. */
const FACTORY =
  /^(full|arange|linspace|logspace|eye|scalar_tensor|tri[lu]_indices|(hann|hamming|blackman|bartlett|kaiser)_window)$/
/** Tensors filled with one number, whatever they take their shape from. */
const FILLED = /^(new_)?(zeros|ones|full|empty)(_like)?$/
/** Where and when a result is computed is the model's business. */
const PLACEMENT = new Set(['pin_memory', 'non_blocking'])
const CASTS = new Set(['to', '_to_copy', 'type_as'])

/** From calls to the nodes of a graph: the ops that have rules of their own where a call is one, calls of aten ops otherwise. */
export class Translation implements Places {
  private readonly draft = new Draft()
  private readonly nodes = new Map<string, string>()
  private readonly weights: Map<string, string>
  /** Values that follow from weights and numbers alone. */
  private readonly constant = new Set<string>()

  private readonly overloads = native().atenOverloads()

  constructor(
    private readonly program: Program,
    private readonly tensors: StateDict,
    /** Every call as it is written: for what is computed once, at import. */
    private readonly literally = false
  ) {
    this.weights = new Map(program.weights)
    for (const [value, name] of program.weights) {
      this.draft.tensors.set(name, tensors.get(name)!)
      this.constant.add(value)
    }
  }

  run(): Omit<ModelParts, 'name'> {
    this.readInput()
    for (const call of this.program.calls) this.translate(call)
    const outputs = this.program.outputs.map((value) => this.node(value))
    if (outputs[0] === 'input') throw invalid(this.program.path, 'its output is its input')
    return this.draft.finish(this.inputShape(), outputs[0]!, outputs, this.program.outputNames)
  }

  /** The calls alone, as a graph, and the nodes that hold the program's outputs. */
  constants(): { graph: Graph; tensors: StateDict; nodes: string[] } {
    for (const call of this.program.calls) this.translate(call)
    const nodes = this.program.outputs.map((value) => this.node(value))
    const graph = { inputShape: [null], nodes: this.draft.nodes, output: nodes[0]! }
    return { graph, tensors: this.draft.tensors, nodes }
  }

  node(value: string): string {
    const node = this.nodes.get(value)
    if (node !== undefined) return node
    const weight = this.weights.get(value)
    if (weight === undefined) throw invalid(this.program.path, `'${value}' is read before it is written`)
    return this.draft.constant(weight)
  }

  weight(value: string): string | undefined {
    return this.weights.get(value)
  }

  tensor(name: string): RawTensor | undefined {
    return this.tensors.get(name)
  }

  define(name: string, tensor: RawTensor): string {
    if (!this.draft.tensors.has(name)) this.draft.tensors.set(name, tensor)
    return this.draft.constant(name)
  }

  private inputShape(): (number | null)[] {
    const { sizes } = metaOf(this.program, this.program.input)
    return sizes.map((size) => (typeof size === 'string' ? null : size))
  }

  /** Whole numbers, bytes of an image or words, reach the network as floats. */
  private readInput(): void {
    const { dtype } = metaOf(this.program, this.program.input)
    const node = isFloat(dtype) ? 'input' : this.cast('input', dtype, 'input.cast')
    this.nodes.set(this.program.input, node)
  }

  private translate(call: Call): void {
    const recurrent = recurrentReason(call.op)
    if (recurrent !== undefined) throw this.refused(call, recurrent)
    const constant = tensorsOf(call).every((value) => this.constant.has(value))
    if (constant) for (const result of call.results) this.constant.add(result)
    if (CASTS.has(call.op)) return this.convert(call, constant)
    const filled = FILLED.exec(call.op)
    if (filled) return this.fill(call, filled[2]!)
    const reader = new CallReader(this.program, call, this)
    const handler = Object.hasOwn(SPECIAL, call.op) ? SPECIAL[call.op] : undefined
    // an op with rules of its own computes with floats, or moves what it is given
    const made =
      handler && ((reader.isReal && !this.literally) || OF_ANY_TYPE.has(call.op)) ? handler(reader) : undefined
    if (made === undefined || reader.unread.length > 0) return this.call(call, constant)
    const results = Array.isArray(made) ? made : [made]
    if (results.length === 1 && typeof results[0] === 'string' && this.keepsWeight(call)) return
    call.results.forEach((value, k) => {
      const one = results[k]
      if (one !== undefined) this.nodes.set(value, typeof one === 'string' ? one : this.add(reader.name, one))
      else this.callResult(call, k, constant)
    })
  }

  /** What only copies a weight is the weight. */
  private keepsWeight(call: Call): boolean {
    const [source] = tensorsOf(call)
    const weight = this.weights.get(source ?? '')
    if (weight === undefined) return false
    this.weights.set(call.results[0]!, weight)
    return true
  }

  private add(name: string, plan: Plan): string {
    const inputs = plan.inputs.map((one, i) =>
      typeof one === 'string' ? one : this.add(`${name}.${one.op.replace(/^aten::/, '')}${i || ''}`, one)
    )
    return this.draft.add(name, plan.op, inputs, plan.attributes ?? {}, plan.parameters ?? {})
  }

  private cast(node: string, dtype: DType, name: string): string {
    return this.draft.add(name, 'aten::to.dtype', [node], { dtype: TORCH_DTYPE[dtype] })
  }

  /** Casts between floats keep the precision that the model computes in; casts of constants are done as written. */
  private convert(call: Call, constant: boolean): void {
    const source = tensorsOf(call)[0]!
    const [from, to] = [metaOf(this.program, source).dtype, metaOf(this.program, call.results[0]!).dtype]
    const result = call.results[0]!
    const isSame = from === to || (!constant && isFloat(from) && isFloat(to))
    if (isSame && this.keepsWeight(call)) return
    const dtype = !constant && isFloat(to) ? 'f32' : to
    this.nodes.set(result, isSame ? this.node(source) : this.cast(this.node(source), dtype, result))
  }

  private fill(call: Call, kind: string): void {
    const { sizes, dtype } = metaOf(this.program, call.results[0]!)
    const stated = call.args.get('fill_value')
    if (kind === 'full' && stated?.kind !== 'literal') throw this.refused(call, 'its fill value is computed')
    const fill_value = kind === 'full' ? (stated as { value: AttributeValue }).value : kind === 'ones' ? 1 : 0
    const attributes = { size: sizes as AttributeValue, fill_value: scalar(fill_value), dtype: TORCH_DTYPE[dtype] }
    this.nodes.set(call.results[0]!, this.draft.add(call.results[0]!, 'aten::full', [], attributes))
  }

  /** A call of an aten op as it is written, every argument under its name. */
  private call(call: Call, constant: boolean): void {
    call.results.forEach((_, k) => this.callResult(call, k, constant))
  }

  private callResult(call: Call, k: number, constant: boolean): void {
    const args = this.exactArguments(call, constant)
    const inputs: string[] = []
    const names: string[] = []
    const attributes: GraphNode['attributes'] = {}
    const floats = this.makesFloats(call)
    const { dtype } = metaOf(this.program, call.results[0]!)
    for (const [name, one] of args) {
      if (one.kind === 'tensor') {
        inputs.push(floats ? this.cast(this.node(one.name), dtype, `${one.name}.cast`) : this.node(one.name))
        names.push(name)
      } else if (one.kind === 'tensors') {
        const holes = one.names.includes(undefined)
        one.names.forEach((value, i) => {
          if (value === undefined) return
          inputs.push(this.node(value))
          names.push(holes ? `${name}.${i}` : name)
        })
      } else if (PLACEMENT.has(name)) continue
      else if (one.kind === 'literal') attributes[name] = scalar(one.value as AttributeValue)
      else if (one.kind === 'dtype') attributes[name] = TORCH_DTYPE[one.value]
      else if (one.kind === 'unknown') throw this.refused(call, `its argument '${name}' is not supported: ${one.why}`)
    }
    if (names.length > 0) attributes.arguments = names
    if (k > 0) attributes.output = k
    const overload = overloadOf(call, args)
    const op = `aten::${call.op}${overload === 'default' ? '' : `.${overload}`}`
    const why = this.overloads[op]
    if (why !== null) throw this.refused(call, why ?? 'PyTorch has no such operator')
    this.nodes.set(call.results[k]!, this.draft.add(call.module ?? call.results[0]!, op, inputs, attributes))
  }

  /** Arguments whose meaning depends on what a graph does not state are spelled out. */
  private exactArguments(call: Call, constant: boolean): Map<string, Argument> {
    const args = new Map(call.args)
    const { dtype } = metaOf(this.program, call.results[0]!)
    const stated = args.get('dtype')
    if (FACTORY.test(call.op)) args.set('dtype', { kind: 'dtype', value: dtype })
    else if (stated?.kind === 'dtype' && isFloat(stated.value) && !constant) {
      // floats are computed in the model's precision
      const reads = new CallReader(this.program, call, this).dtypes()
      if (reads.every(isFloat)) args.delete('dtype')
      else args.set('dtype', { kind: 'dtype', value: 'f32' })
    }
    return args
  }

  /** Whether 2.0 meets whole numbers alone: a graph writes 2, which would keep them whole. */
  private makesFloats(call: Call): boolean {
    const hasFloat = [...call.args.values()].some((one) => one.kind === 'literal' && one.float)
    if (!hasFloat || !isFloat(metaOf(this.program, call.results[0]!).dtype)) return false
    const reads = new CallReader(this.program, call, this).dtypes()
    return reads.length > 0 && !reads.some(isFloat)
  }

  private refused(call: Call, why: string) {
    return refused(this.program.path, call, why)
  }
}

/** JSON lacks infinities: they are strings. */
function scalar(value: AttributeValue): AttributeValue {
  if (typeof value !== 'number' || Number.isFinite(value)) return value
  return Number.isNaN(value) ? 'nan' : value > 0 ? 'inf' : '-inf'
}

/** A number in the place of a tensor calls another overload: `add.Scalar`. */
function overloadOf(call: Call, args: Map<string, Argument>): string {
  const isNumber = args.get('other')?.kind === 'literal'
  if (isNumber && call.op === 'floor_divide') return 'Scalar'
  return isNumber ? call.overload.replace(/^Tensor/, 'Scalar') : call.overload
}
