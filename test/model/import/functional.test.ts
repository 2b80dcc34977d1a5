import { expect, test } from '@jest/globals'
import { functional } from '../../../src/model/import/pt2/functional.js'
import { literal, rowMajor, tensor } from '../../../src/model/import/pt2/program.js'
import type { Argument, Call, Meta, Program } from '../../../src/model/import/pt2/program.js'
import { native } from '../../../src/native/addon.js'

const split = (overload: string): [op: string, overload: string] => {
  const [op, kind] = overload.slice('aten::'.length).split('.')
  return [op!, kind ?? 'default']
}
const overloads = Object.keys(native().atenOverloads()).map(split)
const schemaOf = ([op, overload]: [string, string]) => native().atenSchema(op, overload)!
const meta = (sizes: number[]): Meta => ({ dtype: 'f32', sizes, traced: sizes, strides: rowMajor(sizes) })
const call = (op: string, overload: string, results: string[], args: Record<string, Argument>): Call => ({
  op,
  overload,
  results,
  args: new Map(Object.entries(args))
})
const programOf = (calls: Call[], outputs: string[]): Program => ({
  path: 'net.pt2',
  input: 'input',
  weights: new Map(),
  calls: [call('relu', 'default', ['x'], { self: tensor('input') }), ...calls],
  values: new Map(['input', 'x', 'y', 'z'].map((name) => [name, meta([4, 4])])),
  outputs
})
/** `y` shares numbers with `x`, or may. */
const viewed = ([op, overload]: [string, string]): Call => {
  const shared = schemaOf([op, overload]).find(({ type }) => type.startsWith('Tensor'))!
  const argument: Argument = shared.type === 'Tensor' ? tensor('x') : { kind: 'tensors', names: ['x', 'input'] }
  return call(op, overload, ['y'], { [shared.name]: argument })
}
const doubled = (name: string) => call('mul_', 'Tensor', ['z'], { self: tensor(name), other: literal(2) })
/** How the program ends: refused by name, as one whose reader of `x` reads what was written, or with the old value. */
function outcome(program: Program): 'refused' | 'follows' | 'old' {
  try {
    const { calls, outputs } = functional(program)
    const writes = calls.findIndex(({ op }) => op === 'mul')
    const last = calls.findIndex(({ results }) => results.includes(outputs[0]!))
    return writes >= 0 && last >= writes ? 'follows' : 'old'
  } catch (error) {
    expect(error).toMatchObject({ code: 'UNSUPPORTED', message: expect.stringContaining('net.pt2') })
    return 'refused'
  }
}

const declared = overloads.filter((one) => schemaOf(one).some(({ alias }) => alias === 'view'))
const SOMETIMES = ['contiguous', 'to', 'reshape', 'reshape_as', 'flatten', 'ravel']

test('a write through any view that PyTorch declares reaches its base, or is refused', () => {
  const outcomes = declared
    .filter(([op]) => !SOMETIMES.includes(op))
    .map((one) => [one.join('.'), outcome(programOf([viewed(one), doubled('y')], ['x']))])
  expect(outcomes.length).toBeGreaterThan(60)
  expect(outcomes.filter(([, how]) => how === 'old')).toEqual([])
  const named = Object.fromEntries(outcomes) as Record<string, string>
  for (const one of ['linalg_diagonal.default', 'conj.default', 'mH.default', '_nested_get_values.default']) {
    expect([one, named[one]]).toEqual([one, 'refused'])
  }
  for (const one of ['alias.default', 't.default', 'mT.default']) expect([one, named[one]]).toEqual([one, 'follows'])
})

test('a view that PyTorch declares reads what its base gets later, or the write is refused', () => {
  const outcomes = declared
    .filter(([op]) => !SOMETIMES.includes(op))
    .map((one) => [one.join('.'), outcome(programOf([viewed(one), doubled('x')], ['y']))])
  expect(outcomes.filter(([, how]) => how === 'old')).toEqual([])
})

test.each(['meshgrid', 'broadcast_tensors', 'atleast_1d', 'cartesian_prod', 'sum_to_size', '_unsafe_view'])(
  'what %s gives or reads is not written',
  (op) => {
    for (const name of ['x', 'y']) {
      expect(outcome(programOf([viewed([op, 'default']), doubled(name)], ['x']))).toBe('refused')
    }
    expect(outcome(programOf([viewed([op, 'default']), doubled('input')], ['x']))).toBe(
      schemaOf([op, 'default'])[0]!.type === 'Tensor' ? 'old' : 'refused'
    )
  }
)

test('every overload that writes is done or refused, whatever its name', () => {
  const writing = overloads.filter((one) => schemaOf(one).some(({ alias }) => alias === 'written'))
  expect(writing.length).toBeGreaterThan(1000)
  const kept = writing.filter(([op, overload]) => {
    const args = schemaOf([op, overload])
      .filter(({ type }) => type === 'Tensor')
      .map(({ name }): [string, Argument] => [name, tensor('x')])
    const program = programOf([call(op, overload, ['y'], Object.fromEntries(args))], ['x'])
    try {
      return functional(program).calls.some((one) => one.op === op)
    } catch {
      return false
    }
  })
  expect(kept).toEqual([])
})
