import { expect, test } from '@jest/globals'
import { followBatch } from '../../../src/model/import/pt2/batch.js'
import { tensor, type Call, type Meta, type Program } from '../../../src/model/import/pt2/program.js'

const meta = (...traced: number[]): Meta => ({ dtype: 'f32', sizes: traced, traced, strides: [3, 1] })

/** A program that was exported for a batch of 2: one call of x [2, 3] and of a weight [3]. */
function program(op: string, overload: string, args: Record<string, string>): Program {
  const call: Call = {
    op,
    overload,
    args: new Map(Object.entries(args).map(([name, value]) => [name, tensor(value)])),
    results: ['y']
  }
  const values = new Map([
    ['x', meta(2, 3)],
    ['w', meta(3)],
    ['y', meta(2, 3)]
  ])
  return { path: 'test.pt2', input: 'x', weights: new Map([['w', 'w']]), calls: [call], values, outputs: ['y'] }
}

const sizesAfter = (given: Program): Meta['sizes'] => followBatch(given).values.get('y')!.sizes

test.each([
  ['asinh', 'default', { self: 'x' }],
  ['silu', 'default', { self: 'x' }],
  ['hardswish', 'default', { self: 'x' }],
  ['add', 'Tensor', { self: 'w', other: 'x' }],
  ['atan2', 'default', { self: 'w', other: 'x' }]
])('%s.%s is pointwise: it carries the batch, whichever operand has it', (op, overload, args) => {
  expect(sizesAfter(program(op, overload, args))).toEqual(['i0', 3])
})

test.each([
  ['cov', 'default', 'may mix images'],
  ['bernoulli', 'default', 'draws random numbers'],
  ['no_such_operator', 'default', 'does not exist']
])('%s.%s is not followed: it %s', (op, overload) => {
  expect(sizesAfter(program(op, overload, { self: 'x' }))).toEqual([2, 3])
})
