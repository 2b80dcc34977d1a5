import * as z from 'zod'
import { LrpError } from '../../../core/errors.js'
import type { DType, StateDict } from '../../../core/tensor.js'
import { FURTHER_INPUT } from '../../further-inputs.js'
import { chooseInputs, type DeclaredInput, type GivenInputs, type OtherInput } from '../inputs.js'
import { outputNames } from './output-names.js'
import type { Argument, Call, Literal, Meta, Program, Size } from './program.js'
import { invalid, literal, renamed, tensor as tensorArgument, TO_THE_END } from './program.js'
import { readSize, SizeError, symbolOf } from './sizes.js'

/** The numbers of torch's serialised `ScalarType`. */
export const DTYPES: Record<number, DType> = {
  1: 'u8',
  2: 'i8',
  3: 'i16',
  4: 'i32',
  5: 'i64',
  6: 'f16',
  7: 'f32',
  8: 'f64',
  12: 'bool',
  13: 'bf16'
}

const union = z.record(z.string(), z.unknown())
type Union = z.infer<typeof union>
const meta = z.object({ dtype: z.number(), sizes: z.array(union), strides: z.array(union) })
const node = z.object({
  target: z.string(),
  inputs: z.array(z.object({ name: z.string(), arg: union })),
  outputs: z.array(union),
  metadata: z.record(z.string(), z.string()).nullish()
})
const graphSchema = z.object({
  inputs: z.array(union),
  outputs: z.array(union),
  nodes: z.array(node),
  tensor_values: z.record(z.string(), meta),
  sym_int_values: z.record(z.string(), union).default({})
})
/** What is read of `models/model.json`. */
export const programSchema = z.object({
  graph_module: z.object({
    graph: graphSchema,
    signature: z.object({
      input_specs: z.array(union),
      output_specs: z.array(union)
    }),
    module_call_graph: z
      .array(z.object({ fqn: z.string(), signature: z.object({ out_spec: z.string() }).nullish() }))
      .nullish()
  })
})
type Graph = z.infer<typeof graphSchema>
type Node = z.infer<typeof node>

/**
 * The exported program of a file, its graphs inlined and its sizes written over the input's axes.
 * @param weights the tensors of the file; arrays that are given for inputs are added to them
 * @throws LrpError INVALID_FILE, UNSUPPORTED
 */
export function readProgram(
  { graph_module }: z.infer<typeof programSchema>,
  weights: StateDict,
  path: string,
  given: GivenInputs = {}
): Program {
  const { graph, signature, module_call_graph: modules } = graph_module
  const spec = modules?.find(({ fqn }) => fqn === '')?.signature?.out_spec
  return new ProgramReader(path).read(graph, signature, weights, given, outputNames(spec))
}

class ProgramReader {
  /** Symbol of the program to axis of the input. */
  private readonly axes = new Map<string, string>()
  private readonly values = new Map<string, Meta>()
  private readonly calls: Call[] = []
  private sizes: Record<string, Union> = {}
  private graphs = 0

  constructor(private readonly path: string) {}

