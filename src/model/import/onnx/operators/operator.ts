import type { DType } from '../../../../core/tensor.js'
import { BatchMixed, isConstant, type NodeValue, type OnnxCall, type Value } from '../call.js'
import { Constant } from '../constant.js'
import { broadcast, type Dim } from '../dim.js'
import type { Argument, OnnxDraft } from '../onnx-draft.js'

/** Makes nodes of an operator; several values where it has several outputs. */
export type Operator = (call: OnnxCall, draft: OnnxDraft) => Value | (Value | undefined)[]

/** An input as a node; a constant becomes one. */
export function nodeInput(call: OnnxCall, draft: OnnxDraft, index = 0): NodeValue {
  return asNode(draft, call.input(index))
}

export function asNode(draft: OnnxDraft, value: Value): NodeValue {
  return isConstant(value) ? { node: draft.input(value), shape: value.shape, dtype: value.dtype } : value
}

/** The shape of values that are broadcast against each other. */
export function broadcastOf(call: OnnxCall, ...values: { shape: readonly Dim[] }[]): Dim[] {
  let shape: Dim[] = []
  for (const one of values) {
    const next = broadcast(shape, one.shape)
    if (!next) {
      if (call.followed !== undefined) throw new BatchMixed()
      throw call.fail(
        `its inputs have shapes that do not match: ${values.map((v) => shapeText(v.shape)).join(' and ')}`
      )
    }
    shape = next
  }
  return shape
}

export const shapeText = (shape: readonly Dim[]): string =>
  `[${shape.map((one) => (typeof one === 'number' ? one : one.text)).join(', ')}]`

/** Sizes that an attribute of a window or a shape gives must be numbers. */
export function fixed(call: OnnxCall, shape: readonly Dim[], why: string): number[] {
  return shape.map((one) => {
    if (typeof one !== 'number') throw call.fail(`${why}: give the size of the input (--input-shape)`)
    return one
  })
}

/** The number that all values of a constant have. */
export function uniform(value: Value | undefined): number | undefined {
  if (!value || !isConstant(value) || value.isOpen || value.size === 0 || value.size > 1 << 16) return undefined
  const { numbers } = value
  return numbers.every((one) => one === numbers[0]) ? numbers[0] : undefined
}

/** A short hand for aten calls whose result has the shape and type of one node. */
export function like(
  call: OnnxCall,
  draft: OnnxDraft,
  x: NodeValue,
  overload: string,
  args: Record<string, Argument> = {},
  dtype: DType = x.dtype
): NodeValue {
  return draft.aten(call, overload, { self: x, ...args }, x.shape, dtype)
}

/** Two values through a binary aten overload. */
export function binary(
  call: OnnxCall,
  draft: OnnxDraft,
  overload: string,
  a: NodeValue,
  b: Value,
  dtype: DType = a.dtype
): NodeValue {
  return draft.aten(call, overload, { self: a, other: b }, broadcastOf(call, a, b), dtype)
}

export const scalar = (value: number, dtype: DType = 'f32'): Constant => Constant.of([value], [], dtype)
