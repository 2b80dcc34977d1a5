import type { AttributeValue } from '../../../core/graph.js'
import type { Handler } from './plan.js'
import type { Size } from './program.js'
import type { CallReader } from './reader.js'

export const isFixed = (sizes: Size[]): sizes is number[] => sizes.every((one) => typeof one === 'number')
export const given = (call: CallReader, names: string[]) =>
  Object.fromEntries(
    names.map((name) => {
      const value = call.literal(name)
      return [name, Array.isArray(value) && value.length === 0 ? undefined : (value as AttributeValue | undefined)]
    })
  )

/** An op of one tensor, `self` or `input`, with literals under their own names. */
export const plain =
  (names: string[] = [], op?: string): Handler =>
  (call) => {
    const x = call.node('self') ?? call.node('input')
    return x === undefined ? undefined : { op: op ?? call.op, inputs: [x], attributes: given(call, names) }
  }

/** Literals that must have the value which makes the call the plain op. */
export function isDefault(call: CallReader, values: Record<string, AttributeValue>): boolean {
  return Object.entries(values).every(([name, value]) => !call.has(name) || call.literal(name) === value)
}

/** Of a call with several results, the first is the op's. */
export const onlyFirst =
  (handler: Handler): Handler =>
  (call) => {
    const made = handler(call)
    return made === undefined || Array.isArray(made) ? made : [made]
  }

/** The same handler for one, two and three axes. */
export const perAxes = (name: (axes: number) => string, handler: Handler): Record<string, Handler> =>
  Object.fromEntries([1, 2, 3].map((axes) => [name(axes), handler]))