  read(
    graph: Graph,
    signature: { input_specs: Union[]; output_specs: Union[] },
    weights: StateDict,
    given: GivenInputs,
    names: string[]
  ): Program {
    const known = new Map<string, string>()
    const inputs: string[] = []
    for (const spec of signature.input_specs) {
      const [kind, body] = first(spec)
      const { arg, ...names } = body as Record<string, unknown>
      const name = tensorName(arg) ?? (arg as { name?: string } | undefined)?.name
      if (kind === 'constant_input' || kind === 'token') continue
      if (name === undefined) throw this.unsupported(`one of its inputs is not a tensor (${kind})`)
      if (kind === 'user_input') {
        inputs.push(name)
        continue
      }
      const weight = Object.entries(names).find(([key]) => key.endsWith('_name'))?.[1]
      if (typeof weight !== 'string' || !weights.has(weight)) throw this.invalid(`the weight '${weight}' is missing`)
      known.set(name, weight)
    }
    if (inputs.length === 0) throw this.invalid('it has no input')
    const declared = inputs.map((name) => this.declared(graph, name))
    const { explained: input, others } = chooseInputs(this.path, declared, given)
    this.nameAxes(graph, input)
    this.readGraph(graph, (name) => name)
    for (const one of others) this.giveConstant(one, input, weights, known)
    const results = signature.output_specs
      .map(first)
      .filter(([kind]) => kind === 'user_output')
      .map(([, body], i) => ({ value: this.tensorNames((body as { arg: Union }).arg)[0], name: names[i] ?? String(i) }))
      .filter((one): one is { value: string; name: string } => one.value !== undefined)
    const outputs = results.map(({ value }) => value)
    if (outputs.length === 0) throw this.invalid('it has no output that is a tensor')
    const outputNames = results.map(({ name }) => name)
    return { path: this.path, input, weights: known, calls: this.calls, values: this.values, outputs, outputNames }
  }

  private declared({ tensor_values: values }: Graph, name: string): DeclaredInput {
    const { sizes = [], dtype = 7 } = values[name] ?? {}
    const shape = sizes.map((size) => (typeof size.as_int === 'number' ? size.as_int : null))
    return { name, shape, dtype: DTYPES[dtype] ?? 'f32' }
  }

  /** An input becomes a weight; one row of it is repeated for every image where the program has a row for each. */
  private giveConstant(
    { name, tensor, isPerImage, attributes }: OtherInput,
    input: string,
    weights: StateDict,
    known: Map<string, string>
  ): void {
    let weight = name
    while (weights.has(weight)) weight += '_'
    weights.set(weight, tensor)
    if (!isPerImage) {
      known.set(name, weight)
      return
    }
    const meta = this.values.get(name)!
    const row = `${name}.given`
    known.set(row, weight)
    this.values.set(row, { ...meta, sizes: [1, ...meta.sizes.slice(1)], traced: [1, ...meta.traced.slice(1)] })
    const args = new Map([['self', tensorArgument(row)]])
    if (attributes) {
      args.set('batch', tensorArgument(input))
      for (const [key, value] of Object.entries(attributes)) args.set(key, literal(value as Literal))
    } else args.set('size', literal(meta.sizes))
    this.calls.unshift({ op: attributes ? FURTHER_INPUT : 'expand', overload: 'default', args, results: [name] })
  }

  /** A symbol, `s0`, is an axis of the input, `i0`; where the axis is `2*s0`, it is `(i0//2)`. */
  private nameAxes(graph: Graph, input: string): void {
    graph.tensor_values[input]?.sizes.forEach((size, axis) => {
      const text = expressionOf(size)
      const known = text === undefined ? undefined : this.sizeError(() => symbolOf(text))
      if (!known || this.axes.has(known.symbol)) return
      this.axes.set(known.symbol, known.factor === 1 ? `i${axis}` : `i${axis}//${known.factor}`)
    })
  }

  private readGraph(graph: Graph, rename: (name: string) => string): void {
    const outer = this.sizes
    this.sizes = graph.sym_int_values
    for (const [name, one] of Object.entries(graph.tensor_values)) {
      if (!this.values.has(rename(name))) this.values.set(rename(name), this.meta(one, name))
    }
    for (const one of graph.nodes) this.readNode(one, rename)
    this.sizes = outer
  }

  private meta(stated: z.infer<typeof meta>, name: string): Meta {
    const dtype = DTYPES[stated.dtype]
    if (!dtype) throw this.unsupported(`'${name}' has a number type that is not supported (${stated.dtype})`)
    return {
      dtype,
      sizes: stated.sizes.map((one) => this.size(one)),
      traced: stated.sizes.map(hintOf),
      strides: stated.strides.map(hintOf)
    }
  }

