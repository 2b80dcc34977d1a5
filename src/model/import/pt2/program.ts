import { LrpError } from '../../../core/errors.js'
import type { DType } from '../../../core/tensor.js'

/** A size: a number, or an expression over the input's sizes (`i0` is the batch, `i2` the height). */
export type Size = number | string

/** What a program states of a tensor. */
export interface Meta {
  dtype: DType
  sizes: Size[]
  /** The sizes and strides that the program was traced with. */
  traced: number[]
  strides: number[]
}

export type Literal = number | boolean | string | Size[]

export type Argument =
  | { kind: 'none' }
  | { kind: 'tensor'; name: string }
  /** `undefined` is a hole of a list of optional tensors. */
  | { kind: 'tensors'; names: (string | undefined)[] }
  /** `float`: written as 2.0, so that what it meets becomes a float. */
  | { kind: 'literal'; value: Literal; float?: boolean }
  | { kind: 'dtype'; value: DType }
  /** Device, layout and the order in memory: the model's own are taken. */
  | { kind: 'placement'; what: string }
  | { kind: 'unknown'; why: string }

/** A call of an aten op. Every value is written once: there is no operation in place. */
export interface Call {
  /** `roll` */
  op: string
  /** `default`, `Tensor`, ... */
  overload: string
  args: Map<string, Argument>
  /** Values that it writes, one per result. */
  results: string[]
  /** Path of the module that made the call, where it is a layer of PyTorch's. */
  module?: string
}

/** An exported program: calls in order of execution over named values. */
export interface Program {
  path: string
  /** The value that is the network's input. */
  input: string
  /** Values that are weights or constants, with their names in the file. */
  weights: Map<string, string>
  calls: Call[]
  values: Map<string, Meta>
  outputs: string[]
  /** As the model's own code names them: keys of dictionaries, places in lists. */
  outputNames?: string[]
}

/** A program that is not what `torch.export` writes. */
export function invalid(path: string, why: string): LrpError {
  return new LrpError('INVALID_FILE', `${path} is not a valid exported program: ${why}`)
}

/** A call that cannot be imported, with the reason. */
export function refused(path: string, call: Call, why: string): LrpError {
  const where = `the node '${call.results[0] ?? call.op}' (aten.${call.op}.${call.overload})`
  return new LrpError('UNSUPPORTED', `${path}: ${where} cannot be imported: ${why}`)
}

export function metaOf(program: Program, value: string): Meta {
  const meta = program.values.get(value)
  if (!meta) throw invalid(program.path, `the shape of '${value}' is missing`)
  return meta
}

/** Names of the tensors that a call reads, in order. */
export function tensorsOf(call: Call): string[] {
  return [...call.args.values()].flatMap((one) => {
    if (one.kind === 'tensor') return [one.name]
    return one.kind === 'tensors' ? one.names.filter((name) => name !== undefined) : []
  })
}

/** The same arguments with every tensor renamed. */
export function renamed(args: Map<string, Argument>, rename: (name: string) => string): Map<string, Argument> {
  return new Map(
    [...args].map(([key, one]): [string, Argument] => {
      if (one.kind === 'tensor') return [key, { ...one, name: rename(one.name) }]
      if (one.kind !== 'tensors') return [key, one]
      return [key, { ...one, names: one.names.map((name) => (name === undefined ? undefined : rename(name))) }]
    })
  )
}

export const tensor = (name: string): Argument => ({ kind: 'tensor', name })
export const literal = (value: Literal): Argument => ({ kind: 'literal', value })

/** A literal argument of a call; `undefined` where it is absent. */
export function literalOf(call: Call, name: string): Literal | undefined {
  const argument = call.args.get(name)
  return argument?.kind === 'literal' ? argument.value : undefined
}

/** A tensor argument of a call; `undefined` where it is absent or no tensor. */
export function tensorOf(call: Call, name: string): string | undefined {
  const argument = call.args.get(name)
  return argument?.kind === 'tensor' ? argument.name : undefined
}

/** An end that is not there: the largest int64 in a file, which JavaScript does not hold. */
export const TO_THE_END = 2 ** 50

export const isFloat = (dtype: DType): boolean => /^b?f\d/.test(dtype)

/** Sizes of row-major strides. */
export function rowMajor(shape: readonly number[]): number[] {
  const strides = new Array<number>(shape.length)
  for (let i = shape.length - 1, step = 1; i >= 0; step *= Math.max(1, shape[i--]!)) strides[i] = step
  return strides
}