  private size(one: Union): Size {
    if (typeof one.as_int === 'number') return one.as_int
    const name = one.as_name
    if (typeof name === 'string') {
      const known = this.sizes[name]
      if (!known) throw this.invalid(`the size '${name}' is missing`)
      return this.size(known)
    }
    const text = expressionOf(one)
    if (text === undefined) throw this.invalid('one of its sizes is neither a number nor an expression')
    return this.sizeError(() => readSize(text, this.axes))
  }

  private sizeError<T>(read: () => T): T {
    try {
      return read()
    } catch (error) {
      if (error instanceof SizeError) throw this.unsupported(error.message)
      throw error
    }
  }

  private readNode(one: Node, rename: (name: string) => string): void {
    if (one.target.startsWith('torch.ops.higher_order.')) return this.inline(one, rename)
    const results = one.outputs.flatMap((output) => this.tensorNames(output))
    // what writes no tensor states a size, which the tensors already have, or checks one
    if (results.length === 0) return
    const [, op, overload] = /^torch\.ops\.aten\.(\w+)\.(\w+)$/.exec(one.target) ?? []
    if (op === undefined || overload === undefined) {
      throw this.unsupported(`the node '${results[0]}' uses ${one.target}, which cannot be imported`)
    }
    const args = new Map(one.inputs.map(({ name, arg }) => [name, this.argument(arg)]))
    this.calls.push({
      op,
      overload,
      args: renamed(args, rename),
      results: results.map((name, i) => rename(name ?? `${results[0] ?? op}.unused${i}`)),
      module: moduleOf(one)
    })
  }

  /** A graph that is called inside a context which changes nothing here: its calls become the program's. */
  private inline(one: Node, rename: (name: string) => string): void {
    const op = one.target.slice('torch.ops.higher_order.'.length)
    const at = one.inputs.findIndex(({ arg }) => arg.as_graph !== undefined)
    const before = one.inputs.slice(0, at).map(({ arg }) => first(arg)[1])
    const harmless = op === 'wrap_with_set_grad_enabled' || (op === 'wrap_with_autocast' && before[2] === false)
    const body = graphSchema.safeParse((one.inputs[at]?.arg.as_graph as { graph?: unknown } | undefined)?.graph)
    const results = one.outputs.flatMap((output) => this.tensorNames(output))
    if (!harmless || !body.success) {
      const why = op === 'wrap_with_autocast' ? 'it computes in another precision (autocast)' : 'it cannot be imported'
      throw this.unsupported(`the node '${results[0] ?? op}' uses ${one.target}: ${why}`)
    }
    const graph = body.data
    const operands = one.inputs.slice(at + 1).map(({ arg }) => tensorName(arg))
    const prefix = `graph${++this.graphs}.`
    const names = new Map<string, string>()
    graph.inputs.forEach((input, i) => {
      const [inner, outer] = [tensorName(input), operands[i]]
      if (inner !== undefined && outer !== undefined) names.set(inner, rename(outer))
    })
    const inside = (name: string) => names.get(name) ?? prefix + name
    this.readGraph(graph, inside)
    const written = graph.outputs.flatMap((output) => this.tensorNames(output))
    results.forEach((name, i) => {
      const value = written[i]
      if (name === undefined || value === undefined) return
      this.calls.push({
        op: 'alias',
        overload: 'default',
        args: new Map([['self', { kind: 'tensor', name: inside(value) } as Argument]]),
        results: [rename(name)]
      })
    })
  }

  private argument(arg: Union): Argument {
    const [kind, value] = first(arg)
    switch (kind) {
      case 'as_none':
        return { kind: 'none' }
      case 'as_tensor':
        return { kind: 'tensor', name: tensorName(arg) ?? '' }
      case 'as_optional_tensor':
        return tensorName(value) === undefined ? { kind: 'none' } : { kind: 'tensor', name: tensorName(value)! }
      case 'as_tensors':
      case 'as_optional_tensors':
        return { kind: 'tensors', names: this.tensorNames(arg) }
      case 'as_float':
        return { kind: 'literal', value: asNumber(value), float: true }
      case 'as_floats':
        return { kind: 'literal', value: (value as unknown[]).map(asNumber), float: true }
      case 'as_int':
        return { kind: 'literal', value: clamped(value as number) }
      case 'as_bool':
      case 'as_string':
        return { kind: 'literal', value: value as Literal }
      case 'as_ints':
      case 'as_bools':
        return { kind: 'literal', value: (value as (number | boolean)[]).map((one) => clamped(Number(one))) }
      case 'as_sym_int':
        return { kind: 'literal', value: this.size(value as Union) }
      case 'as_sym_ints':
        return { kind: 'literal', value: (value as Union[]).map((one) => this.size(one)) }
      case 'as_sym_float':
      case 'as_sym_bool': {
        const known = Object.entries(value as Union).find(([key]) => key !== 'as_name')
        if (known?.[0] === 'as_bool') return { kind: 'literal', value: known[1] as boolean }
        if (known?.[0] === 'as_float') return { kind: 'literal', value: asNumber(known[1]), float: true }
        return { kind: 'unknown', why: 'it depends on the size of the input' }
      }
      case 'as_scalar_type': {
        const dtype = DTYPES[value as number]
        return dtype ? { kind: 'dtype', value: dtype } : { kind: 'unknown', why: `its number type is not supported` }
      }
      case 'as_memory_format':
      case 'as_layout':
      case 'as_device':
        return { kind: 'placement', what: kind.slice('as_'.length) }
      default:
        return { kind: 'unknown', why: `it is given as ${kind.slice('as_'.length)}` }
    }
  }

  /** Names of the tensors of an argument or a result. */
  private tensorNames(one: Union): (string | undefined)[] {
    if (one.as_tensor !== undefined) return [tensorName(one)]
    if (Array.isArray(one.as_tensors)) return one.as_tensors.map((inner: unknown) => (inner as { name?: string }).name)
    if (Array.isArray(one.as_optional_tensors)) return one.as_optional_tensors.map(tensorName)
    return one.as_optional_tensor === undefined ? [] : [tensorName(one.as_optional_tensor)]
  }

  private invalid(why: string): LrpError {
    return invalid(this.path, why)
  }

  private unsupported(why: string): LrpError {
    return new LrpError('UNSUPPORTED', `${this.path}: ${why}`)
  }
}

function first(one: Union): [string, unknown] {
  return Object.entries(one)[0] ?? ['', {}]
}

function tensorName(one: unknown): string | undefined {
  return (one as { as_tensor?: { name?: string } } | undefined)?.as_tensor?.name
}

function expressionOf(one: Union): string | undefined {
  return (one.as_expr as { expr_str?: string } | undefined)?.expr_str
}

function hintOf(one: Union): number {
  if (typeof one.as_int === 'number') return one.as_int
  const hint = (one.as_expr as { hint?: { as_int?: number } | null } | undefined)?.hint
  return typeof hint?.as_int === 'number' ? hint.as_int : 1
}

function clamped(value: number): number {
  return Math.max(-TO_THE_END, Math.min(value, TO_THE_END))
}

/** JSON has no infinity: torch writes it as a string. */
function asNumber(value: unknown): number {
  return typeof value === 'number' ? value : Number(value)
}

/** The module's path where the call is a layer's, else nothing. */
function moduleOf(one: Node): string | undefined {
  const [, path, type] = one.metadata?.nn_module_stack?.split(';').at(-1)?.split(',') ?? []
  const isLayer = /^torch\.nn\.modules\.(?!container|activation\.Multihead)/.test(type ?? '')
  return isLayer && path ? path.replace(/@\d+/g, '') : undefined
}
